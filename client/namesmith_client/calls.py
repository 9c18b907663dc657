"""What goes over the wire, without the wire: requests as values, and answers as results or errors.

Both clients send and receive; all that there is to know of the service is here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from namesmith_client.errors import AnswerError, FieldError, ModelChangedError, ProblemError, problem_class
from namesmith_client.fields import ConditionFields, LossFields, SampleFields, ShapeFields
from namesmith_client.results import (
    EVENTS,
    Loss,
    Model,
    Models,
    NameDetail,
    Next,
    Readiness,
    Sample,
    StreamEvent,
    Top,
    build,
)

Result = TypeVar("Result")
DIGEST_HEADER = "X-Model-Digest"
_NDJSON, _EVENTS, _PROBLEM = "application/x-ndjson", "text/event-stream", "application/problem+json"
_SHOWN = 200


@dataclass(frozen=True)
class Call(Generic[Result]):
    """A request, and what its answer is."""

    kind: type[Result]
    method: str
    path: str
    json: Mapping[str, Any] | None = None
    params: Sequence[tuple[str, str]] = ()
    accept: str = "application/json"
    by_model: bool = True
    """A model answers, so that a pinned digest matters."""
    retried: bool = True

    def request(self, client: httpx.Client | httpx.AsyncClient, pin: str | None) -> httpx.Request:
        headers = {"Accept": self.accept} | ({DIGEST_HEADER: pin} if pin and self.by_model else {})
        return client.build_request(self.method, self.path, json=self.json, params=list(self.params), headers=headers)

    def result(self, answer: httpx.Response) -> Result:
        """Raises AnswerError."""
        with _expecting(answer):
            return build(self.kind, answer.json(), request_id=request_id(answer))


def sample(asked: SampleFields) -> Call[Sample]:
    return Call(Sample, "POST", "/sample", json=_given(asked))


def stream(asked: SampleFields) -> Call[Sample]:
    return Call(Sample, "POST", "/sample", json=_given(asked), accept=_NDJSON)


def events(asked: SampleFields) -> Call[StreamEvent]:
    seed = asked.get("seed")
    if isinstance(seed, str) and seed.isascii() and seed.isdigit():
        raise ValueError("the service reads a seed of digits as a number: pass an int, or a seed with a letter")
    return Call(StreamEvent, "GET", "/sample/stream", params=_query(asked), accept=_EVENTS)  # type: ignore[arg-type]


def loss(names: Sequence[str], asked: LossFields) -> Call[Loss]:
    return Call(Loss, "POST", "/loss", json={"names": list(names), **_given(asked)})


def following(context: str, asked: ShapeFields) -> Call[Next]:
    return Call(Next, "GET", "/next", params=[("context", context), *_query(asked)])


def top(k: int, asked: ConditionFields) -> Call[Top]:
    return Call(Top, "GET", "/top", params=[("k", str(k)), *_query(asked)])


def models() -> Call[Models]:
    return Call(Models, "GET", "/models", by_model=False)


def model(name: str) -> Call[Model]:
    return Call(Model, "GET", f"/models/{quote(name, safe='')}", by_model=False)


def ready() -> Call[Readiness]:
    return Call(Readiness, "GET", "/readyz", by_model=False, retried=False)


def check(answer: httpx.Response, call: Call[Any], pin: str | None) -> None:
    """Raises ProblemError for what is one, AnswerError for what is none of the service's answers, and ModelChangedError
    where another digest than the pinned one answered. The body of an error must have been read."""
    if not answer.is_success:
        raise _problem(answer)
    digest = answer.headers.get(DIGEST_HEADER)
    if call.by_model and pin is not None and digest != pin:
        detail = f"version {pin[:12]} is pinned, but {str(digest)[:12]} answered"
        raise ModelChangedError(409, "model-changed", "Conflict", detail, request_id=request_id(answer))


def request_id(answer: httpx.Response) -> str:
    return str(answer.headers.get("X-Request-ID", ""))


@dataclass(frozen=True)
class StreamFacts:
    """What the headers of a stream of names say; see `Sample`."""

    model_digest: str
    seed: int | str
    probability: float
    exhausted: bool
    request_id: str

    @classmethod
    def of(cls, answer: httpx.Response) -> "StreamFacts":
        """Raises AnswerError."""
        with _expecting(answer):
            seed, probability, exhausted = (
                json.loads(answer.headers[name]) for name in ("X-Seed", "X-Probability", "X-Exhausted")
            )
            return cls(answer.headers[DIGEST_HEADER], seed, probability, exhausted, request_id(answer))


@dataclass
class Lines:
    """Cuts what comes into lines."""

    _rest: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [line.removesuffix(b"\r") for line in whole]


def name_of(line: bytes, answer: httpx.Response) -> str:
    """The name in a line of a stream. Raises AnswerError."""
    with _expecting(answer):
        return str(json.loads(line)["name"])


def detail_of(line: bytes, answer: httpx.Response) -> NameDetail:
    """A line of a stream with `details`. Raises AnswerError."""
    with _expecting(answer):
        return build(NameDetail, json.loads(line))


@dataclass
class EventParser:
    """Server-sent events out of lines."""

    answer: httpx.Response
    _event: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, lines: list[bytes]) -> Iterator[StreamEvent]:
        """Raises AnswerError."""
        for line in lines:
            name, _, value = line.decode().partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                self._event = value
            elif name == "data":
                self._data.append(value)
            elif not line and self._data:
                kind, data = EVENTS.get(self._event), "\n".join(self._data)
                self._event, self._data = "", []
                if kind is not None:  # else one of a newer service
                    with _expecting(self.answer):
                        yield build(kind, json.loads(data))


class _expecting:  # noqa: N801
    """Turns what a wrong shape causes into AnswerError."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, LookupError | TypeError | ValueError | AttributeError):
            raise AnswerError(f"{self._answer.request.url.path}: this is not an answer of the service") from error


def _given(asked: Mapping[str, Any]) -> dict[str, Any]:
    """None asks nothing, as a field that is left out."""
    return {name: value for name, value in asked.items() if value is not None}


def _query(asked: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A list is a parameter that comes several times."""
    given = _given(asked).items()
    every = [(name, each) for name, value in given for each in (value if isinstance(value, list) else [value])]
    return [(name, str(value).lower() if isinstance(value, bool) else str(value)) for name, value in every]


def _problem(answer: httpx.Response) -> ProblemError | AnswerError:
    try:
        if answer.headers.get("Content-Type", "").partition(";")[0] != _PROBLEM:
            raise ValueError("not a problem")
        problem = answer.json()
        errors = tuple(FieldError(str(each["pointer"]), str(each["detail"])) for each in problem.get("errors", ()))
        title, detail, problem_type = str(problem["title"]), str(problem["detail"]), str(problem["type"])
    except (LookupError, TypeError, ValueError, AttributeError):
        if answer.status_code not in (429, 502, 503, 504):  # which proxies answer too
            return AnswerError(f"{answer.request.url.path}: status {answer.status_code} without problem+json")
        problem_type, title = "about:blank", answer.reason_phrase
        detail, errors = f"status {answer.status_code}, from something between here and the service", ()
    kind = problem_class(answer.status_code, problem_type)
    wait = retry_after(answer.headers.get("Retry-After"))
    return kind(answer.status_code, problem_type, title, detail, errors, request_id(answer), wait)


def retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which may be a number or a date; None where it says neither."""
    if value is None:
        return None
    try:
        return max(0.0, float(int(value)))
    except ValueError:
        try:
            return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError):
            return None
