"""The client for programs without asyncio."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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


class Client:
    """Asks a namesmith service. Use it in a `with` block, or close it. Threads can share it.

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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`timeout`: seconds for each attempt to connect, and for each silence. `transport`: httpx's, for proxies and
        tests."""
        self.pin = pin
        self._retrying = retrying or Retrying()
        self._http = httpx.Client(**options(url, api_key, timeout), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._http.close()

    def sample(self, **asked: Unpack[SampleFields]) -> Sample:
        """Invents names."""
        return self._ask(calls.sample(asked))

    @contextmanager
    def stream(self, **asked: Unpack[SampleFields]) -> Iterator["Names"]:
        """Invents names, up to a million, that are read one after the other."""
        with self._opened(calls.stream(asked)) as answer:
            yield Names(answer)

    @contextmanager
    def events(self, **asked: Unpack[SampleFields]) -> Iterator["Events"]:
        """Invents up to a hundred names, character by character."""
        with self._opened(calls.events(asked)) as answer:
            yield Events(answer)

    def loss(self, names: Iterable[str], **asked: Unpack[LossFields]) -> Loss:
        """Scores how likely names are."""
        return self._ask(calls.loss(list(names), asked))

    def next(self, context: str = "", **asked: Unpack[ShapeFields]) -> Next:
        """Tells how a beginning goes on."""
        return self._ask(calls.following(context, asked))

    def top(self, k: int = 20, **asked: Unpack[ConditionFields]) -> Top:
        """The most probable names."""
        return self._ask(calls.top(k, asked))

    def models(self) -> Models:
        """What is served."""
        return self._ask(calls.models())

    def model(self, name: str) -> Model:
        """One of the models."""
        return self._ask(calls.model(name))

    def ready(self) -> Readiness:
        """That the service can generate. Asks once: raises UnavailableError where it cannot."""
        return self._ask(calls.ready())

    def _ask(self, call: Call[Result]) -> Result:
        answer = self._send(call, stream=False)
        return call.result(answer)

    @contextmanager
    def _opened(self, call: Call[Any]) -> Iterator[httpx.Response]:
        answer = self._send(call, stream=True)
        try:
            yield answer
        finally:
            answer.close()

    def _send(self, call: Call[Any], *, stream: bool) -> httpx.Response:
        retry = self._retrying.wait if call.retried else self._retrying.never
        for attempt in stamina.retry_context(on=retry, **self._retrying.stamina):
            with attempt:
                return self._send_once(call, stream)
        raise AssertionError("the last attempt neither answered nor failed")

    def _send_once(self, call: Call[Any], stream: bool) -> httpx.Response:
        with failures():
            answer = self._http.send(call.request(self._http, self.pin), stream=stream)
        try:
            if not answer.is_success:
                with failures():
                    answer.read()
            calls.check(answer, call, self.pin)
        except BaseException:
            answer.close()
            raise
        return answer


class Names:
    """Names as they come. Can be read once."""

    def __init__(self, answer: httpx.Response) -> None:
        self.facts = StreamFacts.of(answer)
        self._answer = answer

    def __iter__(self) -> Iterator[str]:
        for lines in _lines(self._answer):
            for line in lines:
                yield calls.name_of(line, self._answer)

    def details(self) -> Iterator[NameDetail]:
        """The names with facts about each, where the request had `details=True`."""
        for lines in _lines(self._answer):
            for line in lines:
                yield calls.detail_of(line, self._answer)


class Events:
    """`StreamStart`, then for each name its `FollowedCharacter`s and the `FollowedName`, then `StreamDone`."""

    def __init__(self, answer: httpx.Response) -> None:
        self.model_digest: str = answer.headers.get(calls.DIGEST_HEADER, "")
        self.request_id = calls.request_id(answer)
        self._answer = answer

    def __iter__(self) -> Iterator[StreamEvent]:
        parser = EventParser(self._answer)
        for lines in _lines(self._answer):
            yield from parser.feed(lines)


def _lines(answer: httpx.Response) -> Iterator[list[bytes]]:
    lines = Lines()
    with failures():
        for data in answer.iter_bytes():
            yield lines.feed(data)
