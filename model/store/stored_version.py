"""A version as it lies in a store, opened without its network."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from model.errors import CheckpointError
from model.network.checkpoint_header import Header, read_header
from model.store.table_file import parse_table
from model.store.version_files import MODEL_FILE, NAMES_FILE, TABLE_FILE, distinct_names, parse_names, read_file
from model.transitions.automaton import Transitions


@dataclass(frozen=True)
class StoredVersion:
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

    @classmethod
    def of(cls, manifest: dict[str, Any], contents: Mapping[str, bytes], directory: Path) -> "StoredVersion":
        """Of files that are what the manifest says. Raises StoreError, and CheckpointError for a header that is not
        valid."""
        data, content = contents[MODEL_FILE], contents.get(TABLE_FILE)
        names = parse_names(contents[NAMES_FILE], directory) if NAMES_FILE in contents else None
        with naming(directory / MODEL_FILE):
            header = read_header(data)
        table = None if content is None else parse_table(content, header, manifest["digest"], directory / TABLE_FILE)
        return cls(manifest["name"], manifest["digest"], data, header, names, table, manifest, directory)

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


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Puts the file in front of what is wrong with it."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
