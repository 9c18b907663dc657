"""A real service on a port, and both clients behind one face."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from namesmith_client import AsyncClient, Client
from tests.running import running
from tests.service.conftest import publish  # noqa: F401


@pytest.fixture(scope="session")
def url(publish: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: F811
    """Of a service with the bundled model and a small one, `abc`."""
    store = tmp_path_factory.mktemp("store")
    publish(store, "abc", names=["a", "abc"])
    with running(store, tmp_path_factory.mktemp("log") / "service.log") as service:
        yield service.url


class Asker:
    """Calls a method of a client of one kind, made for that call, and reads all of a stream."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(
        self,
        url: str,
        method: str,
        *arguments: Any,
        read: Callable[[Any], Any] = lambda stream: stream,
        handler: Callable[[httpx.Request], httpx.Response] | None = None,
        options: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Any:
        transport = None if handler is None else httpx.MockTransport(handler)
        options = (options or {}) | {"transport": transport}
        if self.kind == "sync":
            with Client(url, **options) as client:
                answer = getattr(client, method)(*arguments, **fields)
                if method not in ("stream", "events"):
                    return answer
                with answer as stream:
                    return stream, list(read(stream))
        return asyncio.run(self._ask(url, method, arguments, read, options, fields))

    async def _ask(
        self, url: str, method: str, arguments: Any, read: Any, options: dict[str, Any], fields: dict[str, Any]
    ) -> Any:
        async with AsyncClient(url, **options) as client:
            answer = getattr(client, method)(*arguments, **fields)
            if method not in ("stream", "events"):
                return await answer
            async with answer as stream:
                return stream, [each async for each in read(stream)]


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Asker:
    return Asker(request.param)


@pytest.fixture(scope="session")
def typescript() -> Path:
    return Path(__file__).resolve().parent / "typescript"
