"""Tables: where the columns of names and of weights are, and what is refused as no table that is clear."""

from collections.abc import Sequence
from dataclasses import replace

from model.reading.asked import NO_COLUMN, Asked, DataError, ListFormat
from model.reading.cells import MOST, is_even, likely_delimiter, rows_of
from model.reading.described import Layout, shown
from model.reading.headings import (
    NAME,
    find,
    find_names,
    find_weights,
    has_heading,
    is_numeric,
    is_usual,
    likely_names,
    likely_weights,
    listed,
    plain,
    quoted,
)
from model.reading.other_forms import refuse_other_forms


def looks_like_table(head: str, asked: Asked, ending: str) -> ListFormat | None:
    """CSV or TSV, or None for plain lines."""
    if ending == ".tsv":
        return ListFormat.TSV
    if asked.delimiter or ending == ".csv" or (asked.column and asked.column.isdecimal()):
        return ListFormat.CSV
    delimiter = likely_delimiter(head, asked)
    rows = rows_of(head, delimiter)
    if not rows:
        return None
    wanted = {plain(each) for each in (asked.column, asked.weight_column) if each}
    known = any(is_usual(cell) or plain(cell) in wanted for cell in rows[0])
    if known and (len(rows[0]) > 1 or plain(rows[0][0]) in {NAME, "names"} | wanted):
        return ListFormat.CSV
    if is_even(rows) and (has_heading(rows) or not asked.column):
        return ListFormat.CSV
    return None


def table_layout(head: str, encoding: str, asked: Asked, source: str, form: ListFormat) -> Layout:
    delimiter = asked.delimiter or ("\t" if form is ListFormat.TSV else likely_delimiter(head, asked))
    rows = rows_of(head, delimiter)
    form = ListFormat.TSV if delimiter == "\t" else ListFormat.CSV
    layout = Layout(form, encoding, delimiter, is_table=True)
    numbered = asked.column is not None and asked.column.isdecimal()
    if rows and numbered and not has_heading(rows) and asked.column not in [cell.strip() for cell in rows[0]]:
        width = tuple(str(at + 1) for at in range(len(rows[0])))
        return replace(with_columns(replace(layout, columns=width), rows, asked, source), columns=())
    header = tuple(rows[0]) if rows else ()
    if not asked.column and rows and not any(map(is_usual, header)) and not has_heading(rows):
        raise DataError(_headerless(rows, delimiter, source))
    layout = with_columns(replace(layout, columns=header), rows[1:], asked, source)
    cells = [row[layout.names_at] for row in rows[1:] if layout.names_at < len(row)]
    if len(header) == 1:
        _refuse_other_delimiters(cells, header[0], source)
    refuse_other_forms(cells, source, is_text=False)
    return layout


def with_columns(layout: Layout, rows: Sequence[Sequence[str]], asked: Asked, source: str) -> Layout:
    columns = layout.columns
    names_at = find(columns, asked.column, source) if asked.column else find_names(columns, rows, source)
    weights_at = None
    if asked.weight_column not in (None, NO_COLUMN):
        weights_at = find(columns, asked.weight_column or "", source)
    elif asked.weight_column is None:
        weights_at = find_weights(columns, rows, names_at)
    where_at = find(columns, asked.where.column, source) if asked.where else None
    return replace(layout, names_at=names_at, weights_at=weights_at, where_at=where_at)


def _headerless(rows: Sequence[Sequence[str]], delimiter: str, source: str) -> str:
    """What to say of a table whose first row may be a header of unusual names, or names."""
    width, first = max(map(len, rows[:10])), rows[0]
    names_at = likely_names(rows, width)
    option = "" if delimiter == "," else f"--delimiter {_for_shell(delimiter)} "
    option += f"--column {names_at + 1}"
    if (weights := likely_weights(rows, width)) is not None:
        option += f" --weight-column {weights + 1}"
    whole_lines = "; if each line is a name, pass --format text"
    if any(is_numeric(rows[:1], at) for at in range(len(first))):
        return f"{source}: looks like CSV without a header; try {option}{whole_lines}"
    return (
        f"{source}: looks like CSV without a header; try {option}{whole_lines}; if line 1 is a header, no column is "
        f"called 'name' or the like; columns found: {listed(first)}; choose one with "
        f"--column {quoted(first[min(names_at, len(first) - 1)])}"
    )


def _for_shell(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else f"'{delimiter}'"


def _refuse_other_delimiters(cells: Sequence[str], heading: str, source: str) -> None:
    """Raises DataError where one heading stands over rows of several cells."""
    filled = [cell for cell in cells if cell.strip()]
    for other in ";\t|":
        if filled and sum(other in cell for cell in filled) >= MOST * len(filled):
            raise DataError(
                f"{source}: line 2: several cells, separated by {shown(other)}, but the heading has 1; name each "
                f"column in line 1, as in {heading.strip()}{other}weight, or pass --format text if each line is a name"
            )
