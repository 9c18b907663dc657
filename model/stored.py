"""A version as it lies in a store, opened without its network."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.header import Header
from model.transitions import Transitions
from model.version_files import read_file


@dataclass(frozen=True)
class Stored:
    """A version whose files are what their digests say; its header is valid, its tensors are not looked at yet."""

    name: str
    digest: str
    data: bytes
    """The checkpoint, for `checkpoint.loads`."""
    header: Header
    training_names: frozenset[str] | None
    """The distinct names of the training list; None for a version published without its list."""
    table: Transitions | None
    """As it was compiled when the version was published; None where that was not done, or it is too large."""
    manifest: dict[str, Any]
    directory: Path

    @property
    def parameters(self) -> int | None:
        """Numbers that were learned, where the manifest says."""
        count = self.manifest.get("parameters")
        return count if isinstance(count, int) else None

    def read(self, file: str) -> bytes | None:
        """One of the version's other files, such as `REPORT_FILE`; None where it has none. Raises StoreError and
        CheckpointError for one that is damaged."""
        return read_file(self.directory, self.manifest, file)
