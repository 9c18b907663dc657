"""What is read: a file or stdin, by blocks of whole lines where it is text."""

import codecs
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from service.bulk.formats import FileError

_BLOCK_BYTES = 1 << 17
MAX_LINE_BYTES = 1 << 24
"""Longer ones are taken for a file that has no lines."""


@dataclass(frozen=True)
class Source:
    """A file that is open for reading, without a buffer."""

    name: str
    file: BinaryIO
    size: int | None
    """Bytes; None where that is not known."""

    def error(self, place: str, what: str) -> FileError:
        return FileError(f"{self.name}: {place}: {what}")

    @property
    def done(self) -> float | None:
        """Which part of the file is read, 0 to 1; None where its size is not known."""
        return self.file.tell() / self.size if self.size else None

    def blocks(self) -> Iterator["Block"]:
        """Text by blocks of whole lines. Raises FileError for what is no UTF-8 or has no lines."""
        rest, line = b"", 1
        for data in iter(lambda: self.file.read(_BLOCK_BYTES), b""):
            whole, newline, tail = data.rpartition(b"\n")
            if newline:
                block = self._block(rest + whole + newline, line)
                yield block
                line, rest = line + block.text.count("\n"), tail
            else:
                rest += tail
            if len(rest) > MAX_LINE_BYTES:
                raise self.error(f"line {line}", f"longer than {MAX_LINE_BYTES:,} bytes: is this a text file?")
        if rest:
            yield self._block(rest, line)

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """The file, or a copy on disk of what comes through a pipe."""
        if self.file.seekable():
            yield self.file
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(self.file, copy, _BLOCK_BYTES)
            copy.seek(0)
            yield copy

    def _block(self, data: bytes, line: int) -> "Block":
        marked = line == 1 and data.startswith(codecs.BOM_UTF8)
        data = data.removeprefix(codecs.BOM_UTF8) if marked else data
        try:
            return Block(data.decode(), line, marked)
        except UnicodeDecodeError as error:
            at = line + data.count(b"\n", 0, error.start)
            raise self.error(f"line {at}", "not UTF-8 text; save the file as UTF-8") from None


@dataclass(frozen=True)
class Block:
    """Whole lines, and the number of the first one."""

    text: str
    line: int
    marked: bool
    """A byte order mark stood in front, as some programs want it."""


@contextmanager
def opened(path: Path | None) -> Iterator[Source]:
    """`path`, or stdin (None). Raises OSError."""
    if path is None:
        file = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)  # gives what has come, without waiting for more
        yield Source("stdin", file, None)
        return
    with path.open("rb", buffering=0) as file:
        yield Source(str(path), file, path.stat().st_size if path.is_file() else None)
