"""Bounded work: a request that has waited too long for its turn gets 503; everything taken comes back."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.admission.limits import Admission
from service.admission.turns import Turns
from service.admission.work import Work
from service.answers import sample
from service.http.problems import ProblemError
from tests.running import BUNDLED

Serve = Callable[..., TestClient]
CheckProblem = Callable[..., dict[str, Any]]


def lanes(client: TestClient) -> list[Turns]:
    work: Work = client.app.state.work  # type: ignore[attr-defined]
    return [work.making, work.long, work.short]


def streams(client: TestClient) -> Admission:
    admission: Admission = client.app.state.streams  # type: ignore[attr-defined]
    return admission


def held(client: TestClient) -> list[float]:
    """What is taken at the moment."""
    state = client.app.state  # type: ignore[attr-defined]
    return [holder.used for holder in (*lanes(client), state.streams, state.bodies)]


@contextmanager
def filled(client: TestClient, *of: Turns) -> Iterator[None]:
    """Another client holds all of these lanes."""
    assert client.portal is not None
    with ExitStack() as stack:
        for turns in of:
            stack.enter_context(client.portal.wrap_async_context_manager(turns.turn("another", turns.limit)))
        yield


@contextmanager
def taken(admission: Admission, amount: float) -> Iterator[None]:
    admission.take(amount)
    yield
    admission.give_back(amount)


def test_a_sum_is_bounded_and_something_larger_than_the_limit_is_admitted_alone() -> None:
    admission = Admission(10)
    with taken(admission, 6), taken(admission, 4):
        for amount in (0.5, 100):
            with pytest.raises(ProblemError) as caught:
                admission.take(amount)
            assert caught.value.status_code == 503
        assert admission.used == 10
    with taken(admission, 100), pytest.raises(ProblemError):
        admission.take(0.5)
    assert admission.used == 0


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/sample", {"json": {"n": 10_000}}),
    ("GET", "/sample?n=3&prefix=qu", {}),
    ("GET", "/sample?n=3", {"headers": {"Accept": "text/plain"}}),
    ("GET", "/sample/stream?n=2", {}),
    ("POST", "/loss", {"json": {"names": ["emma"] * 2_000}}),
    ("GET", "/loss?name=emma", {}),
    ("GET", "/top", {}),
    ("GET", "/next", {}),
]


@pytest.mark.parametrize(("method", "path", "rest"), REQUESTS)
def test_what_waits_too_long_is_refused_and_the_rest_goes_on(
    serve: Serve, check_problem: CheckProblem, method: str, path: str, rest: Any
) -> None:
    client = serve(bundled_store=BUNDLED, queue_seconds=0.01)
    with filled(client, *lanes(client)):
        answer = client.request(method, path, **rest)
        check_problem(answer, 503, "overloaded")
        assert int(answer.headers["Retry-After"]) > 0
        assert client.post("/sample", json={"n": 10}).status_code == 200, "small ones are made at once"
        assert client.get("/readyz").status_code == 200
    assert client.request(method, path, **rest).status_code == 200
    assert held(client) == [0, 0, 0, 0, 0]


def test_short_requests_are_not_behind_long_ones(serve: Serve) -> None:
    client = serve(bundled_store=BUNDLED, queue_seconds=0.01)
    making, long, _ = lanes(client)
    with filled(client, making, long):
        assert client.get("/sample?n=100&details=true").status_code == 200
        assert client.get("/loss?name=emma").status_code == 200
        assert client.get("/next?context=em").status_code == 200
        assert client.post("/sample", json={"n": 10_000}).status_code == 503
        assert client.get("/sample?suffix=lyn").status_code == 503


@pytest.mark.parametrize(("path", "accept"), [("/sample?n=5", "text/csv"), ("/sample/stream?n=1", "*/*")])
def test_streams_are_counted_until_they_end(serve: Serve, check_problem: CheckProblem, path: str, accept: str) -> None:
    client = serve(bundled_store=BUNDLED, max_streams=1)
    with taken(streams(client), 1):
        check_problem(client.get(path, headers={"Accept": accept}), 503, "overloaded")
    for _ in range(3):
        assert client.get(path, headers={"Accept": accept}).status_code == 200
    assert client.get(path + "&prefix=zzzzz&max_length=2", headers={"Accept": accept}).status_code == 422
    assert streams(client).used == 0


def test_bodies_are_bounded_all_together(serve: Serve, check_problem: CheckProblem) -> None:
    client = serve(bundled_store=BUNDLED, max_bodies_mb=1, max_body_bytes=1_000_000)
    bodies: Admission = client.app.state.bodies  # type: ignore[attr-defined]
    names = {"names": ["emma"] * 9_000}
    with taken(bodies, 1 << 20):
        check_problem(client.post("/loss", json=names), 503, "overloaded")
    assert client.post("/loss", json=names).status_code == 200
    assert client.post("/loss", content=b"x" * 5_000, headers={"content-type": "application/json"}).status_code == 400
    assert bodies.used == 0


def test_a_failure_gives_back_what_was_taken(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve(bundled_store=BUNDLED, raise_server_exceptions=False)

    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(sample, "prepare_with", fail)
    for headers in ({}, {"Accept": "text/csv"}):
        assert client.post("/sample", json={"n": 5_000, "prefix": "a"}, headers=headers).status_code == 500
    assert held(client) == [0, 0, 0, 0, 0]
