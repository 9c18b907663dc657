"""A directory of published models, and all that changes it, from publishing a version to removing a model.

A version is staged beside its final place, synced, renamed and never changed; then `current` is replaced. A reader
therefore sees the old version or the new one, whole. There is one writer at a time.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import CheckpointError, StoreError
from model.files.durable import (
    clear_litter,
    make_directories,
    remove_directory,
    remove_file,
    replace_file,
    staged,
    write_directory,
)
from model.network.checkpoint_header import digest as digest_of
from model.store import history
from model.store.archive import unpack
from model.store.history import History
from model.store.lock import only_writer
from model.store.reader import CURRENT_FILE, HISTORY_FILE, StoreReader
from model.store.reader import Version as Version
from model.store.reader import check_name as check_name
from model.store.stored_version import naming
from model.store.version_files import (
    MANIFEST_FILE,
    MODEL_FILE,
    NAMES_FILE,
    distinct_names,
    manifest_file,
    parse_names,
    read_all,
    write_manifest,
)

if TYPE_CHECKING:
    from model.transitions.automaton import Transitions

BUNDLED = Path(__file__).resolve().parents[2] / "store"
"""The models that come with the repository; read-only."""
OWN = Path(__file__).resolve().parents[2] / "var" / "store"
"""Where a person's own models go unless told otherwise."""


class Store(StoreReader):
    """Reads and writes the store at `root`, which need not exist until something is published."""

    def publish(
        self,
        name: str,
        data: bytes,
        training_names: Iterable[str] | None,
        facts: dict[str, Any],
        report: Mapping[str, bytes] | None = None,
        transitions: "Transitions | None" = None,
        held_out: Iterable[str] = (),
    ) -> str:
        """Adds a checkpoint's bytes as a version and makes it current; returns its digest.

        `training_names` are the distinct normalised names of the list, where it is known; `facts` (plain JSON) are kept
        in the manifest; `report` are the files of the report by their names in the version. `transitions` is what the
        checkpoint was compiled to; without it that is done here, from what the network itself says. `held_out` are
        names that it was not trained on, to compare others with. Publishing the same bytes again only moves `current`.
        Raises CheckpointError if the bytes are not a whole checkpoint, StoreError if they cannot be written; nothing is
        then changed.
        """
        from model.store.publishing import contents  # brings PyTorch: see `load`

        check_name(name)
        made = contents(data, training_names, report, transitions, held_out)
        digest = digest_of(data)
        manifest = manifest_file(name, digest, made.files, facts, made.manifest)
        with self._writing(name, "publish to"):
            past, before = self._history(name), self._current_or_none(name)
            self._write_version(name, digest, made.files, manifest)
            self._make_current(name, digest, history.published(past, before, digest))
        return digest

    def add(self, content: bytes, path: Path, name: str | None = None) -> tuple[str, str]:
        """Adds the version in an exported file and makes it current, under its own name or another; returns name and
        digest. A model that is new here gets the history that came with it. `path` is for messages. Raises StoreError
        or CheckpointError; nothing is then changed."""
        from model.network import checkpoint  # brings PyTorch: see `load`

        archive = unpack(content, path)
        name, digest = check_name(name or archive.manifest["name"]), archive.manifest["digest"]
        with naming(path / MODEL_FILE):
            checkpoint.loads(archive.files[MODEL_FILE])
        with self._writing(name, "import into"):
            past, before = self._history(name) or archive.history[:-1], self._current_or_none(name)
            self._write_version(name, digest, archive.files, write_manifest({**archive.manifest, "name": name}))
            self._make_current(name, digest, history.published(past, before, digest))
        return name, digest

    def rollback(self, name: str, to: str | None = None) -> str:
        """Makes the version current that was so before, or the one of the digest `to`; returns its digest. Raises
        StoreError where there is none; StoreError or CheckpointError, and nothing is changed, unless it is whole."""
        with self._writing(name, "roll back in"):
            past, current = self._history(name), self._current_or_none(name)
            targets = history.earlier(past, current)
            if to is None and not targets:
                raise StoreError(f"{self.root} holds no earlier version of {name}")
            target = to or targets[-1]
            self.load(name, target)
            self._make_current(name, target, history.rolled_back(past, current, target))
        return target

    def withdraw(self, name: str) -> None:
        """Leaves a model without a current version; its versions stay. Raises StoreError."""
        self.current(name)
        with self._writing(name, "withdraw from"):
            remove_file(self.root / name / CURRENT_FILE)

    def prune(self, name: str, keep: int) -> list[str]:
        """Removes what is `prunable`; returns the digests. Raises StoreError."""
        with self._writing(name, "prune"):
            removed = self.prunable(name, keep)
            left = history.kept(self._history(name), self.current(name), keep)
            replace_file(self.root / name / HISTORY_FILE, history.dumps(left))
            for digest in removed:
                remove_directory(self._directory(name, digest))
        return removed

    def rename(self, name: str, to: str) -> None:
        """Gives a model with its versions and history another name; for a moment it has both. Raises StoreError or
        CheckpointError, and nothing is changed, unless every version is whole."""
        with self._writing(to, "rename in"):
            current, past = self.current(name), self._history(name)
            if self.holds(to):
                raise StoreError(f"{self.root} already holds {to}: choose another name, or remove it first")
            with staged(self.root / to) as staging:
                for digest in self.digests(name):
                    self._copy_version(name, digest, to, staging / "versions" / digest)
                replace_file(staging / HISTORY_FILE, history.dumps(past))
                replace_file(staging / CURRENT_FILE, history.dumps((current,)))
            remove_directory(self.root / name)

    def _copy_version(self, name: str, digest: str, to: str, directory: Path) -> None:
        manifest, files = read_all(self._directory(name, digest), name, digest)
        write_directory(directory, {**files, MANIFEST_FILE: write_manifest({**manifest, "name": to})})
        published = self._directory(name, digest).stat()
        os.utime(directory, ns=(published.st_atime_ns, published.st_mtime_ns))  # the order of publication

    def remove(self, name: str) -> list[str]:
        """Removes a model with all its versions; returns their digests. Raises StoreError."""
        if not self.holds(name):
            raise self.no_model(name)
        with self._writing(name, "remove from"):
            removed = self.digests(name)
            remove_directory(self.root / name)
        return removed

    def _current_or_none(self, name: str) -> str | None:
        """None too where the file is damaged: it is about to be replaced."""
        try:
            return self.current(name)
        except StoreError:
            return None

    def _make_current(self, name: str, digest: str, past: History) -> None:
        replace_file(self.root / name / HISTORY_FILE, history.dumps(past))
        replace_file(self.root / name / CURRENT_FILE, history.dumps((digest,)))

    def _write_version(self, name: str, digest: str, files: Mapping[str, bytes], manifest: bytes) -> None:
        directory = self._directory(name, digest)
        if directory.is_dir():
            self._check_same(name, digest, files.get(NAMES_FILE))
            return
        write_directory(directory, {**files, MANIFEST_FILE: manifest})

    @contextmanager
    def _writing(self, name: str, doing: str) -> Iterator[None]:
        """Alone, after the litter of writers that were killed is gone. What the system refuses becomes a StoreError."""
        directory = self.root / check_name(name)
        try:
            make_directories(self.root)
            with only_writer(self.root):
                clear_litter(self.root, ())
                clear_litter(directory, (CURRENT_FILE, HISTORY_FILE))
                clear_litter(directory / "versions", ())
                yield
        except OSError as error:
            raise StoreError(f"cannot {doing} {self.root}: {error.strerror or error}") from None

    def _check_same(self, name: str, digest: str, names: bytes | None) -> None:
        """A version is never changed: publishing it again must bring what it holds."""
        directory = self._directory(name, digest)
        try:
            version = self.load(name, digest)
        except (StoreError, CheckpointError) as error:
            raise StoreError(f"{error}; remove {directory} and publish again") from None
        if names is not None and distinct_names(parse_names(names, directory)) != version.training_names:
            raise StoreError(f"{directory} was already published with another list; remove it and publish again")
