"""The last clients of a listening socket: answered or turned away, not reset."""

import asyncio
import socket
import sys

import pytest

from service.server.listener import accept_waiting, bind, hold_off
from service.server.options import Options
from service.server.server import Server
from service.settings import Settings


def test_who_is_connected_is_accepted_though_all_others_are_held_off() -> None:
    listener = bind("127.0.0.1", 0)
    address = listener.getsockname()
    with socket.create_connection(address) as first:
        hold_off(listener)
        if sys.platform == "linux":
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.2)
        first.sendall(b"hello")
        (accepted,) = accept_waiting(listener)
        listener.close()
        with accepted:
            accepted.setblocking(True)
            assert accepted.recv(5) == b"hello"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


def test_a_client_that_was_held_off_is_turned_away_when_the_socket_is_closed() -> None:
    async def connect() -> None:
        listener = bind("127.0.0.1", 0)
        address = listener.getsockname()
        hold_off(listener)
        waiting = asyncio.create_task(asyncio.open_connection(*address))
        await asyncio.sleep(0.1)
        listener.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.wait_for(waiting, 10)

    asyncio.run(connect())


@pytest.mark.parametrize("number", [1, 40])
def test_a_server_that_ends_answers_who_waits_to_be_accepted(number: int) -> None:
    async def application(scope: object, receive: object, send: object) -> None:  # noqa: ARG001
        await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body"})  # type: ignore[operator]

    class Silent:
        state: dict[str, object] = {}  # noqa: RUF012
        draining = False

        async def shutdown(self) -> None:
            pass

    async def end() -> list[bytes]:
        settings = Settings()
        config = Options().config(application, settings)
        config.load()
        server = Server(config, settings, Silent())
        server.lifespan = Silent()
        server.servers = []
        listener = bind("127.0.0.1", 0)
        clients = [socket.create_connection(listener.getsockname()) for _ in range(number)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        await server.shutdown([listener])
        return [read(client) for client in clients]

    def read(client: socket.socket) -> bytes:
        with client:
            client.settimeout(5)
            return b"".join(iter(lambda: client.recv(4096), b""))

    answers = asyncio.run(end())
    assert len(answers) == number
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 204 ")
        assert b"connection: close" in answer
