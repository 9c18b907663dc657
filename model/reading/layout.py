"""The form of a list, told by its beginning and by what a person says of it."""

import json
from dataclasses import replace

from model.reading.asked import Asked, DataError, ListFormat
from model.reading.described import Layout
from model.reading.json_values import first_values
from model.reading.lines import lines_of
from model.reading.other_forms import refuse_other_forms
from model.reading.tables import looks_like_table, table_layout, with_columns


def layout_of(head: str, encoding: str, asked: Asked, source: str, ending: str = "") -> Layout:
    """`head` is the beginning of a list, cut where a line ends or whole, `ending` that of the file's name, such as
    ".csv". Raises DataError where the form is not clear, with the option that says it."""
    form = asked.format or _json_form(head, source)
    match form:
        case ListFormat.JSON | ListFormat.NDJSON:
            return _json_layout(head, Layout(form, encoding), asked, source)
        case ListFormat.CSV | ListFormat.TSV:
            return table_layout(head, encoding, asked, source, form)
        case None if table := looks_like_table(head, asked, ending):
            return table_layout(head, encoding, asked, source, table)
        case _:
            if option := asked.of_columns:
                raise DataError(
                    f"{source}: a text file has no columns, so {option} cannot choose; {_say_what_it_is(asked)}"
                )
            if form is None:
                refuse_other_forms(lines_of(head), source)
            return Layout(ListFormat.TEXT, encoding)


def _say_what_it_is(asked: Asked) -> str:
    return "use a table, or leave out --format text" if asked.format else "use a CSV with a header"


def _json_form(head: str, source: str) -> ListFormat | None:
    text = head.lstrip()
    if text[:1] == "[":
        return ListFormat.JSON
    if text[:1] != "{":
        return None
    first = lines_of(text)[0]
    try:
        json.loads(first)
    except ValueError:
        raise DataError(
            f"{source}: this looks like one JSON object, but a list must be a JSON array or one object per line: "
            f"try jq '.names' {source} > names.json, with the name of the array in place of names"
        ) from None
    return ListFormat.NDJSON


def _json_layout(head: str, layout: Layout, asked: Asked, source: str) -> Layout:
    first = first_values(head, layout.format, source)
    objects = [value for value in first if isinstance(value, dict)]
    if objects:
        columns = tuple(objects[0])
        rows = [[str(each.get(column, "")) for column in columns] for each in objects]
        return with_columns(replace(layout, columns=columns, is_table=True), rows, asked, source)
    if any(isinstance(value, list) for value in first):
        raise DataError(
            f"{source}: an array of arrays; write each row as an object: jq '[.[] | {{name: .[0]}}]' {source}"
        )
    if option := asked.of_columns:
        raise DataError(f"{source}: its values have no columns, so {option} cannot choose")
    return layout
