"""The socket that a service listens on, from its first to its last client."""

import ctypes
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

BACKLOG = 2048
_SO_ATTACH_FILTER = 26
_DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A classic BPF program of one instruction: return 0, keep nothing of a packet."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def bind_path(path: Path) -> socket.socket:
    """A Unix socket that listens at `path`, open to all who can reach it there. Takes the place of a socket that nobody
    listens on any more. Raises OSError."""
    if path.is_socket() and not _is_listened_on(path):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _is_listened_on(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def hold_off(listener: socket.socket) -> None:
    """Lets nobody connect any more, where the system can (Linux), in all processes that share the socket.

    Whoever connects between the last accept and the close would be reset. Held off, a client asks again a second later,
    and is turned away if the socket is closed by then. Those who are connected already can still be accepted.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(_DROP_ALL, len(_DROP_ALL))
        with suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))


def accept_waiting(listener: socket.socket) -> list[socket.socket]:
    """Those who are connected, but not accepted yet."""
    accepted: list[socket.socket] = []
    with suppress(OSError):  # there are no more
        while len(accepted) < BACKLOG:
            accepted.append(listener.accept()[0])
            accepted[-1].setblocking(False)
    return accepted
