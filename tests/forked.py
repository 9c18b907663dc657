"""Runs `python -m training` in forks of one process that has imported everything: half of a short command's time is
imports. `python -m tests.forked SOCKET` is that process; `python tests/forked.py SOCKET MODULE ARGUMENTS` runs a
command in a fork of it, with the directory, environment and streams of the caller, and ends with its exit code."""

import json
import os
import signal
import socket
import sys
from pathlib import Path

_STREAMS = (0, 1, 2)
_MOST = 1 << 20


def ask(path: str, arguments: list[str]) -> int:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        order = json.dumps({"arguments": arguments, "directory": str(Path.cwd()), "environment": dict(os.environ)})
        socket.send_fds(connection, [order.encode()], _STREAMS)
        connection.shutdown(socket.SHUT_WR)
        return int(connection.recv(16) or b"70")


def serve(path: str) -> None:
    """Until it is killed."""
    import torch._dynamo  # by the first step of an optimiser, else

    import training.cli
    import training.commands.training_run  # noqa: F401

    torch.set_num_threads(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            if not os.fork():
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                connection.send(str(_obey(connection)).encode())
                os._exit(0)
            connection.close()


def _obey(connection: socket.socket) -> int:
    """Takes the order, and gives the exit code of the process that did it."""
    text, streams, _, _ = socket.recv_fds(connection, _MOST, len(_STREAMS))
    while more := connection.recv(_MOST):
        text += more
    worker = os.fork()
    if not worker:
        order = json.loads(text)
        for ours, theirs in zip(_STREAMS, streams, strict=True):
            os.dup2(theirs, ours)
        os.chdir(order["directory"])
        os.environ.clear()
        os.environ.update(order["environment"])
        os._exit(_run(*order["arguments"]))
    return os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])


def _run(module: str, *arguments: str) -> int:
    import runpy

    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 2:
        serve(sys.argv[1])
    sys.exit(ask(sys.argv[1], sys.argv[2:]))
