"""What every reader gives and every writer takes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from service.bulk.scoring import Scored


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of a file."""

    names: Sequence[object]
    """What stands in the column of names, be it text or not."""
    rows: Any
    """In the form that the writer of the format takes."""
    place: Callable[[int], str]
    """Where row i of the batch stands in the file."""


class Reader(Protocol):
    """Reads a file batch by batch."""

    def batches(self) -> Iterator[Batch]:
        """Raises FileError, saying where."""
        ...

    @property
    def done(self) -> float | None:
        """Which part of the file is read, 0 to 1; None where that is not known."""
        ...


class Writer(Protocol):
    """Writes rows, the columns of their scores behind their own."""

    def write(self, rows: Any, scored: Scored) -> None: ...

    def finish(self) -> None:
        """Writes what stands at the end."""
        ...
