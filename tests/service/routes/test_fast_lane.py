"""The fast lane: the answers of the route, byte for byte, and none of its refusals."""

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from service.answers.sample import SHORT
from service.app import Application, create_app
from service.http.head import HeadAsGet
from service.routes.fast_lane import FastLane
from service.settings import Settings
from service.telemetry.exchange import Exchange
from tests.running import BUNDLED

JSON = {"content-type": "application/json"}
PAST_THE_LANE = JSON | {"accept": "application/json;q=0.9"}
LIMIT = 2_000
OF_ALL = {"cache-control", "content-security-policy", "x-content-type-options"}
"""Headers that every answer has."""
Header = tuple[bytes, bytes]


def without_lane(settings: Settings) -> FastAPI:
    app = create_app(settings)
    assert isinstance(app, Application)
    assert isinstance(app.around, Exchange)
    heads = app.around.app
    assert isinstance(heads, HeadAsGet)
    assert isinstance(heads.app, FastLane)
    heads.app = heads.app.app
    return app


@pytest.fixture(scope="module")
def with_lane(tiny_store: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(store=tiny_store, bundled_store=BUNDLED, max_body_bytes=LIMIT))) as client:
        yield client


@pytest.fixture(scope="module")
def route(tiny_store: Path) -> Iterator[TestClient]:
    """The same service with the lane left out."""
    with TestClient(without_lane(Settings(store=tiny_store, bundled_store=BUNDLED, max_body_bytes=LIMIT))) as client:
        yield client


def told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer but its request id, which is checked."""
    headers = dict(answer.headers)
    request_id = headers.pop("x-request-id")
    body = answer.content
    if answer.status_code != 200:
        problem = answer.json()
        assert problem.pop("request_id") == request_id
        headers.pop("content-length")
        body = json.dumps(problem).encode()
    return answer.status_code, body, headers


def post(client: TestClient, body: bytes, headers: Any = JSON) -> tuple[int, bytes, dict[str, str]]:
    return told(client.post("/sample", content=body, headers=headers))


# Which requests take the lane, seen from within


class Passed:
    """What the lane passed on: one application behind it, which reads its messages."""

    def __init__(self) -> None:
        self.messages: list[Message] | None = None

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        self.messages = [await receive()]
        while self.messages[-1].get("more_body"):
            self.messages.append(await receive())
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def through_lane(
    app: Any, messages: list[Message], headers: list[Header], method: str = "POST", path: str = "/sample"
) -> tuple[list[Message] | None, list[Message]]:
    """What was passed on, None where the lane answered itself; and what was sent."""
    passed, sent = Passed(), list[Message]()
    waiting = list(messages)

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": headers, "app": app}
    asyncio.run(FastLane(passed)(scope, receive, send))
    return passed.messages, sent


def body_of(data: bytes) -> list[Message]:
    return [{"type": "http.request", "body": data, "more_body": False}]


TYPED: list[Header] = [(b"content-type", b"application/json")]


def test_a_plain_request_with_a_kept_sampler_takes_the_lane(with_lane: TestClient) -> None:
    for headers in (
        TYPED,
        [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", b"2")],
        [*TYPED, (b"accept", b"*/*")],
        [*TYPED, (b"accept", b"application/json"), (b"x-other", b"1"), (b"x-other", b"2")],
    ):
        for data in (b"{}", b'{"n":2000,"seed":"x"}', b' {"case":"upper"} '):
            passed, sent = through_lane(with_lane.app, body_of(data), headers)
            assert passed is None
            assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
            assert sent[0]["status"] == 200
            assert (b"content-length", b"%d" % len(sent[1]["body"])) in sent[0]["headers"]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"application/json;charset=latin-1")],
        [*TYPED, (b"content-type", b"text/plain")],
        [(b"content-type", b"text/plain"), *TYPED],
        [*TYPED, (b"accept", b"text/csv")],
        [*TYPED, (b"accept", b"")],
        [*TYPED, (b"accept", b"text/csv"), (b"accept", b"*/*")],
        [*TYPED, (b"accept", b"application/json;q=0.9")],
        [*TYPED, (b"content-encoding", b"gzip")],
        [*TYPED, (b"content-encoding", b"identity")],
        [*TYPED, (b"content-length", b"99999")],
    ],
    ids=str,
)
def test_other_headers_pass_on_to_the_route(with_lane: TestClient, headers: list[Header]) -> None:
    passed, _ = through_lane(with_lane.app, body_of(b"{}"), headers)
    assert passed == body_of(b"{}")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/sample"), ("PUT", "/sample"), ("POST", "/sample/"), ("POST", "/loss"), ("POST", "/sample/stream")],
)
def test_other_requests_pass_on_to_their_routes(with_lane: TestClient, method: str, path: str) -> None:
    passed, _ = through_lane(with_lane.app, body_of(b"{}"), TYPED, method, path)
    assert passed == body_of(b"{}")


@pytest.mark.parametrize(
    "messages",
    [
        body_of(b""),
        body_of(b"{"),
        body_of(b'{"n":0}'),
        body_of(b'{"n":2001}'),
        body_of(b'{"unique":true}'),
        body_of(b'{"details":true}'),
        body_of(b'{"model":"nobody"}'),
        body_of(b'{"temperature":1.2345}'),
        body_of(b"{}" + b" " * 1023),
        [{"type": "http.request", "body": b"{", "more_body": True}, *body_of(b"}")],
        [{"type": "http.request", "body": b"{}", "more_body": True}, *body_of(b"")],
        [{"type": "http.request", "body": b"", "more_body": True}, *body_of(b"{}")],
        [{"type": "http.request"}],
        [{"type": "http.disconnect"}],
    ],
    ids=str,
)
def test_the_route_gets_every_message_once_and_in_order(with_lane: TestClient, messages: list[Message]) -> None:
    passed, _ = through_lane(with_lane.app, messages, TYPED)
    assert passed == messages


def test_a_fault_in_the_lane_is_logged_and_the_route_answers(
    with_lane: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert with_lane.post("/sample", json={"seed": 1}).status_code == 200

    def fail(*_: Any) -> None:
        raise ArithmeticError("a fault that nobody foresaw")

    monkeypatch.setattr("service.routes.fast_lane.resolve", fail)
    assert with_lane.post("/sample", json={"seed": 1}).status_code == 200
    assert [record.exc_text is not None for record in caplog.records if "fast lane" in record.message] == [True]


def test_an_application_that_has_not_started_gets_all() -> None:
    passed, _ = through_lane(create_app(Settings()), body_of(b"{}"), TYPED)
    assert passed == body_of(b"{}")


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_what_is_not_http_passes_through(kind: str) -> None:
    seen = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    async def receive() -> Message:
        raise AssertionError("nothing is to be read")

    async def send(message: Message) -> None:
        raise AssertionError(message)

    asyncio.run(FastLane(inner)({"type": kind}, receive, send))
    assert seen == [({"type": kind}, receive, send)]


# The same bytes

SEEDS = st.integers(0, 2**63 - 1) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=64
)
BODIES = st.fixed_dictionaries(
    {"seed": SEEDS},
    optional={
        "n": st.integers(1, 60) | st.integers(SHORT - 1, SHORT + 1),
        "model": st.sampled_from([None, "us-names", "tiny", "unlisted"]),
        "temperature": st.sampled_from([1, 1.0, 0.7]),
        "top_k": st.sampled_from([None, 5, 12]),
        "top_p": st.sampled_from([None, 0.9, 1]),
        "min_length": st.integers(1, 4),
        "max_length": st.integers(4, 64),
        "prefix": st.sampled_from([None, "a", "J"]),
        "suffix": st.sampled_from([None, "a", "n"]),
        "contains": st.sampled_from([None, "an"]),
        "pattern": st.sampled_from([None, "[a-z]*", ".*e?.*"]),
        "case": st.sampled_from(["lower", "title", "upper"]),
        "novel": st.booleans(),
        "unique": st.booleans(),
        "details": st.booleans(),
    },
)


@settings(max_examples=150, deadline=None)
@given(BODIES, st.booleans())
@example({"seed": 42}, False)
@example({"seed": "é\x7f\U0001f600", "model": "tiny", "n": 60, "case": "upper"}, True)
@example({"seed": 1, "model": "tiny", "novel": True}, False)
@example({"seed": 1, "model": "unlisted", "novel": True}, False)  # of the digest of tiny, without its list
def test_any_valid_body_has_the_answer_of_the_route(
    with_lane: TestClient, route: TestClient, body: dict[str, Any], ascii_only: bool
) -> None:
    """The second time a sampler is at hand, and the lane is taken where it can be."""
    data = json.dumps(body, ensure_ascii=ascii_only).encode()
    expected = post(route, data)
    for _ in range(2):
        assert post(with_lane, data) == expected
    past = post(with_lane, data, PAST_THE_LANE)
    assert past == expected
    if expected[0] == 200:
        assert set(expected[2]) - OF_ALL == {
            *("content-length", "content-type", "vary", "x-model-digest", "x-sampler-version"),
        }
    if expected[0] == 200 and body.get("n", 10) <= SHORT and not body.get("unique") and not body.get("details"):
        assert through_lane(with_lane.app, body_of(data), TYPED)[0] is None


def test_a_seed_that_is_left_out_is_drawn_and_replays(with_lane: TestClient, route: TestClient) -> None:
    bodies = [json.loads(post(with_lane, b"{}")[1]) for _ in range(10)]
    assert len({body["seed"] for body in bodies}) == 10
    for body in bodies:
        assert json.loads(post(route, b'{"seed":%d}' % body["seed"])[1]) == body


@pytest.mark.parametrize("given", ["plain-id", "x" * 65, "two words"])
def test_a_request_id_is_treated_as_anywhere(with_lane: TestClient, route: TestClient, given: str) -> None:
    answers = [
        client.post("/sample", content=b'{"seed":1}', headers=JSON | {"x-request-id": given})
        for client in (with_lane, route)
    ]
    ids = [answer.headers.get_list("x-request-id") for answer in answers]
    assert all(len(each) == 1 for each in ids)
    assert all((each == [given]) == (given == "plain-id") for each in ids)


# The same refusals

REFUSED: list[tuple[int, bytes]] = [
    (422, b""),
    (400, b"{"),
    (400, b"\xff{}"),
    (400, b"{}{}"),
    (400, b'{"n":1,"n":1}'),
    (400, b"[" * 500),
    (422, b'{"n":' + b"9" * 900 + b"}"),
    (400, '{"n":1}'.encode("utf-16")),
    (400, b"\xef\xbb\xbf{}"),
    (422, b"[]"),
    (422, b"null"),
    (422, b'"text"'),
    (422, b'{"n":NaN}'),
    (422, b'{"temperature":1e999}'),
    (422, b'{"n":true}'),
    (422, b'{"n":"5"}'),
    (422, b'{"n":1.5}'),
    (422, b'{"n":0}'),
    (422, b'{"n":10001}'),
    (422, b'{"n":1000001}'),
    (422, b'{"n":100001,"unique":true}'),
    (422, b'{"x":1,"y":2}'),
    (422, b'{"seed":-1}'),
    (422, b'{"seed":9223372036854775808}'),
    (422, b'{"seed":"\\ud800"}'),
    (422, b'{"\\ud800":1}'),
    (422, b'{"prefix":"\\ud800"}'),
    (422, b'{"min_length":5,"max_length":4}'),
    (422, b'{"top_k":28}'),
    (422, b'{"case":"Title"}'),
    (422, b'{"pattern":"("}'),
    (422, b'{"suffix":"1"}'),
    (422, b'{"novel":true,"model":"unlisted"}'),
    (404, b'{"model":"nobody"}'),
    (413, b"{}" + b" " * LIMIT),
]


@pytest.mark.parametrize(("status", "body"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_refusal_is_that_of_the_route(with_lane: TestClient, route: TestClient, status: int, body: bytes) -> None:
    expected = post(route, body)
    assert expected[0] == status
    assert post(with_lane, body) == expected
    assert post(with_lane, body, PAST_THE_LANE) == expected
    assert through_lane(with_lane.app, body_of(body), TYPED)[0] == body_of(body)


HEADERS: list[tuple[int, list[tuple[str, str]]]] = [
    (415, []),
    (415, [("content-type", "")]),
    (415, [("content-type", "text/plain")]),
    (415, [("content-type", "application/jsonx")]),
    (415, [("content-type", "application/x-www-form-urlencoded")]),
    (415, [("content-type", "text/plain"), ("content-type", "application/json")]),
    (200, [("content-type", "application/json"), ("content-type", "text/plain")]),
    (200, [("content-type", "Application/JSON")]),
    (200, [("content-type", "application/json;charset=utf-8")]),
    (415, [("content-type", "application/json"), ("content-encoding", "gzip")]),
    (200, [("content-type", "application/json"), ("content-encoding", "identity")]),
    (200, [("content-type", "application/json"), ("accept", "text/csv"), ("accept", "*/*")]),
    (200, [("content-type", "application/json"), ("accept", "*/*;q=0.1"), ("accept", "text/csv")]),
    (200, [("content-type", "application/json"), ("accept", "text/plain")]),
    (200, [("content-type", "application/json"), ("accept", "image/png")]),
    (200, [("content-type", "application/json"), ("accept", "")]),
]


@pytest.mark.parametrize(("status", "headers"), HEADERS, ids=str)
def test_headers_mean_what_they_mean_to_the_route(
    with_lane: TestClient, route: TestClient, status: int, headers: list[tuple[str, str]]
) -> None:
    expected = post(route, b'{"seed":1,"n":3}', headers)
    assert expected[0] == status
    for _ in range(2):
        assert post(with_lane, b'{"seed":1,"n":3}', headers) == expected


def test_a_body_in_parts_is_read_whole(with_lane: TestClient, route: TestClient) -> None:
    def parts(*data: bytes) -> tuple[int, bytes, dict[str, str]]:
        answers = [told(c.post("/sample", content=iter(data), headers=JSON)) for c in (with_lane, route)]
        assert answers[0] == answers[1]
        return answers[0]

    whole = post(route, b'{"seed":7,"n":4}')
    assert parts(b'{"seed"', b":7", b',"n":4}') == whole
    assert parts(b'{"seed":7,"n":4}', b"", b"  ") == whole
    assert parts(b'{"seed":7,"n":4}', b"x")[0] == 400
    assert parts(b'{"seed":7,"n":4}', *[b" " * 100] * 21)[0] == 413
    assert parts()[0] == 422


def test_a_body_at_the_limit_of_the_lane_and_one_byte_more(with_lane: TestClient, route: TestClient) -> None:
    for size in (1023, 1024, 1025, LIMIT - 1, LIMIT, LIMIT + 1):
        body = b'{"seed":1}' + b" " * (size - 10)
        answer = post(with_lane, body)
        assert answer == post(route, body)
        assert answer[0] == (200 if size <= LIMIT else 413)


def test_without_a_model_nothing_is_ready(
    serve: Callable[..., TestClient], check_problem: Callable[..., dict[str, Any]]
) -> None:
    check_problem(serve().post("/sample", json={}), 503, "not-ready")


# What is documented


def conforms(schema: dict[str, Any], shape: dict[str, Any], value: Any) -> bool:
    """Whether a value has a documented shape, no key missing and none beside."""
    if "$ref" in shape:
        shape = schema["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
    if "anyOf" in shape:
        return any(conforms(schema, option, value) for option in shape["anyOf"])
    match shape.get("type"):
        case "object":
            fields = shape["properties"]
            return (
                isinstance(value, dict)
                and set(shape.get("required", [])) <= value.keys() <= fields.keys()
                and all(conforms(schema, fields[key], inner) for key, inner in value.items())
            )
        case "array":
            return isinstance(value, list) and all(conforms(schema, shape["items"], inner) for inner in value)
        case kind:
            types: dict[str | None, tuple[type, ...]] = {
                "string": (str,),
                "integer": (int,),
                "number": (int, float),
                "boolean": (bool,),
                "null": (type(None),),
            }
            return type(value) in types[kind]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_answers_are_those_that_openapi_describes(with_lane: TestClient, method: str) -> None:
    schema = with_lane.get("/openapi.json").json()
    described = schema["paths"]["/sample"][method.lower()]["responses"]
    bodies: list[dict[str, Any]] = [
        {"seed": seed, "details": details, "model": model, "unique": unique, "n": 5}
        for seed, details, model, unique in itertools.product(
            (1, "text"), (False, True), ("us-names", "unlisted"), (False, True)
        )
    ]
    bodies += [{"n": 0}, {"model": "nobody"}, {"suffix": "1"}, {"seed": 1}]
    for body, accept in itertools.product(bodies, ["*/*", "text/csv", "text/plain", "application/x-ndjson"]):
        headers = {"accept": accept}
        if method == "POST":
            answer = with_lane.post("/sample", json=body, headers=headers)
        else:
            query = {key: str(value).lower() if isinstance(value, bool) else value for key, value in body.items()}
            answer = with_lane.get("/sample", params=query, headers=headers)
        media_type = answer.headers["content-type"].partition(";")[0]
        shape = described[str(answer.status_code)]["content"][media_type]["schema"]
        streamed = media_type.startswith("text/") or media_type == "application/x-ndjson"
        assert conforms(schema, shape, answer.text if streamed else answer.json())
        assert streamed == (accept != "*/*" and answer.status_code == 200)


def test_the_check_of_shapes_can_fail() -> None:
    shape = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert conforms({}, shape, {"a": 1})
    wrongs: list[Any] = [{}, {"a": True}, {"a": "1"}, {"a": 1, "b": 2}, []]
    for wrong in wrongs:
        assert not conforms({}, shape, wrong)
