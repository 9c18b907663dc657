"""Where workers keep what they count: one set of files for each slot. A worker that takes the place of a dead one goes
on with its files, so that counts never fall and files do not pile up."""

import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp

from prometheus_client import CollectorRegistry, Counter, multiprocess, values

from service.telemetry.metrics import NO_SLOT, SLOT_VARIABLE

_KINDS = ("counter", "histogram", "gauge_livesum")
_FILE_BYTES = 1 << 20
"""More than all series take: room that is taken in advance cannot be missing later, when a worker would die of it."""
log = logging.getLogger("namesmith")
_DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's


def directory() -> Path | None:
    """Where the workers of this service keep their files; None where a process counts for itself alone."""
    value = os.environ.get(_DIRECTORY_VARIABLE)
    return Path(value) if value else None


class MetricFiles:
    """Made by the supervisor, in a temporary directory."""

    def __init__(self) -> None:
        self.directory = Path(mkdtemp(prefix="namesmith-metrics-"))
        os.environ[_DIRECTORY_VARIABLE] = str(self.directory)
        if self._has_room("supervisor", _KINDS[:1]):
            values.ValueClass = values.MultiProcessValue(lambda: "supervisor")  # type: ignore[no-untyped-call]
        else:
            values.ValueClass = values.MutexValue
        self.worker_ends = Counter(
            "namesmith_worker_ends", "Workers that ended though nobody told them to.", registry=CollectorRegistry()
        )
        self._taken: set[int] = set()

    def take(self) -> int:
        """The least free slot, handed to the process that is started next; that counts for nobody where the disk has
        no room for its files."""
        slot = next(slot for slot in range(len(self._taken) + 1) if slot not in self._taken)
        self._taken.add(slot)
        os.environ[SLOT_VARIABLE] = str(slot) if self._has_room(str(slot), _KINDS) else NO_SLOT
        return slot

    def free(self, slot: int) -> None:
        """Its worker has ended: what it counted stays, what it had at the moment does not."""
        self._taken.discard(slot)
        multiprocess.mark_process_dead(slot, str(self.directory))  # type: ignore[no-untyped-call]

    def _has_room(self, slot: str, kinds: Iterable[str]) -> bool:
        """Takes the room of a slot's files."""
        try:
            for kind in kinds:
                _fill(self.directory / f"{kind}_{slot}.db")
        except OSError as error:
            log.error("no metrics of process %s: cannot write to %s: %s", slot, self.directory, error.strerror)
            return False
        return True

    def close(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def _fill(path: Path) -> None:
    """Makes a file as long as it will ever be, with zeros behind what it holds. Raises OSError, and leaves no part."""
    with path.open("ab") as file:
        size = file.tell()
        try:
            file.write(bytes(max(0, _FILE_BYTES - size)))
            file.flush()
        except OSError:
            os.ftruncate(file.fileno(), size)
            raise
