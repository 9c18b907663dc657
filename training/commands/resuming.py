"""What is left of a run that is stopped: a snapshot from which `--resume` goes on."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.markup import escape

from model.errors import NamesmithError
from training.console.console import err, out
from training.data.read_list import NameList
from training.gate.checks import GateRefusedError
from training.learning.loop import TrainingError
from training.learning.resumable_run import ResumableRun
from training.learning.snapshots import SnapshotError, Snapshots, State
from training.run.parallel import ProcessLostError
from training.run.run import Config
from training.run.run_key import run_key


@contextmanager
def resumable(names: NameList, config: Config, directory: Path, every: float, resume: bool) -> Iterator[ResumableRun]:
    """The course of the run, from its beginning or from where a snapshot left it. Only a run that is interrupted, or
    stopped by something beyond it such as a full disk, leaves a snapshot behind."""
    kept = Snapshots(directory, run_key(names, config), every, _warn)
    total = config.preset.all_steps
    course = ResumableRun(kept, _found(kept, resume, total))
    try:
        yield course
    except KeyboardInterrupt:
        raise NamesmithError(f"interrupted; nothing was published{_how_to_go_on(kept, total)}") from None
    except ProcessLostError as error:
        raise ProcessLostError(f"{error}{_how_to_go_on(kept, total)}") from None
    except (TrainingError, GateRefusedError):
        kept.remove()
        raise
    kept.remove()


def _found(kept: Snapshots, resume: bool, total: int) -> State | None:
    """Where to go on; None for the beginning. Raises SnapshotError if that is asked for and cannot be."""
    if not resume:
        if how := _how_to_go_on(kept, total):
            out.print(f"an earlier attempt at this run was interrupted{how}")
        return None
    state = kept.read()
    said = "there is no snapshot of this run; it starts from the beginning"
    out.print(said if state is None else f"resuming after {_so_many(state, total)}")
    return state


def _how_to_go_on(kept: Snapshots, total: int) -> str:
    """The end of a sentence; empty where there is nothing to go on from."""
    with suppress(SnapshotError):
        if state := kept.read():
            return f"; use --resume to continue after {_so_many(state, total)}"
    return ""


def _so_many(state: State, total: int) -> str:
    return f"{state['steps']:,} of {total:,} steps"


def _warn(text: str) -> None:
    err.print(f"[yellow]{escape(text)}[/]")
