"""One writer at a time in a store. Readers need no lock."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from model.errors import StoreError

LOCK_FILE = ".lock"
WAIT_SECONDS = 30.0


@contextmanager
def only_writer(root: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Holds the lock of the store at `root`, a directory, which the end of the process gives back in any case. Raises
    StoreError if another writer holds it for longer than `wait_seconds`, OSError if it cannot be written."""
    path = root / LOCK_FILE
    lock = FileLock(path, timeout=wait_seconds, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"another process is writing to the store {root} and has held {path} for {wait_seconds:g} s; try "
            "again when it is done"
        ) from None
    try:
        yield
    finally:
        lock.release()
