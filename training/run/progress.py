"""How a run shows itself: a live bar on a terminal, a line now and then elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.learning import loop
from training.recipe.presets import Preset

_LINES = 10


@dataclass(frozen=True)
class RunProgress:
    """What the loops of a run call as they go: that of its teachers, if it has some, and its own."""

    teaching: loop.Progress
    training: loop.Progress


@contextmanager
def run_progress(console: Console, preset: Preset) -> Iterator[RunProgress]:
    taught = 0 if preset.teaching is None else preset.teaching.steps
    if not console.is_terminal:
        yield RunProgress(_lines(console, taught, "teachers: step"), _lines(console, preset.steps, "step"))
        return
    with _bar(console, "{task.description}") as bar:
        teaching = _task(bar, "teachers", taught) if taught else _nothing
        yield RunProgress(teaching, _task(bar, "training", preset.steps))


def _nothing(step: int, train_loss: float, dev_loss: float | None) -> None:
    """Shows nothing."""


def _task(bar: Progress, what: str, steps: int) -> loop.Progress:
    """A line of the bar, whose time runs from the first step on."""
    task = bar.add_task(what, total=steps, losses="", start=False)

    def update(step: int, train_loss: float, dev_loss: float | None) -> None:
        bar.start_task(task)
        bar.update(task, completed=step, losses=_losses(train_loss, dev_loss))

    return update


@contextmanager
def sweep_progress(console: Console, steps: Sequence[int]) -> Iterator[Callable[[int], loop.Progress]]:
    """For each run by its number, a function that its loop calls; `steps` are those of the runs. The bar, which only a
    terminal shows, is of all runs together."""
    with _bar(console, "sweep") as bar:
        task = bar.add_task("sweep", total=sum(steps), losses="")

        def watch(number: int) -> loop.Progress:
            before = sum(steps[:number])
            bar.update(task, completed=before)
            return lambda step, train, dev: bar.update(task, completed=before + step, losses=_losses(train, dev))

        yield watch


def _bar(console: Console, what: str) -> Progress:
    return Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def both(first: loop.Progress, second: loop.Progress) -> loop.Progress:
    """One function that calls two."""

    def update(step: int, train_loss: float, dev_loss: float | None) -> None:
        first(step, train_loss, dev_loss)
        second(step, train_loss, dev_loss)

    return update


def _lines(console: Console, steps: int, what: str) -> loop.Progress:
    shown = 0

    def update(step: int, train_loss: float, dev_loss: float | None) -> None:
        nonlocal shown
        if step * _LINES >= (shown + 1) * steps:
            shown = step * _LINES // steps
            console.print(f"{what} {step:,} of {steps:,}: {_losses(train_loss, dev_loss)}")

    return update


def _losses(train_loss: float, dev_loss: float | None) -> str:
    return f"train {train_loss:.4f}" + ("" if dev_loss is None else f"  dev {dev_loss:.4f}")
