"""A file of names whose form is told by its content, as training tells it (see `model/reading/`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from model.reading.asked import Asked, DataError, ListFormat
from model.reading.described import Layout
from model.reading.json_values import values_of
from model.reading.lines import decoded
from model.reading.rows import OpenList, opened_list
from service.bulk.formats import FileError, FileFormat
from service.bulk.source import Source

_FORMATS = {
    ListFormat.TEXT: FileFormat.TEXT,
    ListFormat.CSV: FileFormat.CSV,
    ListFormat.TSV: FileFormat.CSV,
    ListFormat.JSON: FileFormat.NDJSON,
    ListFormat.NDJSON: FileFormat.NDJSON,
}


@contextmanager
def told(path: Path, asked: Asked) -> Iterator[tuple[Source, FileFormat, Layout]]:
    """A file as UTF-8 text of a format that readers know, and how it stands on disk. Raises FileError for what looks
    like another form."""
    try:
        with opened_list(path, asked) as opened:
            layout = opened.layout
            if layout.is_table and not layout.columns:
                raise FileError(f"{path}: this CSV has no header; add a first line that names its columns")
            opened.file.seek(0)
            file = _as_utf8(opened)
            is_whole = file is opened.file and path.is_file() and not layout.packed
            size = path.stat().st_size if is_whole else None
            yield Source(str(path), file, size), _FORMATS[layout.format], layout
    except DataError as error:
        raise FileError(str(error).replace("--format ", "--input-format ")) from None


def column_of(layout: Layout) -> str:
    """The heading of the names, as it stands in the file."""
    return layout.columns[layout.names_at] if layout.columns else "name"


def _as_utf8(opened: OpenList) -> BinaryIO:
    layout = opened.layout
    if layout.format is ListFormat.JSON or (layout.format is ListFormat.NDJSON and not layout.is_table):
        return cast(BinaryIO, _Pieces(_json_lines(opened)))
    if layout.encoding in ("utf-8", "utf-8-sig") and not _has_old_line_ends(opened.file):
        return opened.file
    return cast(BinaryIO, _Pieces(_recoded(opened.file, layout)))


def _has_old_line_ends(file: BinaryIO) -> bool:
    """Whether lines end with CR alone, as those of old Macs did."""
    start = file.read(1 << 16)
    file.seek(0)
    return b"\r" in start and b"\n" not in start


def _recoded(file: BinaryIO, layout: Layout) -> Iterator[bytes]:
    newline = None if layout.format is ListFormat.TEXT or _has_old_line_ends(file) else ""
    with decoded(file, layout.encoding, newline) as lines:
        for line in lines:
            yield line.encode()


def _json_lines(opened: OpenList) -> Iterator[bytes]:
    """Each value as an object a line; a text stands for a name."""
    for _, value in values_of(opened.file, opened.layout.encoding, opened.layout.format, opened.source):
        row: Any = value if isinstance(value, dict) else {"name": value}
        yield orjson.dumps(row) + b"\n"


class _Pieces:
    """Bytes that come piece by piece, as a file that is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int) -> bytes:
        read, length = [], 0
        for piece in self._pieces:
            read.append(piece)
            length += len(piece)
            if length >= size:
                break
        return b"".join(read)
