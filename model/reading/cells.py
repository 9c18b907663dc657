"""The cells of a table, and by what character they are told apart."""

import csv
import io
from collections.abc import Sequence

from model.reading.asked import Asked
from model.reading.headings import is_usual, plain

_ROWS = 2_000
_DELIMITERS = ",;\t|"
MOST = 0.9


def likely_delimiter(head: str, asked: Asked) -> str:
    """That by which the first row has a usual heading or the one that was asked for, and by which rows are even."""
    wanted = plain(asked.column) if asked.column else None

    def fits(delimiter: str) -> tuple[bool, bool, int]:
        rows = rows_of(head, delimiter)
        known = any(is_usual(cell) or plain(cell) == wanted for cell in rows[0]) if rows else False
        even = is_even(rows)
        return known and (even or len(rows[0]) > 1), even, len(rows[0]) if even else 0

    return max(_DELIMITERS, key=fits)


def rows_of(head: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter, skipinitialspace=delimiter == " ")
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                if len(rows) == _ROWS:
                    break
    except csv.Error:  # the head may be cut within quotes; reading it in full tells
        pass
    return rows


def is_even(rows: Sequence[Sequence[str]]) -> bool:
    """Whether most rows have the same number of cells, and more than one."""
    if not rows:
        return False
    widths = [len(row) for row in rows]
    usual = max(set(widths), key=widths.count)
    return usual > 1 and widths.count(usual) >= MOST * len(widths)
