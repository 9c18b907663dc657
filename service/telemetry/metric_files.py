"""Where workers keep what they count: one set of files for each slot. A worker that takes the place of a dead one goes
on with its files, so that counts never fall and files do not pile up."""

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

from prometheus_client import CollectorRegistry, Counter, multiprocess, values

from service.telemetry.metrics import SLOT_VARIABLE

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
        values.ValueClass = values.MultiProcessValue(lambda: "supervisor")  # type: ignore[no-untyped-call]
        self.worker_ends = Counter(
            "namesmith_worker_ends", "Workers that ended though nobody told them to.", registry=CollectorRegistry()
        )
        self._taken: set[int] = set()

    def take(self) -> int:
        """The least free slot, handed to the process that is started next."""
        slot = next(slot for slot in range(len(self._taken) + 1) if slot not in self._taken)
        self._taken.add(slot)
        os.environ[SLOT_VARIABLE] = str(slot)
        return slot

    def free(self, slot: int) -> None:
        """Its worker has ended: what it counted stays, what it had at the moment does not."""
        self._taken.discard(slot)
        multiprocess.mark_process_dead(slot, str(self.directory))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
