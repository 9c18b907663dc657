"""Where results go: a file that is written whole or not at all, or stdout."""

import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import BinaryIO

from model.files.durable import sync_directory

_STDOUT = 1


class ReaderGoneError(Exception):
    """What reads our stdout has had enough."""


@contextmanager
def written_whole(path: Path | None) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends: a synced sibling, renamed. If the block
    fails, `path` is as it was. What is no regular file (a device, a named pipe) is written to directly, and so is
    stdout (None). Raises OSError, and ReaderGoneError."""
    if path is None:
        with _stdout() as file:
            yield file
    elif path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
    else:
        target = path.resolve()  # behind a link
        temporary = target.with_name(f".{target.name}-{secrets.token_hex(8)}")  # other machines may write it too
        try:
            with _ending_by_exception(), temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o7777)
            temporary.replace(target)
        except BaseException as error:
            with suppress(OSError):
                temporary.unlink()
            if isinstance(error, OSError) and error.filename == str(temporary):
                error.filename = str(path)
            raise
        sync_directory(target.parent)


@contextmanager
def _ending_by_exception() -> Iterator[None]:
    """SIGTERM ends the program as an exception does, so that nothing is left behind."""
    if current_thread() is not main_thread():
        yield
        return

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _stdout() -> Iterator[BinaryIO]:
    try:
        yield sys.stdout.buffer
        sys.stdout.flush()
    except BrokenPipeError:
        with suppress(OSError, ValueError):  # what is left in buffers would fail once more as the program ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
        raise ReaderGoneError from None
