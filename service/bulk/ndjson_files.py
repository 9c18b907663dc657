"""NDJSON: a JSON object a line.

Lines are kept as they are and the scores put behind the last field, so that nothing else of them changes: no number is
rounded, no key that stands there twice is lost.
"""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import orjson

from service.bulk.batches import Batch
from service.bulk.scoring import Scored
from service.bulk.source import Block, Source


class NdjsonReader:
    """Implements `Reader`. `added` are keys that no line may have yet."""

    def __init__(self, source: Source, column: str, added: Sequence[str]) -> None:
        self._source = source
        self._column = column
        self._added = set(added)

    @property
    def done(self) -> float | None:
        return self._source.done

    def batches(self) -> Iterator[Batch]:
        for number, block in enumerate(self._source.blocks()):
            yield self._batch(block, is_first=number == 0)

    def _batch(self, block: Block, is_first: bool) -> Batch:
        every = block.text.removesuffix("\n").split("\n")
        lines = [line for line in map(str.strip, every) if line]

        def place(index: int) -> str:
            filled = (number for number, line in enumerate(every, start=block.line) if line.strip())
            return f"line {next(number for i, number in enumerate(filled) if i == index)}"

        rows = [self._parsed(line, place, index) for index, line in enumerate(lines)]
        if not all(map(self._added.isdisjoint, rows)):
            index = next(i for i, row in enumerate(rows) if not self._added.isdisjoint(row))
            taken = min(self._added & set(rows[index]))
            raise self._source.error(place(index), f"the object already has a field {taken!r}: rename or remove it")
        if is_first and rows and self._column not in rows[0]:
            raise self._source.error(place(0), f"no field {self._column!r}; see --column")
        return Batch([row.get(self._column) for row in rows], lines, place)

    def _parsed(self, line: str, place: Any, index: int) -> dict[str, Any]:
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise self._source.error(place(index), f"not JSON ({error.msg})") from None
        if not (isinstance(row, dict) and row):
            raise self._source.error(place(index), "not a JSON object with fields")
        return row


class NdjsonWriter:
    """Implements `Writer`."""

    def __init__(self, file: BinaryIO, added: Sequence[str]) -> None:
        self._file = file
        self._end = "".join(f',"{name}":%s' for name in added) + "}\n"

    def write(self, rows: list[str], scored: Scored) -> None:
        end = self._end
        fields = zip(*scored.texts("null", _as_json), strict=True)
        self._file.write("".join([line[:-1] + end % each for line, each in zip(rows, fields, strict=True)]).encode())

    def finish(self) -> None:
        """NDJSON has no end of its own."""


def rows_of(names: Sequence[str]) -> list[str]:
    """Lines that hold names alone."""
    return [f'{{"name":{_as_json(name)}}}' for name in names]


def _as_json(text: str) -> str:
    return orjson.dumps(text).decode()
