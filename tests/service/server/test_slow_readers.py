"""A client that reads on is not cut off, however long its answer takes; one that does not is."""

import asyncio
from typing import Any

import pytest

from service.server.connection import Connection
from service.server.options import Options
from service.server.timed_connection import LEAST_READ, Connections
from service.settings import Settings

STALL = 20.0


class Clock:
    """A loop that does nothing but tell the time."""

    now = 0.0

    def time(self) -> float:
        return self.now


class Transport(asyncio.Transport):
    """Has so many bytes that the client has not read."""

    def __init__(self) -> None:
        super().__init__()
        self.unread = 0
        self.aborted = self.closing = False

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.aborted = True


@pytest.fixture
def answering() -> tuple[Clock, Transport, Connection]:
    """A connection with 30 MB to be read."""
    settings = Settings(stall_seconds=STALL)
    config = Options().config(None, settings)
    config.load()
    clock, transport = Clock(), Transport()
    connection = Connection(config, Connections(settings), {}, _loop=clock)  # type: ignore[arg-type]
    connection.connection_made(transport)
    connection.deadline = float("inf")
    transport.unread = 30_000_000
    connection.pause_writing()
    return clock, transport, connection


def read(of: tuple[Clock, Transport, Connection], size: int, seconds: float) -> bool:
    """Reads so many bytes a second until all is read; False where it is cut off before."""
    clock, transport, connection = of
    while transport.unread > 0:
        clock.now += 0.25
        transport.unread -= int(size * 0.25)
        connection.check(clock.now)
        if transport.aborted:
            return False
        seconds -= 0.25
        if seconds <= 0:
            return True
    return True


@pytest.mark.parametrize("closing", [False, True])
def test_a_steady_reader_gets_all_of_it(answering: Any, closing: bool) -> None:
    answering[1].closing = closing
    assert read(answering, 1_000_000, 1e9)
    assert answering[0].now > STALL


def test_a_slow_one_too_down_to_a_bound(answering: Any) -> None:
    assert read(answering, 2 * LEAST_READ // int(STALL), 10 * STALL)


@pytest.mark.parametrize("size", [0, 4, LEAST_READ // int(STALL) // 2])
def test_one_that_does_not_read_or_a_few_bytes_at_a_time_is_cut_off(answering: Any, size: int) -> None:
    assert not read(answering, size, 3 * STALL)
    assert answering[0].now < 2 * STALL
