"""What commands tell beside their result: on stderr, the progress only where that is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Advance = Callable[[int, float | None], None]
"""Takes how many names there are by now, and which part of the work that is, 0 to 1, where it is known."""


def tell(line: str, *, quiet: bool) -> None:
    """Prints a line, unless nothing is to be told."""
    if not quiet:
        print(line, file=sys.stderr)  # noqa: T201


@contextmanager
def progress(output: Path | None, *, quiet: bool) -> Iterator[Advance]:
    """A bar, but not where the result itself goes to a terminal (`output` is None for stdout)."""
    if quiet or not sys.stderr.isatty() or (output is None and sys.stdout.isatty()):
        yield _nothing
        return
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[names]:,} names"))
    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, *times, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, names=0)

        def advance(names: int, part: float | None) -> None:
            bar.update(task, names=names, completed=part or 0.0, total=None if part is None else 1.0)

        yield advance


def _nothing(names: int, part: float | None) -> None:
    """Shows nothing."""
