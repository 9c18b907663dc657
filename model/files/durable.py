"""Files that are whole on disk, or not there: written beside, synced, renamed, and their directory synced.

What changes a disk goes through functions of `os` (pathlib's methods call those of their names) that are one system
call each, so that tests can record it, replay any part of it and let any of it fail.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from model.files.regular import read_regular

_STAGING, _REMOVED = ".staging-", ".removed-"
_FILE_MODE, _DIRECTORY_MODE = 0o644, 0o755  # a service that runs as another user reads, whatever the umask
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_KEPT_BYTES = 1 << 30


def make_directories(path: Path) -> None:
    """Makes what is missing, synced. The first that is there may have been made by a process that was killed before
    it synced it, so that is done again. Raises OSError."""
    path = path.absolute()
    missing = [directory for directory in (path, *path.parents) if not directory.exists()]
    there = missing[-1].parent if missing else path
    with suppress(PermissionError):  # a directory that was not made here, in one that cannot be read
        sync_directory(there.parent)
    for directory in reversed(missing):
        _make_directory(directory)
        sync_directory(directory.parent)


def write_synced(path: Path, content: bytes, mode: int = _FILE_MODE) -> None:
    """A file with that content, synced; its name is not, before its directory is. Raises OSError."""
    descriptor = os.open(path, _CREATE, mode)
    try:
        os.fchmod(descriptor, mode)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes, mode: int = _FILE_MODE) -> None:
    """Replaces `path` atomically: a synced sibling, renamed over it, and the directory synced. If even the last
    step fails, the old content is put back before the error is raised."""
    before = _content(path)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        write_synced(temporary, content, mode)
        temporary.replace(path)
    except BaseException:
        _try_to_unlink(temporary)
        raise
    try:
        sync_directory(path.parent)
    except OSError:
        if before is None:
            _try_to_unlink(path)
        else:
            write_synced(temporary, before, mode)
            temporary.replace(path)
        raise


def remove_file(path: Path) -> None:
    """Removes a file, synced. If that fails, it is put back before the error is raised."""
    away = path.with_name(f".{path.name}-{os.getpid()}")
    path.rename(away)
    try:
        sync_directory(path.parent)
    except OSError:
        away.rename(path)
        raise
    _try_to_unlink(away)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Gives the path of a directory to be made beside `path`; at the end it is renamed to `path`, and its parent
    synced. What is put in it must be synced by then. If anything fails before the rename, nothing is left."""
    staging = path.with_name(_STAGING + path.name)
    try:
        yield staging
        staging.rename(path)
    except BaseException:
        with suppress(OSError):
            _delete(staging)
        raise
    sync_directory(path.parent)


def write_directory(path: Path, files: Mapping[str, bytes]) -> None:
    """A new directory, with what is missing above it: staged beside, all of it synced, renamed, and its parent synced.
    `files` are contents by their paths in it. If anything fails before the rename, nothing is left."""
    make_directories(path.parent)
    with staged(path) as staging:
        inner = {parent for file in files for parent in (staging / file).parents if parent.is_relative_to(staging)}
        for directory in sorted(inner):
            _make_directory(directory)
        for file, content in files.items():
            write_synced(staging / file, content)
        for directory in inner:
            sync_directory(directory)


def remove_directory(path: Path) -> None:
    """Removes a directory: it is gone at once, and whatever happens never there by halves. Raises OSError."""
    away = path.with_name(_REMOVED + path.name)
    path.rename(away)
    sync_directory(path.parent)
    _delete(away)


def clear_litter(directory: Path, files: Iterable[str]) -> None:
    """Removes what killed calls of these functions left in `directory`; `files` are the names of those that are
    replaced or removed in it. No such call may be under way. Raises OSError."""
    beginnings = (_STAGING, _REMOVED, *(f".{file}-" for file in files))
    with suppress(FileNotFoundError):
        for entry in sorted(directory.iterdir()):
            if entry.name.startswith(beginnings):
                _delete(entry)


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(_DIRECTORY_MODE)
    except FileExistsError:  # another process was quicker
        if not path.is_dir():
            raise
    else:
        path.chmod(_DIRECTORY_MODE)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for entry in sorted(path.iterdir()):
            _delete(entry)
        path.rmdir()
    else:
        path.unlink()


def _try_to_unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _content(path: Path) -> bytes | None:
    """None for what is not there, or is no file that could be put back."""
    try:
        return read_regular(path, _MAX_KEPT_BYTES)
    except OSError:
        return None
