"""Files that are whole on disk, or not there: written beside, synced, renamed, and their directory synced."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

_STAGING_PREFIX = ".staging-"


def make_directories(path: Path) -> None:
    """Makes what is missing, synced, and readable by a service that runs as another user whatever the umask."""
    missing = [parent for parent in (path, *path.parents) if not parent.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for directory in missing:
        directory.chmod(0o755)
        sync_directory(directory.parent)


def write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o644)  # readable by a service that runs as another user
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Replaces `path` atomically: a synced sibling, renamed over it, and the directory synced. If even the last
    step fails, the old content is put back before the error is raised."""
    before = path.read_bytes() if path.exists() else None
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        write_synced(temporary, content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    try:
        sync_directory(path.parent)
    except OSError:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            write_synced(temporary, before)
            temporary.replace(path)
        raise


def write_directory(path: Path, files: Mapping[str, bytes]) -> None:
    """A new directory, with what is missing above it: staged beside, all of it synced, renamed, and its parent synced.
    `files` are contents by their paths in it. If anything fails, nothing is left."""
    make_directories(path.parent)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING_PREFIX, dir=path.parent))
    try:
        for file, content in files.items():
            make_directories((staging / file).parent)
            write_synced(staging / file, content)
        staging.chmod(0o755)
        for directory in sorted({(staging / file).parent for file in files}, reverse=True):
            sync_directory(directory)
        staging.rename(path)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
