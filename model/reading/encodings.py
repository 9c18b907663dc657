"""Which encoding a list is in: what it says itself, UTF-8 if it can be, else what charset-normalizer finds likely."""

import codecs
from typing import BinaryIO

from model.reading.asked import DataError
from model.reading.guesses import likely
from model.reading.lines import count_ends

_CHUNK = 1 << 20
_SAMPLE = 1 << 16
"""Bytes of lines that are not ASCII; enough to tell languages apart."""
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(file: BinaryIO, source: str, asked: str | None) -> str:
    """The codec of `file`, which is left at its start. `asked` is the one that a person named. Raises DataError where
    that cannot be told, naming the first line that is not UTF-8."""
    try:
        return _told(file, source, asked)
    finally:
        file.seek(0)


def _told(file: BinaryIO, source: str, asked: str | None) -> str:
    start = file.read(4096)
    for mark, name in _BYTE_ORDER_MARKS:
        if start.startswith(mark) and (
            asked is None or codecs.lookup(asked).name.startswith(name.removesuffix("-sig"))
        ):
            return name
    if asked is not None:
        return codecs.lookup(asked).name
    if wide := _without_mark(start):
        return wide
    file.seek(0)
    if (at := _first_fault(file)) is None:
        return "utf-8"
    file.seek(0)
    return _eight_bit(file, source, at)


def _without_mark(start: bytes) -> str | None:
    """UTF-16 without a byte order mark: what has zero bytes, and is lines of letters once they are read in pairs."""
    if b"\0" in start:
        for encoding in ("utf-16-le", "utf-16-be"):
            text = start.decode(encoding, "replace")
            if count_ends(text) and all(char.isprintable() or char in "\t\r\n\ufffd" for char in text):
                return encoding
    return None


def _first_fault(file: BinaryIO) -> int | None:
    """Place of the first byte that is not UTF-8, or None."""
    decoder, read = codecs.getincrementaldecoder("utf-8")(), 0
    while True:
        chunk = file.read(_CHUNK)
        waiting = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            return read - waiting + error.start
        if not chunk:
            return None
        read += len(chunk)


def _eight_bit(file: BinaryIO, source: str, at: int) -> str:
    """What an encoding with a byte or two a letter is likely to be."""
    foreign = b"\n".join(line for line in file.read().splitlines() if not line.isascii())
    text = foreign.decode("utf-8", "surrogateescape")
    broken = sum("\udc80" <= char <= "\udcff" for char in text)
    line = f"{source}: line {line_at(file, 'utf-8', at)}"
    if sum(char > "\x7f" for char in text) - broken > broken:
        raise DataError(
            f"{line}: not UTF-8 text, though the rest of the file is; fix that line, or "
            "give another encoding with --encoding"
        )
    found = likely(foreign[:_SAMPLE])
    if len(found) != 1:
        shown = ", ".join(f"{name} ({first!r})" for name, first in list(found.items())[:4]) or "such as windows-1252"
        raise DataError(
            f"{line}: not UTF-8 text, and its encoding cannot be detected; choose one with --encoding: {shown}"
        )
    return next(iter(found))


def line_at(file: BinaryIO, encoding: str, at: int) -> int:
    """The line, from 1, in which byte `at` of the file stands."""
    file.seek(0)
    return 1 + count_ends(file.read(at).decode(encoding, "replace"))
