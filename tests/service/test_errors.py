"""Every failure is one problem+json: the right status, a type for programs, no echo, no internals."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service import answers
from service.app import create_app
from service.settings import Settings

JSON = {"Content-Type": "application/json"}
LIMIT = 8192


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The bundled model, a small body limit, and answers of 500 instead of exceptions."""
    own = tmp_path_factory.mktemp("own")
    app = create_app(Settings(store=own, max_body_bytes=LIMIT))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def assert_problem(answer: httpx.Response, status: int, problem_type: str | None = None) -> dict[str, Any]:
    """The shape that every error has; returns it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) <= 4096
    problem: dict[str, Any] = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail", "errors", "request_id"}
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert all(error.keys() == {"pointer", "detail"} for error in problem["errors"])
    if problem_type is not None:
        assert problem["type"] == problem_type
    return problem


def post(client: TestClient, body: bytes | str, path: str = "/sample", **headers: str) -> httpx.Response:
    return client.post(path, content=body, headers={**JSON, **headers})


def test_unknown_paths_and_methods_are_problems(client: TestClient) -> None:
    assert_problem(client.get("/nothing"), 404, "not-found")
    assert_problem(client.put("/sample"), 405, "method-not-allowed")
    assert_problem(client.get("/models/nothing"), 404, "unknown-model")
    assert_problem(client.get("/sample", params={"model": "nothing"}), 404, "unknown-model")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{]",
        b'{"n": 1,}',
        b'{"n": 1, "n": 2}',
        b'{"n": 1} {}',
        '{"n": 1}'.encode("utf-16"),
        b'{"model": "\xff"}',
        b'{"n": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_not_json_is_400(client: TestClient, body: bytes) -> None:
    if body:
        assert_problem(post(client, body), 400, "malformed-json")
    else:
        assert_problem(post(client, body), 422)


def test_a_hundred_thousand_brackets_are_400(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(store=tmp_path))) as client:
        assert_problem(post(client, b"[" * 100_000), 400, "malformed-json")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"n": NaN}', ""),
        ('{"temperature": Infinity}', ""),
        ('{"temperature": 1e999}', ""),
        ('{"\\ud800": 1}', ""),
        ('{"model": "\\ud800"}', "/model"),
        ('{"seed": "\\udfff"}', "/seed"),
        ('{"n": true}', "/n"),
        ('{"n": "5"}', "/n"),
        ('{"n": 5.5}', "/n"),
        ('{"n": 0}', "/n"),
        ('{"n": 10001}', "/n"),
        ('{"n": null}', "/n"),
        ('{"seed": -1}', "/seed"),
        ('{"seed": 9223372036854775808}', "/seed"),
        ('{"seed": 1.5}', "/seed"),
        ('{"seed": ""}', "/seed"),
        (json.dumps({"seed": "x" * 65}), "/seed"),
        ('{"temperature": 0}', "/temperature"),
        ('{"temperature": 10.1}', "/temperature"),
        ('{"top_k": 0}', "/top_k"),
        ('{"top_k": 28}', "/top_k"),
        ('{"top_p": 0}', "/top_p"),
        ('{"top_p": 1.01}', "/top_p"),
        ('{"min_length": 0}', "/min_length"),
        ('{"max_length": 65}', "/max_length"),
        ('{"min_length": 9, "max_length": 8}', ""),
        ('{"case": "Title"}', "/case"),
        ('{"details": 1}', "/details"),
        ('{"a/b~c": 1}', "/a~1b~0c"),
        ("[]", ""),
        ("1", ""),
        ("null", ""),
        ('"x"', ""),
    ],
)
def test_a_value_that_is_not_allowed_is_422_and_named(client: TestClient, body: str, pointer: str) -> None:
    problem = assert_problem(post(client, body), 422, "validation")
    assert pointer in [error["pointer"] for error in problem["errors"]]


@pytest.mark.parametrize(
    "query", ["n=0", "n=x", "n=1.5", "seed=", "temperature=nan", "temperature=inf", "x=1", "case=u"]
)
def test_query_parameters_are_held_to_the_same(client: TestClient, query: str) -> None:
    assert_problem(client.get(f"/sample?{query}"), 422, "validation")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": ""},
        {**JSON, "Content-Encoding": "gzip"},
    ],
)
def test_only_plain_json_bodies_are_taken(client: TestClient, headers: dict[str, str]) -> None:
    assert_problem(client.post("/sample", content=b"{}", headers=headers), 415, "unsupported-media-type")


def test_a_charset_parameter_does_no_harm(client: TestClient) -> None:
    assert client.post("/sample", content=b"{}", headers={"Content-Type": "application/json; charset=utf-8"}).is_success


def test_a_body_over_the_limit_is_413_whatever_its_length_header_says(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    assert_problem(post(client, b" " * (LIMIT + 1)), 413, "content-too-large")
    assert_problem(client.post("/sample", content=chunks(), headers=JSON), 413, "content-too-large")
    exactly = b'{"n": 1}'.ljust(LIMIT)
    assert post(client, exactly).status_code == 200


def test_input_is_never_echoed_at_length(client: TestClient) -> None:
    long = "q" * 2000
    for body in ({long: 1}, {"model": long}, {"seed": long}, {"case": long}, {"n": long}):
        assert "q" * 65 not in assert_problem(post(client, json.dumps(body)), 422)["detail"]
        assert "q" * 65 not in post(client, json.dumps(body)).text
    assert "q" * 65 not in assert_problem(client.get(f"/{long}"), 404)["detail"]
    assert "q" * 65 not in client.get(f"/models/{long}").text


def test_many_errors_are_counted_rather_than_listed(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(store=tmp_path))) as client:
        problem = assert_problem(post(client, json.dumps({"names": [1] * 5000}), "/loss"), 422)
        assert len(problem["errors"]) == 16
        assert "4984 more" in problem["detail"]


def test_an_unexpected_failure_is_500_and_shows_nothing_inside(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(answers, "sample", broken)
    answer = client.get("/sample", headers={"X-Request-ID": "abc"})
    assert_problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] == "abc"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["n", "seed", "model", "temperature", "top_k", "top_p", "max_length", "names", "unknown", "case"]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=ANY_JSON | st.dictionaries(FIELDS, ANY_JSON, max_size=4), path=st.sampled_from(["/sample", "/loss"]))
def test_whatever_json_comes_the_answer_is_valid(client: TestClient, body: Any, path: str) -> None:
    answer = post(client, json.dumps(body), path)
    if answer.status_code != 200:
        assert answer.status_code in (400, 404, 413, 422)
        assert_problem(answer, answer.status_code)
