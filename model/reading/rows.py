"""The rows of a list: where each stands, its name and its weight, as they are written there."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from gzip import GzipFile
from pathlib import Path
from typing import Any, BinaryIO

from model.reading.asked import Asked, DataError, ListFormat, Where
from model.reading.described import Layout
from model.reading.encodings import encoding_of, line_at
from model.reading.json_values import values_of
from model.reading.layout import layout_of
from model.reading.lines import decoded
from model.reading.source import opened

HEAD_BYTES = 1 << 18
"""Looked at to tell the form."""


class BadRow(str):
    """Stands for the name of a row that has none, and says why."""

    __slots__ = ()


Row = tuple[int, str, Any]
"""The line or the item, from 1; the name; the weight as it is written, None where none is."""


@dataclass(frozen=True)
class OpenList:
    """A list that is open for reading, and the form that it has."""

    source: str
    file: BinaryIO
    layout: Layout
    where: Where | None

    def rows(self) -> Iterator[Row]:
        """Raises DataError, saying where, for what cannot be read on."""
        layout = self.layout
        self.file.seek(0)
        try:
            if layout.format in (ListFormat.JSON, ListFormat.NDJSON):
                read = self._values()
            else:
                read = self._cells() if layout.is_table else self._lines()
            yield from read
        except UnicodeDecodeError as error:
            raise self._undecodable(error) from None

    def _lines(self) -> Iterator[Row]:
        with decoded(self.file, self.layout.encoding, newline=None) as lines:
            for number, line in enumerate(lines, start=1):
                yield number, line, None

    def _cells(self) -> Iterator[Row]:
        layout = self.layout
        names_at, weights_at, chosen = layout.names_at, layout.weights_at, self.where and layout.where_at
        width, needed = len(layout.columns), max(names_at, weights_at or 0, chosen or 0) + 1
        found = False
        for line, row in self._table_rows():
            if len(row) < needed:
                row = row + [""] * (needed - len(row))
            if self.where and row[chosen or 0].strip() != self.where.value:
                continue
            found = True
            if width and len(row) > width and any(cell.strip() for cell in row[width:]):
                yield line, BadRow(f"{len(row)} cells, but the heading has {width}; quote the name"), None
            else:
                yield line, row[names_at], None if weights_at is None else row[weights_at]
        self._check_found(found)

    def _table_rows(self) -> Iterator[tuple[int, list[str]]]:
        """Those below the heading, each with the line in which it begins."""
        layout, headed, begins = self.layout, bool(self.layout.columns), 1
        delimiter = layout.delimiter
        with decoded(self.file, layout.encoding, newline="") as text:
            reader = csv.reader(text, delimiter=delimiter, strict=True, skipinitialspace=delimiter == " ")
            try:
                for row in reader:
                    if headed:
                        headed = not any(map(str.strip, row))
                    else:
                        yield begins, row
                    begins = reader.line_num + 1
            except csv.Error as error:
                raise DataError(f"{self.source}: line {begins}: not valid CSV ({error})") from None

    def _values(self) -> Iterator[Row]:
        layout, found = self.layout, False
        keys = (layout.names_at, layout.weights_at, layout.where_at)
        name, weight, chosen = (layout.columns[at] if layout.is_table and at is not None else None for at in keys)
        for place, value in values_of(self.file, layout.encoding, layout.format, self.source):
            if layout.is_table != isinstance(value, dict):
                yield (
                    place,
                    BadRow("not a JSON object, though the first line is one" if layout.is_table else "not text"),
                    None,
                )
                continue
            if self.where and str(value.get(chosen, "")).strip() != self.where.value:
                continue
            found = True
            given = value.get(name) if layout.is_table else value
            weighs = value.get(weight, "") if weight is not None else None
            if given is None or isinstance(given, str):
                yield place, given or "", weighs
            else:
                yield place, BadRow("the name is not text"), None
        self._check_found(found)

    def _check_found(self, found: bool) -> None:
        if self.where and not found:
            column, value = self.where.column, self.where.value
            raise DataError(f"{self.source}: no row has {value[:64]!a} in the column {column[:64]!a}")

    def _undecodable(self, error: UnicodeDecodeError) -> DataError:
        """Looks for the line at fault, by decoding all again."""
        self.file.seek(0)
        try:
            self.file.read().decode(self.layout.encoding)
        except UnicodeDecodeError as whole:
            line = line_at(self.file, self.layout.encoding, whole.start)
            return DataError(
                f"{self.source}: line {line}: not {self.layout.encoding} text; fix it, or choose another --encoding"
            )
        return DataError(f"{self.source}: not {self.layout.encoding} text ({error.reason})")


@contextmanager
def opened_list(path: Path, asked: Asked) -> Iterator[OpenList]:
    """The list at `path`, its form told. Raises DataError."""
    with opened(path) as file:
        encoding = encoding_of(file, str(path), asked.encoding)
        layout = layout_of(head_of(file, encoding), encoding, asked, str(path), list_ending(path))
        yield OpenList(str(path), file, replace(layout, packed=isinstance(file, GzipFile)), asked.where)


def list_ending(path: Path) -> str:
    """The ending of a list's name, that of gzip left out."""
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def head_of(file: BinaryIO, encoding: str) -> str:
    """The text at the start of `file`: all of it, or whole lines."""
    data = file.read(HEAD_BYTES + 1)
    text = data.decode(encoding, "ignore")
    if len(data) <= HEAD_BYTES:
        return text
    end = max(text.rfind("\n"), text.rfind("\r"))
    return text[: end + 1] if end >= 0 else text
