"""Requests at a fixed rate, whatever the answers take (an open loop), and what became of each."""

import asyncio
import json
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Reply:
    sent: float
    """Monotonic seconds."""
    seconds: float
    """From when the request was sent, on a new connection or a kept one, until its last byte."""
    status: int
    """0 where no answer came."""
    headers: dict[str, str]
    body: bytes
    retries: int
    """Times that a connection broke before the answer began, and the request was sent again."""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Keeps connections and uses them again, as long as the service has not closed them. With `retries` a request
    whose connection breaks before its answer is there is sent again on a new one, as HTTP clients and proxies do with
    requests that may be repeated."""

    port: int
    retries: int = 0
    replies: list[Reply] = field(default_factory=list)
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def run(self, total: int, rate: float, request: Callable[[int], bytes]) -> None:
        """Sends `total` requests, `rate` a second, and waits for all answers."""
        began = time.monotonic()
        tasks = []
        for i in range(total):
            await asyncio.sleep(max(0.0, began + i / rate - time.monotonic()))
            tasks.append(asyncio.create_task(self.ask(request(i))))
        await asyncio.gather(*tasks)
        await self.close()

    async def ask(self, request: bytes) -> Reply:
        sent = time.monotonic()
        reply = Reply(sent, 0.0, 0, {}, b"", 0)
        for attempt in range(self.retries + 1):
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    status, headers, body = await self._exchange(request, fresh=attempt > 0)
                reply = Reply(sent, time.monotonic() - sent, status, headers, body, attempt)
                break
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                reply = Reply(sent, time.monotonic() - sent, 0, {}, b"", attempt)
        self.replies.append(reply)
        return reply

    async def close(self) -> None:
        while self._idle:
            await hang_up(self._idle.pop()[1])

    async def _kept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            await hang_up(writer)
        return None

    async def _exchange(self, request: bytes, fresh: bool) -> tuple[int, dict[str, str], bytes]:
        kept = None if fresh else await self._kept()
        reader, writer = kept or await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        except BaseException:
            await hang_up(writer)
            raise
        if headers.get("connection") == "close":
            await hang_up(writer)
        else:
            self._idle.append((reader, writer))
        return int(head[0].split()[1]), headers, body


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Closes a connection, broken or not."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def post(path: str, fields: object) -> bytes:
    """The bytes of a POST with a JSON body."""
    body = json.dumps(fields).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def quantile(values: list[float], share: float) -> float:
    """The least value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]
