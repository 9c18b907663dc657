"""One run computed by several processes (`train --processes`): each has a part of every batch.

All of them do the same from the same random numbers: they draw the same batches, of which each computes its own rows,
and whatever is a sum over rows - gradients, BatchNorm's statistics, the loss - is added up by torch's distributed
package (gloo). So they stay equal, and come to what one process comes to, up to rounding. The first process alone has
the snapshots, the progress and the result.
"""

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, distributed

from model.errors import NamesmithError
from model.network.batch_shard import WHOLE, BatchShard
from training.data.read_list import NameList
from training.learning.loop import TrainingError
from training.learning.resumable_run import ResumableRun, copied
from training.learning.snapshots import State
from training.run.run import Config, fit

_PATIENCE = timedelta(minutes=10)
"""For a process that says nothing, though it lives."""
_FAREWELL_SECONDS = 5.0


class ProcessLostError(NamesmithError):
    """A process of the run is gone, and the others cannot go on."""


class Part(BatchShard):
    """Of each batch the rows of process number `rank` of so many, which are neighbours."""

    alone = False

    def __init__(self, rank: int, processes: int) -> None:
        self._rank, self._processes = rank, processes
        self._total = self._mine = 0

    def take(self, batch: Tensor) -> Tensor:
        """See `BatchShard`. Raises TrainingError for fewer rows than processes."""
        if len(batch) < self._processes:
            raise TrainingError(
                f"{self._processes} processes cannot share batches of {len(batch)} rows: use fewer --processes"
            )
        mine = batch.tensor_split(self._processes)[self._rank]
        self._total, self._mine = len(batch), len(mine)
        return mine

    def summed(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """See `BatchShard`: one message for all of them. Raises ProcessLostError."""
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        try:
            distributed.all_reduce(flat)
        except RuntimeError as error:
            raise ProcessLostError(f"a process of this run does not answer: {str(error).splitlines()[0]}") from None
        pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
        return tuple(piece.view_as(tensor) for piece, tensor in zip(pieces, tensors, strict=True))

    def total(self, rows: int) -> int:  # noqa: ARG002
        return self._total

    def mean(self, loss: Tensor) -> Tensor:
        return loss * (self._mine / self._total)

    def random(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """See `BatchShard`: drawn for all rows, so that the generators of all processes stay alike."""
        return self.take(torch.rand((self._total, *shape[1:]), generator=generator))


@contextmanager
def together(names: NameList, config: Config, course: ResumableRun) -> Iterator[None]:
    """Has `config.processes` processes compute the run of `course` that `fit` is called for meanwhile. This one is the
    first of them. Raises ProcessLostError where one is lost."""
    if config.processes == 1:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // config.processes))
    with TemporaryDirectory(prefix="namesmith-") as directory:
        meeting = Path(directory) / "meeting"
        others: list[SpawnProcess] = []
        try:
            _start(others, meeting, names, config, course.found)
            with _joined(meeting, 0, config.processes) as part:
                course.share = part
                yield
        except ProcessLostError as error:
            raise _explained(error, others) from None
        finally:
            course.share = WHOLE
            torch.set_num_threads(threads)
            for process in others:
                process.terminate()
            for process in others:
                process.join()


def _start(others: list[SpawnProcess], meeting: Path, names: NameList, config: Config, found: State | None) -> None:
    """Starts the other processes and waits until all are about to join. Ctrl-C is for the first process alone."""
    spawn = multiprocessing.get_context("spawn")
    ready: list[Connection] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        for rank in range(1, config.processes):
            here, there = spawn.Pipe(duplex=False)
            arguments = (there, meeting, rank, torch.get_num_threads(), names, config, found)
            others.append(spawn.Process(target=_follow, args=arguments, daemon=True))
            others[-1].start()
            there.close()
            ready.append(here)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for here in ready:
        try:
            here.recv_bytes()
        except EOFError:
            raise ProcessLostError("a process of this run did not start") from None
        finally:
            here.close()


def _follow(
    ready: Connection, meeting: Path, rank: int, threads: int, names: NameList, config: Config, found: State | None
) -> None:
    """The life of another process. What goes wrong the first one tells."""
    torch.set_num_threads(threads)
    found = copied(found)  # its tensors came as memory that the first process has too
    ready.send_bytes(b"ready")
    ready.close()
    with suppress(NamesmithError), _joined(meeting, rank, config.processes) as part:
        fit(names, config, course=ResumableRun(found=found, share=part))


@contextmanager
def _joined(meeting: Path, rank: int, processes: int) -> Iterator[Part]:
    distributed.init_process_group(
        "gloo", init_method=meeting.as_uri(), rank=rank, world_size=processes, timeout=_PATIENCE
    )
    try:
        yield Part(rank, processes)
    finally:
        distributed.destroy_process_group()


def _explained(error: ProcessLostError, others: list[SpawnProcess]) -> ProcessLostError:
    """Says which process ended, and how, where one did."""
    ended = connection.wait([process.sentinel for process in others], _FAREWELL_SECONDS)
    for number, process in enumerate(others, 2):
        if process.sentinel in ended:
            process.join(_FAREWELL_SECONDS)
        if process.exitcode:
            how = f"was killed by signal {-process.exitcode}" if process.exitcode < 0 else "failed; see above"
            return ProcessLostError(
                f"process {number} of {len(others) + 1} {how}: the run has ended and nothing was published"
            )
    return error
