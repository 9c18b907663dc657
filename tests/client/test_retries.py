"""What passes is tried again, as the service says; what does not is raised at once."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from namesmith_client import (
    AnswerError,
    ConnectionFailedError,
    InvalidRequestError,
    ModelChangedError,
    NotFoundError,
    ProblemError,
    RateLimitedError,
    RefusedError,
    ServiceError,
    TimedOutError,
    UnavailableError,
)
from namesmith_client.calls import retry_after
from namesmith_client.retrying import Retrying
from tests.client.conftest import Asker

URL = "http://service.test"
MODEL = {"name": "m", "digest": "d" * 64}
GOOD = {"names": ["Ana"], "model": MODEL, "seed": 1, "probability": 1.0, "exhausted": False, "details": None}
QUICK = {"retrying": Retrying(attempts=3, seconds=5)}
Step = httpx.Response | Exception


def problem(status: int, retry: str | None = None, problem_type: str = "some-problem") -> httpx.Response:
    body = {"type": problem_type, "title": "T", "status": status, "detail": "what is wrong", "errors": []}
    headers = {"Content-Type": "application/problem+json", "X-Request-ID": "r1"}
    headers |= {} if retry is None else {"Retry-After": retry}
    return httpx.Response(status, content=json.dumps(body), headers=headers)


def good() -> httpx.Response:
    return httpx.Response(200, json=GOOD, headers={"X-Model-Digest": "d" * 64, "X-Request-ID": "r2"})


class Script:
    """Answers requests one after the other."""

    def __init__(self, *steps: Step) -> None:
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self._steps: Iterator[Step] = iter(steps)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.times.append(time.monotonic())
        step = next(self._steps)
        if isinstance(step, Exception):
            raise step
        return step


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_tried_again(ask: Asker, status: int) -> None:
    script = Script(problem(status, "0"), httpx.ConnectError("refused"), good())
    assert ask(URL, "sample", handler=script, options=QUICK).names == ("Ana",)
    assert len(script.requests) == 3
    assert len({request.content for request in script.requests}) == 1


def test_retry_after_is_waited_for(ask: Asker) -> None:
    script = Script(problem(503, "1"), good())
    assert ask(URL, "sample", handler=script, options=QUICK).request_id == "r2"
    assert script.times[1] - script.times[0] >= 1


def test_more_than_the_time_there_is_is_not_waited_for(ask: Asker) -> None:
    script = Script(problem(429, "3600"))
    with pytest.raises(RateLimitedError) as limited:
        ask(URL, "sample", handler=script, options=QUICK)
    assert limited.value.retry_after == 3600
    assert limited.value.request_id == "r1"


@pytest.mark.parametrize("method", ["sample", "stream", "events", "models"])
def test_the_last_error_is_raised_when_it_does_not_pass(ask: Asker, method: str) -> None:
    script = Script(*(problem(503, "0") for _ in range(3)))
    with pytest.raises(UnavailableError, match="what is wrong"):
        ask(URL, method, handler=script, options=QUICK)
    assert len(script.requests) == 3


def test_readiness_is_asked_for_once(ask: Asker) -> None:
    script = Script(problem(503, "0"))
    with pytest.raises(UnavailableError):
        ask(URL, "ready", handler=script, options=QUICK)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRequestError),
        (401, RefusedError),
        (403, RefusedError),
        (404, NotFoundError),
        (409, ModelChangedError),
        (413, InvalidRequestError),
        (422, InvalidRequestError),
        (500, ServiceError),
    ],
)
def test_what_does_not_pass_is_raised_at_once(ask: Asker, status: int, error: type[ProblemError]) -> None:
    script = Script(problem(status))
    with pytest.raises(error) as raised:
        ask(URL, "sample", handler=script, options=QUICK)
    assert type(raised.value) is error
    assert (raised.value.status, raised.value.type, raised.value.title) == (status, "some-problem", "T")


@pytest.mark.parametrize(
    ("failure", "error"),
    [(httpx.ConnectError("refused"), ConnectionFailedError), (httpx.ReadTimeout("late"), TimedOutError)],
)
def test_no_connection_is_an_error_of_ours(ask: Asker, failure: Exception, error: type[Exception]) -> None:
    script = Script(failure, failure, failure)
    with pytest.raises(error):
        ask(URL, "sample", handler=script, options=QUICK)
    assert len(script.requests) == 3


class HalfAStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Some of an answer, and then nothing more."""

    parts = (b'{"name":"Ana"}\n{"na', b'me":"Zo\xc3', b'\xa9"}\n')

    def __iter__(self) -> Iterator[bytes]:
        yield from self.parts
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    async def __aiter__(self) -> Any:
        for part in self:
            yield part


def test_a_stream_that_breaks_off_is_an_error_and_no_shorter_list(ask: Asker) -> None:
    facts = {"X-Seed": '"s"', "X-Probability": "0.5", "X-Exhausted": "false", "X-Model-Digest": "d" * 64}
    script = Script(httpx.Response(200, stream=HalfAStream(), headers=facts))
    seen: list[str] = []

    def read(stream: Any) -> Any:
        return Watched(stream, seen)

    with pytest.raises(ConnectionFailedError, match="peer closed"):
        ask(URL, "stream", handler=script, options=QUICK, read=read)
    assert seen == ["Ana", "Zoé"]
    assert len(script.requests) == 1


class Watched:
    def __init__(self, stream: Any, seen: list[str]) -> None:
        self.stream, self.seen = stream, seen

    def __iter__(self) -> Iterator[str]:
        for name in self.stream:
            self.seen.append(name)
            yield name

    async def __aiter__(self) -> Any:
        async for name in self.stream:
            self.seen.append(name)
            yield name


@pytest.mark.parametrize(
    "answer",
    [
        lambda: httpx.Response(200, text="<html>hello</html>"),
        lambda: httpx.Response(200, json=[1]),
        lambda: httpx.Response(200, json=GOOD | {"model": "m"}),
        lambda: httpx.Response(404, text="nginx"),
        lambda: httpx.Response(301, headers={"Location": "https://elsewhere.test"}),
    ],
)
def test_what_is_not_the_service_is_told(ask: Asker, answer: Callable[[], httpx.Response]) -> None:
    with pytest.raises(AnswerError):
        ask(URL, "sample", handler=Script(answer()), options=QUICK)


def test_a_proxy_that_has_no_service_behind_it_is_unavailable(ask: Asker) -> None:
    script = Script(*(httpx.Response(503, text="nginx", headers={"Retry-After": "0"}) for _ in range(3)))
    with pytest.raises(UnavailableError):
        ask(URL, "sample", handler=script, options=QUICK)


def test_what_a_newer_service_adds_is_passed_over(ask: Asker) -> None:
    newer = httpx.Response(200, json=GOOD | {"more": {}}, headers={"X-Model-Digest": "d" * 64})
    assert ask(URL, "sample", handler=Script(newer)).seed == 1


def test_key_and_pin_are_sent(ask: Asker) -> None:
    script = Script(good())
    ask(URL, "sample", handler=script, options={"api_key": "secret", "pin": "d" * 64})
    assert script.requests[0].headers["Authorization"] == "Bearer secret"
    assert script.requests[0].headers["X-Model-Digest"] == "d" * 64
    script = Script(good())
    ask(URL, "sample", handler=script)
    assert not {"authorization", "x-model-digest"} & set(script.requests[0].headers)


def test_retry_after_is_read_in_both_its_forms() -> None:
    assert retry_after(None) is None
    assert retry_after("7") == 7
    assert retry_after("soon") is None
    ahead = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert retry_after(ahead) == pytest.approx(100, abs=5)
    assert retry_after("Sun, 06 Nov 1994 08:49:37 GMT") == 0
