"""Tables of models that came without one, made by a child process, so that a worker stays without PyTorch (217 MB,
1.5 s).

The child is `service/catalog/tabulate.py`, which says what goes over its pipes. A model that kills it, or keeps it busy
for too long, gets no table; the next one gets a new child.
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import IO

from pydantic import BaseModel, ConfigDict, TypeAdapter

from model.errors import CheckpointError, NamesmithError, StoreError
from model.store.stored_version import StoredVersion
from model.store.table_file import MAX_SENT_BYTES, parse_table
from model.store.version_files import TABLE_FILE
from model.transitions.automaton import Transitions

TIME_LIMIT_SECONDS = 60.0
_ROOT = Path(__file__).resolve().parents[2]
_COMMAND = [sys.executable, "-m", "service.catalog.tabulate"]
_LENGTH_BYTES = 8
_MAX_LINE_BYTES = 65_536
_GRACE_SECONDS = 0.5


@dataclass(frozen=True)
class Tabulated:
    """What is computed from a model's tensors: its table, and how many parameters they hold."""

    transitions: Transitions
    parameters: int


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    parameters: int
    table: int


class _Refusal(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    error: str
    message: str


_ANSWER: TypeAdapter[_Table | _Refusal] = TypeAdapter(_Table | _Refusal)


class Tabulator:
    """Makes tables, all of them with one child, which ends with the `with` block."""

    def __init__(self, time_limit: float = TIME_LIMIT_SECONDS) -> None:
        self._time_limit = time_limit
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Tabulator":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def start(self) -> None:
        """Lets the child begin to load PyTorch, which takes it a second or two."""
        if self._child is None and not _torch_is_here():
            with suppress(OSError):  # the next one to ask is told
                self._child = _start()

    def tabulate(self, stored: StoredVersion) -> Tabulated:
        """Raises CheckpointError for a model that is broken, and NamesmithError if it cannot be compiled, or the child
        gives no table within the time limit (seconds)."""
        if _torch_is_here():
            return _tabulate_here(stored)
        began = time.monotonic()
        try:
            answer = self._ask(stored)
        except (OSError, ValueError, StoreError):
            code = self._end(_GRACE_SECONDS)
            late = time.monotonic() - began >= self._time_limit
            why = f"took longer than {self._time_limit:g} s" if late else f"gave no table (exit code {code})"
            raise NamesmithError(f"model {stored.name} has no table: the process that makes it {why}") from None
        except BaseException:
            self._end()
            raise
        if isinstance(answer, _Refusal):
            raise (CheckpointError if answer.error == CheckpointError.__name__ else NamesmithError)(answer.message)
        return answer

    def _ask(self, stored: StoredVersion) -> Tabulated | _Refusal:
        """Raises OSError for a broken pipe, ValueError and StoreError for what is no answer."""
        child = self._child = self._child or _start()
        assert child.stdin is not None
        assert child.stdout is not None
        clock = Timer(self._time_limit, child.kill)
        clock.start()
        try:
            child.stdin.write(len(stored.data).to_bytes(_LENGTH_BYTES, "little") + stored.data)
            child.stdin.flush()
            return _read_answer(child.stdout, stored)
        finally:
            clock.cancel()

    def _end(self, grace: float = 0.0) -> int | None:
        """Ends the child, if there is one; returns its exit code."""
        child, self._child = self._child, None
        return None if child is None else _stop(child, grace)


def _start() -> subprocess.Popen[bytes]:
    """A child that imports what this process imports, wherever it was started. Raises OSError.

    A session of its own: Ctrl-C stops this process, and the child then sees its input end. One thread: each worker has
    such a child, and threads that wait for each other on a busy machine took it five times as long.
    """
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in [str(_ROOT), *sys.path])
    return subprocess.Popen(
        _COMMAND,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def _stop(child: subprocess.Popen[bytes], grace: float) -> int:
    """Kills a child that does not end by itself within `grace` seconds: it has nothing to lose, and its own way
    out takes a second. Returns the exit code, negative where a signal ended it."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(grace)
    child.kill()
    code = child.wait()
    for pipe in (child.stdin, child.stdout):
        assert pipe is not None
        with suppress(OSError):  # what was still to be written
            pipe.close()
    return code


def _read_answer(pipe: IO[bytes], stored: StoredVersion) -> Tabulated | _Refusal:
    """Raises ValueError and StoreError for what is not the table of such a model."""
    answer = _ANSWER.validate_json(pipe.readline(_MAX_LINE_BYTES))
    if isinstance(answer, _Refusal):
        return answer
    if not 0 <= answer.table <= MAX_SENT_BYTES:
        raise ValueError("the table is too large")
    return Tabulated(_parsed(pipe.read(answer.table), stored), answer.parameters)


def _parsed(file: bytes, stored: StoredVersion) -> Transitions:
    return parse_table(file, stored.header, stored.digest, stored.directory / TABLE_FILE)


def _torch_is_here() -> bool:
    """Then there is nothing left to save: tests, and programs that train and serve."""
    return "torch" in sys.modules


def _tabulate_here(stored: StoredVersion) -> Tabulated:
    from service.catalog.tabulate import compiled  # brings PyTorch, which is here already

    parameters, file = compiled(stored.data)
    return Tabulated(_parsed(file, stored), parameters)
