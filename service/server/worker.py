"""A worker process, as its supervisor sees it: it sends signs of life through a pipe, from its event loop."""

import multiprocessing
import os
import signal
import socket
import sys
import time
from multiprocessing.connection import Connection as Pipe

from service.server.options import Options
from service.server.uvicorn_version import UvicornVersionError, check_uvicorn
from service.telemetry.metric_files import MetricFiles

START_SECONDS = 120.0
"""A worker may be silent for so long while its modules are imported."""
_STARTING, _STARTED = b"s", b"S"
_FROM_TERMINALS = (signal.SIGINT, signal.SIGHUP)
"""Terminals send these to all processes; the supervisor alone decides what follows."""
_spawn = multiprocessing.get_context("spawn")


class Worker:
    """Started when it is made."""

    def __init__(self, listener: socket.socket, options: Options, files: MetricFiles) -> None:
        self.files = files
        self._slot = files.take()
        self.signs, theirs = _spawn.Pipe(duplex=False)
        self.process = _spawn.Process(target=_work, args=(listener, options, theirs))
        on_terminal = [(number, signal.signal(number, signal.SIG_IGN)) for number in _FROM_TERMINALS]
        try:
            self.process.start()  # hands on what is ignored
        finally:
            for number, handler in on_terminal:
                signal.signal(number, handler)
        self.pid = self.process.pid or 0
        theirs.close()
        self.began = self.heard = time.monotonic()
        self.spoke = False
        self.ready = False
        """It has started to serve."""

    @property
    def alive(self) -> bool:
        return self.process.is_alive()

    def listen(self) -> None:
        """Takes note of the signs that have come."""
        while self.signs.poll():
            try:
                signs = os.read(self.signs.fileno(), 4096)
            except OSError:
                return
            if not signs:
                return
            self.heard, self.spoke = time.monotonic(), True
            self.ready = self.ready or _STARTED in signs

    def silent(self, seconds: float) -> bool:
        """No sign of life for so long."""
        return time.monotonic() - self.heard > (seconds if self.spoke else max(seconds, START_SECONDS))

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        """At once, and waits for it."""
        self.process.kill()
        self.bury()

    def bury(self) -> str:
        """Frees what belongs to a process that has ended; returns why it did."""
        self.process.join()
        code = self.process.exitcode or 0
        self.signs.close()
        self.process.close()
        self.files.free(self._slot)
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def _work(listener: socket.socket, options: Options, signs: Pipe) -> None:
    try:
        check_uvicorn()  # again: a restart one by one may find another than the supervisor did
    except UvicornVersionError as error:
        sys.exit(f"error: {error}")
    from service.server.server import serve

    os.set_blocking(signs.fileno(), False)

    def beat(started: bool) -> None:
        try:
            os.write(signs.fileno(), _STARTED if started else _STARTING)
        except BlockingIOError:
            pass
        except BrokenPipeError:  # the supervisor is gone, and nobody would replace or end this worker
            os.kill(os.getpid(), signal.SIGTERM)

    raise SystemExit(serve(listener, options, beat))
