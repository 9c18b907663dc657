"""JSON: the values of an array, or one a line."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from model.reading.asked import DataError, ListFormat
from model.reading.lines import decoded, lines_of

_LOOKED_AT = 2_000
_SPACE = " \t\r\n"


def first_values(head: str, form: ListFormat, source: str) -> list[Any]:
    """Those at the beginning, as far as `head` goes. Raises DataError where it is no JSON."""
    return _of_array(head, source) if form is ListFormat.JSON else _of_lines(head, source)


def _of_array(head: str, source: str) -> list[Any]:
    decoder = json.JSONDecoder()
    values: list[Any] = []
    at = head.find("[") + 1
    while len(values) < _LOOKED_AT:
        at = _next(head, at)
        if head[at : at + 1] in ("", "]"):
            break
        try:
            value, at = decoder.raw_decode(head, at)
        except ValueError:
            if not values:
                line = 1 + head.count("\n", 0, at)
                raise DataError(
                    f"{source}: line {line}: begins like a JSON array but is not one; if "
                    "each line is a name, pass --format text"
                ) from None
            break  # the head is cut here; reading it in full tells
        values.append(value)
        at = _next(head, at)
        at += head[at : at + 1] == ","
    return values


def _next(head: str, at: int) -> int:
    while head[at : at + 1] and head[at] in _SPACE:
        at += 1
    return at


def _of_lines(head: str, source: str) -> list[Any]:
    values = []
    for number, line in enumerate(lines_of(head)[:_LOOKED_AT], start=1):
        if line.strip():
            values.append(_value(line, f"{source}: line {number}"))
    return values


def values_of(file: BinaryIO, encoding: str, form: ListFormat, source: str) -> Iterator[tuple[int, Any]]:
    """The values, numbered from 1: those of an array by their places, those of lines by their lines. Raises DataError,
    and UnicodeDecodeError."""
    if form is ListFormat.NDJSON:
        with decoded(file, encoding, newline=None) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _value(line, f"{source}: line {number}")
        return
    try:
        values = orjson.loads(file.read().decode(encoding))
    except orjson.JSONDecodeError as error:
        raise DataError(f"{source}: line {error.lineno}: not JSON ({error.msg})") from None
    if not isinstance(values, list):
        raise DataError(f"{source}: a JSON list of names must be an array")
    yield from enumerate(values, start=1)


def _value(line: str, place: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise DataError(f"{place}: not JSON ({error.msg})") from None
