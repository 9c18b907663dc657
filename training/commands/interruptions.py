"""What becomes of a run that is stopped: one line."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from model.errors import NamesmithError

ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with this very run where it was interrupted.")]
SnapshotsOption = Annotated[
    Path, typer.Option("--snapshots", envvar="NAMESMITH_SNAPSHOTS", help="Directory for interrupted runs.")
]
SnapshotEveryOption = Annotated[float, typer.Option("--snapshot-every", min=0, max=1e9, hidden=True, help="Seconds.")]


@contextmanager
def interruptible(said: Callable[[], str] = lambda: "interrupted; nothing was published") -> Iterator[None]:
    """Ctrl-C and SIGTERM end a run with one line. Nothing is written before the store publishes, and that is atomic."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise NamesmithError(said()) from None
    finally:
        signal.signal(signal.SIGTERM, before)
