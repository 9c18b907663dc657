"""Reading a store: `NAME/versions/DIGEST/{model.safetensors, table.safetensors, names.txt, manifest.json, report/}`;
`NAME/current`, a small file that names the digest being served; and `NAME/history`. Readers need no lock.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import StoreError
from model.files.regular import read_regular
from model.network.checkpoint_header import DIGEST
from model.store import history
from model.store.archive import pack
from model.store.history import History
from model.store.stored_version import StoredVersion, naming
from model.store.version_files import MODEL_FILE, TABLE_FILE, check_others, read_all, read_files

if TYPE_CHECKING:
    from model.network.checkpoint import Checkpoint
    from model.transitions.automaton import Transitions

CURRENT_FILE, HISTORY_FILE = "current", "history"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MAX_CURRENT_BYTES = 1024
_MAX_HISTORY_BYTES = 1 << 20


@dataclass(frozen=True)
class Version:
    """A version that is whole, with its network."""

    name: str
    digest: str
    checkpoint: "Checkpoint"
    training_names: frozenset[str] | None
    """As in `StoredVersion`."""
    manifest: dict[str, Any]
    table: "Transitions | None" = None
    """As in `StoredVersion`."""

    @classmethod
    def of(cls, stored: StoredVersion) -> "Version":
        """With the network of a version that is open. Raises CheckpointError."""
        from model.network import checkpoint  # brings PyTorch, which a process that only opens versions does without

        with naming(stored.directory / MODEL_FILE):
            network = checkpoint.loads(stored.data)
        return cls(stored.name, stored.digest, network, stored.training_names, stored.manifest, stored.table)

    @cached_property
    def transitions(self) -> "Transitions":
        """What is served; compiled here where the version came without."""
        from model.compiler.compile_model import compile_older

        return compile_older(self.checkpoint) if self.table is None else self.table


def check_name(name: str) -> str:
    """`name` if it can name a model (a to z, 0 to 9, '.', '_', '-'; up to 64). Raises StoreError."""
    if not _NAME.fullmatch(name):
        raise StoreError(
            f"{name[:64]!a} cannot name a model: use 1 to 64 of a-z, 0-9, '.', '_', "
            "'-', starting with a letter or digit"
        )
    return name


class StoreReader:
    """Reads the store at `root`, which need not exist."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        """Names of the models that have a current version, sorted."""
        if not self.root.is_dir():
            return []
        names = (path.parent.name for path in self.root.glob(f"*/{CURRENT_FILE}"))
        return sorted(name for name in names if _NAME.fullmatch(name))

    def digests(self, name: str) -> list[str]:
        """Digests of all versions of a model, the oldest first."""
        versions = [
            path for path in (self.root / check_name(name) / "versions").glob("*") if DIGEST.fullmatch(path.name)
        ]
        return [path.name for path in sorted(versions, key=lambda path: (path.stat().st_mtime_ns, path.name))]

    def current(self, name: str) -> str:
        """Digest of the version being served. Raises StoreError."""
        path = self.root / check_name(name) / CURRENT_FILE
        try:
            text = read_regular(path, _MAX_CURRENT_BYTES).decode("ascii").strip()
        except (FileNotFoundError, NotADirectoryError):
            raise self.no_model(name) from None
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise StoreError(f"cannot read {path}: {why}") from None
        if not DIGEST.fullmatch(text):
            raise StoreError(f"{path} does not hold a digest")
        return text

    def holds(self, name: str) -> bool:
        """Whether there is anything of a model, be it without a current version."""
        return (self.root / check_name(name)).is_dir()

    def no_model(self, name: str) -> StoreError:
        """The refusal of a name that the store does not hold."""
        return StoreError(f"{self.root} holds no model named {name}; it holds: {', '.join(self.names()) or 'none'}")

    def earlier(self, name: str) -> list[str]:
        """Digests that were current before the current one and are still there, the latest at the end: where
        `rollback` leads. Raises StoreError."""
        return list(history.earlier(self._history(name), self.current(name)))

    def open(self, name: str, digest: str | None = None) -> StoredVersion:
        """The current version, or the one of `digest`, without its network: PyTorch is not needed. Raises
        StoreError, and CheckpointError for a header that is not valid."""
        digest = digest or self.current(name)
        directory = self._directory(name, digest)
        manifest, contents = read_files(directory, name, digest)
        return StoredVersion.of(manifest, contents, directory)

    def has_table(self, name: str, digest: str) -> bool:
        """Whether a version came with its table, which is not looked at. Raises StoreError for a malformed digest."""
        return (self._directory(name, digest) / TABLE_FILE).is_file()

    def load(self, name: str, digest: str | None = None) -> Version:
        """The current version, or the one of `digest`, verified. Raises StoreError or CheckpointError."""
        return Version.of(self.open(name, digest))

    def verify(self, name: str, digest: str) -> None:
        """Raises StoreError or CheckpointError unless the version loads, each of its files is what the manifest says,
        and there is no other."""
        manifest = self.load(name, digest).manifest
        check_others(self._directory(name, digest), manifest)

    def export(self, name: str, digest: str | None = None) -> bytes:
        """The current version, or the one of `digest`, as one file (see `model.store.archive`). Raises StoreError or
        CheckpointError unless it is whole."""
        digest = digest or self.current(name)
        self.verify(name, digest)
        past = history.earlier(self._history(name), digest)
        manifest, files = read_all(self._directory(name, digest), name, digest)
        return pack(manifest, files, (*past, digest))

    def prunable(self, name: str, keep: int) -> list[str]:
        """Digests of all versions but the current one and the `keep` - 1 that were current before it. Raises
        StoreError."""
        left = history.kept(self._history(name), self.current(name), keep)
        return [digest for digest in self.digests(name) if digest not in left]

    def _history(self, name: str) -> History:
        """Of the versions that are there; empty for a model without a current version. A store that was written by an
        older program has none: then the order in which they were published."""
        path = self.root / name / HISTORY_FILE
        if not (self.root / name / CURRENT_FILE).exists():
            return ()
        there = self.digests(name)
        try:
            past = history.loads(read_regular(path, _MAX_HISTORY_BYTES))
        except FileNotFoundError:
            return tuple(there)
        except (OSError, StoreError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise StoreError(f"cannot read {path}: {why}; if you remove it, the order of publication decides") from None
        return history.existing(past, set(there).__contains__)

    def _directory(self, name: str, digest: str) -> Path:
        if not DIGEST.fullmatch(digest):
            raise StoreError(f"{digest[:64]!a} is not a digest (64 hexadecimal digits)")
        return self.root / check_name(name) / "versions" / digest
