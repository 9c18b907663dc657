"""Bounded work: what is too much is refused with 503 before it takes time or memory; everything taken comes back."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service import draws
from service.problems import ProblemError
from service.protection.admission import Admission
from tests.running import BUNDLED

Serve = Callable[..., TestClient]
CheckProblem = Callable[..., dict[str, Any]]


def admissions(client: TestClient) -> list[Admission]:
    state = client.app.state  # type: ignore[attr-defined]
    return [state.work, state.streams, state.bodies]


def test_a_sum_is_bounded_and_something_large_is_taken_alone() -> None:
    admission = Admission(10, "much work")
    with admission.admitted(6):
        with admission.admitted(4), pytest.raises(ProblemError):
            admission.take(0.1)
        with pytest.raises(ProblemError):
            admission.take(100)
    with admission.admitted(100), pytest.raises(ProblemError):
        admission.take(1)
    assert admission.used == 0


def test_fractions_leave_nothing_behind() -> None:
    """0.1 + 0.2 - 0.1 - 0.2 is not 0, and something larger than the limit must be taken all the same."""
    admission = Admission(1, "much work")
    for amount in (0.1, 0.2):
        admission.take(amount)
    for amount in (0.1, 0.2):
        admission.give_back(amount)
    with admission.admitted(5):
        assert admission.used == 5
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
def test_what_is_too_much_is_refused_and_the_rest_goes_on(
    serve: Serve, check_problem: CheckProblem, method: str, path: str, rest: Any
) -> None:
    client = serve(bundled_store=BUNDLED)
    work = admissions(client)[0]
    with work.admitted(work.limit):
        answer = client.request(method, path, **rest)
        check_problem(answer, 503, "overloaded")
        assert int(answer.headers["Retry-After"]) > 0
        assert client.post("/sample", json={"n": 10}).status_code == 200, "small ones are made at once"
        assert client.get("/readyz").status_code == 200
    assert client.request(method, path, **rest).status_code == 200
    assert [admission.used for admission in admissions(client)] == [0, 0, 0]


@pytest.mark.parametrize(("path", "accept"), [("/sample?n=5", "text/csv"), ("/sample/stream?n=1", "*/*")])
def test_streams_are_counted_until_they_end(serve: Serve, check_problem: CheckProblem, path: str, accept: str) -> None:
    client = serve(bundled_store=BUNDLED, max_streams=1)
    streams = admissions(client)[1]
    with streams.admitted(1):
        check_problem(client.get(path, headers={"Accept": accept}), 503, "overloaded")
    for _ in range(3):
        assert client.get(path, headers={"Accept": accept}).status_code == 200
    assert client.get(path + "&prefix=zzzzz&max_length=2", headers={"Accept": accept}).status_code == 422
    assert streams.used == 0


def test_bodies_are_bounded_all_together(serve: Serve, check_problem: CheckProblem) -> None:
    client = serve(bundled_store=BUNDLED, max_bodies_mb=1, max_body_bytes=1_000_000)
    bodies = admissions(client)[2]
    names = {"names": ["emma"] * 9_000}
    with bodies.admitted(1 << 20):
        check_problem(client.post("/loss", json=names), 503, "overloaded")
    assert client.post("/loss", json=names).status_code == 200
    assert client.post("/loss", content=b"x" * 5_000, headers={"content-type": "application/json"}).status_code == 400
    assert bodies.used == 0


def test_a_failure_gives_back_what_was_taken(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve(bundled_store=BUNDLED, raise_server_exceptions=False)

    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(draws, "prepare", fail)
    for headers in ({}, {"Accept": "text/csv"}):
        assert client.post("/sample", json={"n": 5_000, "prefix": "a"}, headers=headers).status_code == 500
    assert [admission.used for admission in admissions(client)] == [0, 0, 0]


def test_many_at_once_are_answered_or_refused(serve: Serve) -> None:
    client = serve(bundled_store=BUNDLED, max_work_ms=60)
    statuses: list[int] = []

    def ask(i: int) -> None:
        statuses.append(client.get(f"/sample?n=9000&prefix={'abcdefgh'[i % 8]}&details=true").status_code)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    assert [admission.used for admission in admissions(client)] == [0, 0, 0]
