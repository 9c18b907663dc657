"""A directory of published models: `NAME/versions/DIGEST/{model.safetensors, names.txt, manifest.json, report/}`
and `NAME/current`, a small file that names the digest being served.

A version is staged beside its final place, synced, renamed and never changed; then `current` is replaced.
A reader therefore sees the old version or the new one, whole.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.durable import replace_file, write_directory
from model.errors import CheckpointError, StoreError
from model.header import Header, read_header
from model.header import digest as digest_of
from model.version_files import (
    MANIFEST_FILE,
    MODEL_FILE,
    NAMES_FILE,
    manifest_file,
    names_file,
    parse_names,
    read_file,
    read_files,
)

if TYPE_CHECKING:
    from model.checkpoint import Checkpoint

BUNDLED = Path(__file__).resolve().parent.parent / "store"
"""The models that come with the repository; read-only."""
OWN = Path(__file__).resolve().parent.parent / "var" / "store"
"""Where a person's own models go unless told otherwise."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


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
    manifest: dict[str, Any]
    directory: Path

    def read(self, file: str) -> bytes | None:
        """One of the version's other files, such as `REPORT_FILE`; None where it has none. Raises StoreError and
        CheckpointError for one that is damaged."""
        return read_file(self.directory, self.manifest, file)


@dataclass(frozen=True)
class Version:
    """A version that is whole, with its network."""

    name: str
    digest: str
    checkpoint: "Checkpoint"
    training_names: frozenset[str] | None
    """As in `Stored`."""
    manifest: dict[str, Any]


def check_name(name: str) -> str:
    """`name` if it can name a model (a to z, 0 to 9, '.', '_', '-'; up to 64). Raises StoreError."""
    if not _NAME.fullmatch(name):
        raise StoreError(
            f"{name[:64]!a} cannot name a model: use 1 to 64 of a-z, 0-9, '.', '_', '-', first a letter or digit"
        )
    return name


class Store:
    """Reads and writes the store at `root`, which need not exist until something is published."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        """Names of the models that have a current version, sorted."""
        if not self.root.is_dir():
            return []
        return sorted(path.parent.name for path in self.root.glob("*/current") if _NAME.fullmatch(path.parent.name))

    def digests(self, name: str) -> list[str]:
        """Digests of all versions of a model, the oldest first."""
        versions = [
            path for path in (self.root / check_name(name) / "versions").glob("*") if _DIGEST.fullmatch(path.name)
        ]
        return [path.name for path in sorted(versions, key=lambda path: (path.stat().st_mtime_ns, path.name))]

    def current(self, name: str) -> str:
        """Digest of the version being served. Raises StoreError."""
        path = self.root / check_name(name) / "current"
        try:
            text = path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            raise StoreError(
                f"{self.root} holds no model named {name}; it holds: {', '.join(self.names()) or 'none'}"
            ) from None
        if not _DIGEST.fullmatch(text):
            raise StoreError(f"{path} does not hold a digest")
        return text

    def open(self, name: str, digest: str | None = None) -> Stored:
        """The current version, or the one of `digest`, without its network: PyTorch is not needed. Raises
        StoreError, and CheckpointError for a header that is not valid."""
        digest = digest or self.current(name)
        directory = self._directory(name, digest)
        manifest, contents = read_files(directory, name, digest)
        data = contents[MODEL_FILE]
        names = parse_names(contents[NAMES_FILE], directory) if NAMES_FILE in contents else None
        with _naming(directory / MODEL_FILE):
            return Stored(name, digest, data, read_header(data), names, manifest, directory)

    def load(self, name: str, digest: str | None = None) -> Version:
        """The current version, or the one of `digest`, verified. Raises StoreError or CheckpointError."""
        from model import checkpoint  # brings PyTorch, which a process that only opens versions does without

        stored = self.open(name, digest)
        with _naming(self._directory(name, stored.digest) / MODEL_FILE):
            network = checkpoint.loads(stored.data)
        return Version(name, stored.digest, network, stored.training_names, stored.manifest)

    def publish(
        self,
        name: str,
        data: bytes,
        training_names: Iterable[str] | None,
        facts: dict[str, Any],
        report: Mapping[str, bytes] | None = None,
    ) -> str:
        """Adds a checkpoint's bytes as a version and makes it current; returns its digest.

        `training_names` are the distinct normalised names of the list, where it is known; `facts` (plain
        JSON) are kept in the manifest; `report` are the files of the report by their names in the version
        (`REPORT_FILE`, `DIAGNOSTICS_FILE`). Publishing the same bytes again only moves `current`. Raises
        CheckpointError if the bytes are not a whole checkpoint, StoreError if they cannot be written;
        nothing is then changed.
        """
        from model import checkpoint  # brings PyTorch: see `load`

        check_name(name)
        checkpoint.loads(data)
        digest = digest_of(data)
        files = {MODEL_FILE: data, **(report or {})}
        if training_names is not None:
            files[NAMES_FILE] = names_file(training_names)
        try:
            self._write_version(name, digest, files, facts)
            replace_file(self.root / name / "current", (digest + "\n").encode("ascii"))
        except OSError as error:
            raise StoreError(f"cannot publish to {self.root}: {error.strerror}") from None
        return digest

    def _write_version(self, name: str, digest: str, files: dict[str, bytes], facts: dict[str, Any]) -> None:
        directory = self._directory(name, digest)
        if directory.is_dir():
            self._check_same(name, digest, files.get(NAMES_FILE))
            return
        write_directory(directory, {**files, MANIFEST_FILE: manifest_file(name, digest, files, facts)})

    def _check_same(self, name: str, digest: str, names: bytes | None) -> None:
        """A version is never changed: publishing it again must bring what it holds."""
        directory = self._directory(name, digest)
        try:
            version = self.load(name, digest)
        except (StoreError, CheckpointError) as error:
            raise StoreError(f"{error}; remove {directory} and publish again") from None
        if names is not None and parse_names(names, directory) != version.training_names:
            raise StoreError(f"{directory} was published before with another list; remove it and publish again")

    def _directory(self, name: str, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise StoreError(f"{digest[:64]!a} is not a digest (64 hexadecimal digits)")
        return self.root / check_name(name) / "versions" / digest


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Puts the file in front of what is wrong with it."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
