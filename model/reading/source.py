"""The bytes of a list: unpacked, seekable, and not those of another kind of file."""

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from model.reading.asked import DataError

_GZIP = b"\x1f\x8b"
_LOOKED_AT = 512
_SAVE_AS_CSV = "save it as CSV (UTF-8) and read that"
_UNPACK = "unpack it and read the list in it"
_OTHER_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Word file", _SAVE_AS_CSV),
    (b"%PDF", "a PDF", "copy its names into a text file, one a line"),
    (b"{\\rtf", "an RTF document", "save it as plain text (UTF-8)"),
    (b"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
    (b"PAR1", "a Parquet file", "write it as CSV first"),
    (b"BZh", "packed with bzip2", "unpack it: bunzip2 FILE"),
    (b"\xfd7zXZ", "packed with xz", "unpack it: unxz FILE"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it: unzstd FILE"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x89PNG", "a picture", "write its names into a text file, one a line"),
    (b"\xff\xd8\xff", "a picture", "write its names into a text file, one a line"),
    (b"GIF8", "a picture", "write its names into a text file, one a line"),
    (b"\x7fELF", "a program", "give a list of names instead"),
)
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<table", b"<svg")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file at `path` from its start, unpacked if it is gzip. What comes through a pipe is copied to disk first.
    Raises DataError."""
    try:
        with path.open("rb") as file, seekable(file) as whole, unpacked(whole) as content:
            refuse_other_kinds(content.read(_LOOKED_AT), str(path))
            content.seek(0)
            yield content
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise DataError(f"{path}: its gzip is damaged or cut short; copy or download it again") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


@contextmanager
def seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, or a copy on disk where it is a pipe."""
    if file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield copy


@contextmanager
def unpacked(file: BinaryIO) -> Iterator[BinaryIO]:
    """A seekable file, or what is packed in it."""
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    if not packed:
        yield file
        return
    with gzip.GzipFile(fileobj=file) as content:
        yield cast(BinaryIO, content)


def refuse_other_kinds(start: bytes, source: str) -> None:
    """Raises DataError where the first bytes are those of a file that is no list as text."""
    if start.startswith(b"PK\x03\x04"):
        raise DataError(f"{source}: {_zip_kind(start)}")
    for magic, kind, remedy in _OTHER_KINDS:
        if start.startswith(magic):
            raise DataError(f"{source}: this is {kind}; {remedy}")
    if start[257:262] == b"ustar":
        raise DataError(f"{source}: this is a tar archive; {_UNPACK}")
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:9].lower().startswith(_MARKUP):
        raise DataError(f"{source}: this is HTML or XML; save the names as text, one a line, or as CSV")


def _zip_kind(start: bytes) -> str:
    office = b"[Content_Types].xml" in start or b"_rels/" in start
    if office or b"opendocument" in start:
        return f"this is a spreadsheet or an office document (xlsx, ods, docx); {_SAVE_AS_CSV}"
    return f"this is a zip archive; {_UNPACK}"
