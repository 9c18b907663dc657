"""Files that are whole on disk, or not there: written beside, synced, renamed, and their directory synced."""

import os
from pathlib import Path


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


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
