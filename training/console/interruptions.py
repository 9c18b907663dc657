"""What becomes of a run that is stopped: one line."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from model.errors import NamesmithError

ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue this run from where it was interrupted.")]
SnapshotsOption = Annotated[
    Path, typer.Option("--snapshots", envvar="NAMESMITH_SNAPSHOTS", help="Directory for snapshots of interrupted runs.")
]
SnapshotEveryOption = Annotated[float, typer.Option("--snapshot-every", min=0, max=1e9, hidden=True, help="Seconds.")]


class Interruption:
    """Raises KeyboardInterrupt where a signal comes, and remembers it: libraries that are being imported may swallow
    it."""

    told = False

    def __call__(self, _signal: int, _frame: FrameType | None) -> NoReturn:
        self.told = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raises KeyboardInterrupt where a signal has come."""
        if self.told:
            raise KeyboardInterrupt


@contextmanager
def interruptible(
    said: Callable[[], str] = lambda: "interrupted; nothing was published",
) -> Iterator[Interruption]:
    """Ctrl-C and SIGTERM end a run with one line. Nothing is written before the store publishes, and that is atomic."""
    interruption = Interruption()
    before = {each: signal.signal(each, interruption) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    except NamesmithError:
        raise
    except BaseException as error:
        if interruption.told or isinstance(error, KeyboardInterrupt):
            raise NamesmithError(said()) from None
        raise
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
