"""The client for asyncio."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx
import stamina

from namesmith_client import calls
from namesmith_client.calls import Call, EventParser, Lines, StreamFacts
from namesmith_client.fields import ConditionFields, LossFields, SampleFields, ShapeFields
from namesmith_client.results import Loss, Model, Models, NameDetail, Next, Readiness, Sample, StreamEvent, Top
from namesmith_client.retrying import Retrying
from namesmith_client.transport import DEFAULT_URL, failures, options

Result = TypeVar("Result")


class AsyncClient:
    """Asks a namesmith service. Use it in an `async with` block, or close it. Tasks can share it.

    Every method raises ProblemError where the service says what is wrong, ConnectionFailedError where it does not
    answer, AnswerError where something else does. What passes (429, 503, no connection) is tried again within
    `retrying`; Retry-After is respected. With `pin` only the version of that digest may answer, else ModelChangedError.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        pin: str | None = None,
        timeout: float = 30.0,
        retrying: Retrying | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`timeout`: seconds for each attempt to connect, and for each silence. `transport`: httpx's, for proxies and
        tests."""
        self.pin = pin
        self._retrying = retrying or Retrying()
        self._http = httpx.AsyncClient(**options(url, api_key, timeout), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def sample(self, **asked: Unpack[SampleFields]) -> Sample:
        """Invents names."""
        return await self._ask(calls.sample(asked))

    @asynccontextmanager
    async def stream(self, **asked: Unpack[SampleFields]) -> AsyncIterator["AsyncNames"]:
        """Invents names, up to a million, that are read one after the other."""
        async with self._opened(calls.stream(asked)) as answer:
            yield AsyncNames(answer)

    @asynccontextmanager
    async def events(self, **asked: Unpack[SampleFields]) -> AsyncIterator["AsyncEvents"]:
        """Invents up to a hundred names, character by character."""
        async with self._opened(calls.events(asked)) as answer:
            yield AsyncEvents(answer)

    async def loss(self, names: Iterable[str], **asked: Unpack[LossFields]) -> Loss:
        """Scores how likely names are."""
        return await self._ask(calls.loss(list(names), asked))

    async def next(self, context: str = "", **asked: Unpack[ShapeFields]) -> Next:
        """Tells how a beginning goes on."""
        return await self._ask(calls.following(context, asked))

    async def top(self, k: int = 20, **asked: Unpack[ConditionFields]) -> Top:
        """The most probable names."""
        return await self._ask(calls.top(k, asked))

    async def models(self) -> Models:
        """What is served."""
        return await self._ask(calls.models())

    async def model(self, name: str) -> Model:
        """One of the models."""
        return await self._ask(calls.model(name))

    async def ready(self) -> Readiness:
        """That the service can generate. Asks once: raises UnavailableError where it cannot."""
        return await self._ask(calls.ready())

    async def _ask(self, call: Call[Result]) -> Result:
        answer = await self._send(call, stream=False)
        return call.result(answer)

    @asynccontextmanager
    async def _opened(self, call: Call[Any]) -> AsyncIterator[httpx.Response]:
        answer = await self._send(call, stream=True)
        try:
            yield answer
        finally:
            await answer.aclose()

    async def _send(self, call: Call[Any], *, stream: bool) -> httpx.Response:
        retry = self._retrying.wait if call.retried else self._retrying.never
        async for attempt in stamina.retry_context(on=retry, **self._retrying.stamina):
            with attempt:
                return await self._send_once(call, stream)
        raise AssertionError("the last attempt neither answered nor failed")

    async def _send_once(self, call: Call[Any], stream: bool) -> httpx.Response:
        with failures():
            answer = await self._http.send(call.request(self._http, self.pin), stream=stream)
        try:
            if not answer.is_success:
                with failures():
                    await answer.aread()
            calls.check(answer, call, self.pin)
        except BaseException:
            await answer.aclose()
            raise
        return answer


class AsyncNames:
    """Names as they come. Can be read once."""

    def __init__(self, answer: httpx.Response) -> None:
        self.facts = StreamFacts.of(answer)
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[str]:
        async for lines in _lines(self._answer):
            for line in lines:
                yield calls.name_of(line, self._answer)

    async def details(self) -> AsyncIterator[NameDetail]:
        """The names with facts about each, where the request had `details=True`."""
        async for lines in _lines(self._answer):
            for line in lines:
                yield calls.detail_of(line, self._answer)


class AsyncEvents:
    """`StreamStart`, then for each name its `FollowedCharacter`s and the `FollowedName`, then `StreamDone`."""

    def __init__(self, answer: httpx.Response) -> None:
        self.model_digest: str = answer.headers.get(calls.DIGEST_HEADER, "")
        self.request_id = calls.request_id(answer)
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        parser = EventParser(self._answer)
        async for lines in _lines(self._answer):
            for event in parser.feed(lines):
                yield event


async def _lines(answer: httpx.Response) -> AsyncIterator[list[bytes]]:
    lines = Lines()
    with failures():
        async for data in answer.aiter_bytes():
            yield lines.feed(data)
