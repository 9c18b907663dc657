"""Lists of names, one a line."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from service.bulk.batches import Batch
from service.bulk.source import Source


class TextReader:
    """Implements `Reader`. `rows_of` makes of names the rows that a writer takes: a list has no columns of its own."""

    def __init__(self, source: Source, rows_of: Callable[[Sequence[str]], Any]) -> None:
        self._source = source
        self._rows_of = rows_of

    @property
    def done(self) -> float | None:
        return self._source.done

    def batches(self) -> Iterator[Batch]:
        for block in self._source.blocks():
            names = block.text.removesuffix("\n").split("\n")
            if "\r" in block.text:
                names = [name.removesuffix("\r") for name in names]
            yield Batch(names, self._rows_of(names), lambda index, first=block.line: f"line {first + index}")  # type: ignore[misc]
