"""CSV: a heading, and rows of cells."""

import csv
import io
import operator
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import BinaryIO, Literal

from service.bulk.batches import Batch
from service.bulk.formats import FileError
from service.bulk.scoring import Scored
from service.bulk.source import Source

LINE_END = "\r\n"
"""As RFC 4180 has it, where there is no file to be like."""
_BATCH_ROWS = 16_384
_LINE_END = re.compile("\r\n|\r|\n")
_SHOWN = 200


class CsvReader:
    """Implements `Reader`. Raises FileError where there is no heading, or not one column of that name in it."""

    def __init__(self, source: Source, column: str, delimiter: str = ",") -> None:
        self._source = source
        blocks = source.blocks()
        first = next(blocks, None)
        texts = (block.text for block in (chain([first], blocks) if first else ()))
        self.marked = first is not None and first.marked
        self.line_end = LINE_END if first is None or LINE_END in first.text else "\n"
        lines = chain.from_iterable(io.StringIO(text, newline="") for text in texts)  # a quoted line end is left alone
        self._rows = csv.reader(lines, strict=True, delimiter=delimiter)
        self.header = next(iter(self._read(1)), [])
        found = repr(", ".join(self.header)[:_SHOWN])[1:-1] or "none"
        if self.header.count(column) != 1:
            many = "more than one" if column in self.header else "no"
            raise FileError(f"{source.name}: {many} column {column!r} in the heading (columns: {found}); see --column")
        self._at = self.header.index(column)

    @property
    def done(self) -> float | None:
        return self._source.done

    def batches(self) -> Iterator[Batch]:
        while True:
            first = self._rows.line_num + 1
            read = self._read(_BATCH_ROWS)
            if not read:
                return
            yield self._batch(read, first)

    def _batch(self, read: list[list[str]], first: int) -> Batch:
        def place(index: int) -> str:
            return f"line {_line_of(read, index, first)}"

        rows = read if all(read) else [row for row in read if row]  # an empty line is no row
        width = len(self.header)
        if set(map(len, rows)) - {width}:
            for index, row in enumerate(rows):
                if len(row) > width:
                    raise self._source.error(place(index), f"{len(row)} cells, but the heading has {width}")
            rows = [row + [""] * (width - len(row)) for row in rows]
        at = self._at
        return Batch([row[at] for row in rows], rows, place)

    def _read(self, count: int) -> list[list[str]]:
        try:
            return list(islice(self._rows, count))
        except csv.Error as error:
            raise self._source.error(f"line {self._rows.line_num}", f"not valid CSV ({error})") from None


class CsvWriter:
    """Implements `Writer` for rows of cells."""

    def __init__(
        self,
        file: BinaryIO,
        header: Sequence[str],
        added: Sequence[str],
        line_end: str = LINE_END,
        delimiter: str = ",",
    ) -> None:
        if taken := set(header) & set(added):
            raise FileError(f"the file already has a column {min(taken)!r}: rename or remove it")
        self._file = file
        self._width = len(header)
        self._line_end = line_end
        self._delimiter = delimiter
        self._write_rows([[*header, *added]])

    def write(self, rows: Iterable[list[str]], scored: Scored) -> None:
        rows = list(rows)
        if not self._write_plain(list(map(self._delimiter.join, rows)), scored):
            added = map(list, zip(*scored.texts("", str), strict=True))
            self._write_rows(map(operator.add, rows, added))

    def finish(self) -> None:
        """A CSV has no end of its own."""

    def _write_plain(self, lines: Sequence[str], scored: Scored) -> bool:
        """Writes rows of which no cell has to be quoted, as is mostly so: several times as fast. Else False."""
        together = "\n".join(lines)
        commas, breaks = len(lines) * (self._width - 1), len(lines) - 1
        plain = not any(char in together for char in '"\r') and "" not in lines
        if not (
            plain
            and scored.only_numbers
            and (together.count(self._delimiter), together.count("\n")) == (commas, breaks)
        ):
            return False
        rows = map(self._delimiter.join, zip(lines, *scored.texts("", str), strict=True))
        self._file.write("".join([row + self._line_end for row in rows]).encode())
        return True

    def _write_rows(self, rows: Iterable[list[str]]) -> None:
        rows = list(rows)
        text = _written(rows, self._line_end, csv.QUOTE_MINIMAL, self._delimiter)
        if self._line_end == "\n" and "\r" in text:  # which the writer leaves unquoted
            text = _written(rows, self._line_end, csv.QUOTE_ALL, self._delimiter)
        self._file.write(text.encode())


class NamesCsvWriter(CsvWriter):
    """Implements `Writer` for names alone."""

    def write(self, names: Sequence[str], scored: Scored) -> None:  # type: ignore[override]
        if not self._write_plain(names, scored):
            super().write([[name] for name in names], scored)


def _written(rows: Iterable[list[str]], line_end: str, quoting: Literal[0, 1], delimiter: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end, quoting=quoting, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def _line_of(read: list[list[str]], index: int, first: int) -> int:
    """Where row `index` begins, empty lines not counted as rows; the first line that was read is number `first`."""
    line = first
    for row in read:
        if row:
            if index == 0:
                break
            index -= 1
        line += 1 + sum(len(_LINE_END.findall(cell)) for cell in row)
    return line
