"""What becomes of a run that is stopped: one line, and a snapshot from which `--resume` goes on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from model.errors import NamesmithError
from training import snapshots
from training.commands.console import err, out
from training.course import Course
from training.dataset import NameList
from training.gate import GateRefusedError
from training.loop import TrainingError
from training.run import Config
from training.run_key import run_key
from training.snapshots import SnapshotError, Snapshots, State

ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with this very run where it was interrupted.")]
SnapshotsOption = Annotated[
    Path, typer.Option("--snapshots", envvar="NAMESMITH_SNAPSHOTS", help="Directory for interrupted runs.")
]
SnapshotEveryOption = Annotated[float, typer.Option("--snapshot-every", min=0, max=1e9, hidden=True, help="Seconds.")]
DEFAULT_DIRECTORY, DEFAULT_SECONDS = snapshots.DIRECTORY, snapshots.SECONDS


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM end a run with one line. Nothing is written before the store publishes, and that is atomic."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise NamesmithError("interrupted; nothing was published") from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def resumable(names: NameList, config: Config, directory: Path, every: float, resume: bool) -> Iterator[Course]:
    """The course of the run, from its beginning or from where a snapshot left it. Only a run that is interrupted, or
    stopped by something beyond it such as a full disk, leaves a snapshot behind."""
    kept = Snapshots(directory, run_key(names, config), every, _warn)
    total = config.preset.all_steps
    course = Course(kept, _found(kept, resume, total))
    try:
        yield course
    except KeyboardInterrupt:
        how = "" if kept.steps is None else f"; --resume goes on after {_so_many(kept.steps, total)}"
        raise NamesmithError(f"interrupted; nothing was published{how}") from None
    except (TrainingError, GateRefusedError):
        kept.remove()
        raise
    kept.remove()


def _found(kept: Snapshots, resume: bool, total: int) -> State | None:
    """Where to go on; None for the beginning. Raises SnapshotError if that is asked for and cannot be."""
    try:
        state = kept.read()
    except SnapshotError:
        if resume:
            raise
        return None
    if state is None:
        if resume:
            out.print("there is no snapshot of this run; it starts from the beginning")
    elif resume:
        out.print(f"the run goes on after {_so_many(kept.steps, total)}")
    else:
        out.print(f"this run was interrupted after {_so_many(kept.steps, total)}; --resume would go on there")
    return state if resume else None


def _so_many(steps: int | None, total: int) -> str:
    return f"{steps or 0:,} of {total:,} steps"


def _warn(text: str) -> None:
    err.print(f"[yellow]{escape(text)}[/]")
