"""A version as it lies in a store, opened without its network."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from model.header import Header
from model.transitions import Transitions
from model.version_files import distinct_names, read_file


@dataclass(frozen=True)
class Stored:
    """A version whose files are what their digests say; its header is valid, its tensors are not looked at yet."""

    name: str
    digest: str
    data: bytes
    """The checkpoint, for `checkpoint.loads`."""
    header: Header
    name_lines: tuple[str, ...] | None
    """The distinct names of the training list, one a line, in parts of whole lines (see `parse_names`); None for a
    version published without its list."""
    table: Transitions | None
    """As it was compiled when the version was published; None where that was not done, or it is too large."""
    manifest: dict[str, Any]
    directory: Path

    @cached_property
    def training_names(self) -> frozenset[str] | None:
        """The same as a set of strings, which takes a tenth of a second for 100,000 of them."""
        return None if self.name_lines is None else distinct_names(self.name_lines)

    @property
    def parameters(self) -> int | None:
        """Numbers that were learned, where the manifest says."""
        count = self.manifest.get("parameters")
        return count if isinstance(count, int) else None

    def read(self, file: str) -> bytes | None:
        """One of the version's other files, such as `REPORT_FILE`; None where it has none. Raises StoreError and
        CheckpointError for one that is damaged."""
        return read_file(self.directory, self.manifest, file)
