"""The lines of a list's file as they stand there: text, or CSV with a header that has a `name` column."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from model.errors import NamesmithError

NAME_COLUMN = "name"
WEIGHT_COLUMN = "weight"


class DataError(NamesmithError):
    """A list of names that cannot be used; says file, line and what to do."""


@dataclass(frozen=True)
class Where:
    """The rows of a CSV that are read: those with this value in this column."""

    column: str
    value: str

    def __str__(self) -> str:
        return f"{self.column}={self.value}"


@dataclass(frozen=True)
class Columns:
    """What is read of a list's rows. A text file has no columns, so nothing can be asked for there."""

    weight: str | None = None
    """The column that weighs names; None for one called `weight`, where there is one."""
    where: Where | None = None

    def check_text(self, path: Path) -> None:
        """Raises DataError where a column is asked for."""
        if self.weight:
            raise DataError(f"{path}: a text file has no columns, so none can be the weight; use a .csv file")
        if self.where:
            raise DataError(f"{path}: a text file has no columns, so none can choose its lines; use a .csv file")


def rows(path: Path, columns: Columns) -> Iterator[tuple[int, str, str]]:
    """Line number, name and weight as they stand in the file, which is read as it is asked for. Raises DataError."""
    is_csv = path.suffix.lower() == ".csv"
    read_rows = _csv_rows if is_csv else _text_rows
    try:
        with path.open(encoding="utf-8-sig", newline="" if is_csv else "\n") as lines:
            yield from read_rows(lines, path, columns)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _not_utf8(path) from None


def _not_utf8(path: Path) -> DataError:
    """Looks for the line at fault, by reading the file again."""
    start = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                at = start + error.start
                return DataError(f"{path}: line {number}: not UTF-8 text (byte {at}); save the file as UTF-8")
            start += len(line)
    return DataError(f"{path}: not UTF-8 text; save the file as UTF-8")  # a pipe, which is empty by now


def _text_rows(lines: TextIO, path: Path, columns: Columns) -> Iterator[tuple[int, str, str]]:
    columns.check_text(path)
    for number, line in enumerate(lines, start=1):
        yield number, line.removesuffix("\n").removesuffix("\r"), "1"


def _csv_rows(lines: TextIO, path: Path, columns: Columns) -> Iterator[tuple[int, str, str]]:
    reader = csv.reader(lines, strict=True)
    where, found = columns.where, False
    try:
        header = [column.strip() for column in next(reader, [])]
        name_at = _column(header, NAME_COLUMN, path)
        weight_at = where_at = None
        if columns.weight or WEIGHT_COLUMN in header:
            weight_at = _column(header, columns.weight or WEIGHT_COLUMN, path)
        if where:
            where_at = _column(header, where.column, path)
        for row in reader:
            padded = row + [""] * (len(header) - len(row))
            if where and where_at is not None and padded[where_at].strip() != where.value:
                continue
            found = True
            yield reader.line_num, padded[name_at], "1" if weight_at is None else padded[weight_at]
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: not valid CSV ({error})") from None
    if where and not found:
        raise DataError(f"{path}: no row has {where.value[:64]!a} in the column {where.column[:64]!a}")


def _column(header: list[str], wanted: str, path: Path) -> int:
    try:
        return header.index(wanted)
    except ValueError:
        found = repr(", ".join(header)[:200])[1:-1] or "none"  # repr keeps a strange header on one line
        raise DataError(f"{path}: no column {wanted!r} in the header; columns found: {found}") from None
