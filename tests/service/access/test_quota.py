"""Quotas: counted in names, for each key or address, told in headers, the same over workers."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute, strategies
from limits.storage import MemoryStorage, memory

from service.access import quota, shared_counts
from service.access.clients import client_of
from service.access.keys import new_key
from service.access.quota import Quota
from service.access.shared_counts import SharedCounts
from service.catalog.samplers import Samplers
from service.settings import Settings
from tests.running import BUNDLED

Serve = Callable[..., TestClient]
CheckProblem = Callable[..., dict[str, Any]]


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(1_000_020.0)
    for module in (shared_counts, memory, strategies):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def limited(serve: Serve, clock: Clock) -> TestClient:  # noqa: ARG001
    return serve(bundled_store=BUNDLED, quota="100/minute")


ASKED = [
    ("POST", "/sample", {"json": {"n": 30}}, 30),
    ("GET", "/sample?n=30", {}, 30),
    ("GET", "/sample?n=30", {"headers": {"Accept": "text/csv"}}, 30),
    ("GET", "/sample?n=30&prefix=zu", {}, 30),
    ("GET", "/sample/stream?n=3", {}, 3),
    ("POST", "/loss", {"json": {"names": ["emma"] * 30}}, 30),
    ("GET", "/loss?name=emma&name=ava", {}, 2),
    ("GET", "/top?k=7", {}, 7),
    ("GET", "/next?context=em", {}, 1),
]


@pytest.mark.parametrize(("method", "path", "rest", "names"), ASKED)
def test_names_are_what_is_counted(limited: TestClient, method: str, path: str, rest: Any, names: int) -> None:
    for times in (1, 2):
        answer = limited.request(method, path, **rest)
        assert answer.status_code == 200
        assert answer.headers["RateLimit-Policy"] == '"names";q=100;w=60'
        assert answer.headers["RateLimit"].startswith(f'"names";r={100 - times * names};t=')


def test_a_spent_quota_is_refused_until_it_is_not(
    limited: TestClient, clock: Clock, check_problem: CheckProblem
) -> None:
    assert limited.post("/sample", json={"n": 80}).status_code == 200
    refused = limited.post("/sample", json={"n": 30})
    check_problem(refused, 429, "quota-spent")
    assert refused.headers["RateLimit"].startswith('"names";r=20;')
    assert limited.post("/sample", json={"n": 20}).status_code == 200, "what is refused takes nothing"
    wait = int(limited.post("/sample", json={"n": 30}).headers["Retry-After"])
    clock.now += wait - 2
    assert limited.post("/sample", json={"n": 30}).status_code == 429
    clock.now += 2
    assert limited.post("/sample", json={"n": 30}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "pointer"), [("/sample", {"n": 101}, "/n"), ("/loss", {"names": ["ava"] * 101}, "/names")]
)
def test_more_than_the_whole_quota_can_never_be_had(
    limited: TestClient, check_problem: CheckProblem, path: str, body: Any, pointer: str
) -> None:
    check_problem(limited.post(path, json=body), 422, "over-quota", pointer)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sample?n=50&prefix=zzzzz&max_length=2", 422),
        ("/sample?n=50&model=none", 404),
        ("/loss?name=em1", 422),
        ("/top?k=50&contains=1", 422),
        ("/sample/stream?n=50&suffix=1", 422),
    ],
)
def test_what_is_not_delivered_costs_one_name_at_most(limited: TestClient, path: str, status: int) -> None:
    assert limited.get(path).status_code == status
    assert limited.post("/sample", json={"n": 99}).status_code == 200


def test_asking_for_what_there_is_not_is_bounded(limited: TestClient) -> None:
    statuses = [limited.get("/sample?n=1&prefix=zzzzz&max_length=2").status_code for _ in range(120)]
    assert statuses == [422] * 100 + [429] * 20


def test_a_set_that_runs_out_is_charged_as_far_as_it_goes(limited: TestClient) -> None:
    answer = limited.get("/sample?n=90&unique=true&pattern=(anna|emma|ava)")
    assert len(answer.json()["names"]) == 3
    assert answer.headers["RateLimit"].startswith('"names";r=97;')


def test_nothing_is_made_for_a_client_whose_quota_is_spent(
    limited: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limited.post("/sample", json={"n": 100}).status_code == 200
    monkeypatch.setattr(Samplers, "get", None)
    assert limited.get("/sample?n=1&contains=nn").status_code == 429


def test_what_is_not_about_names_is_free(limited: TestClient) -> None:
    assert limited.post("/sample", json={"n": 100}).status_code == 200
    for path in ("/models", "/models/us-names", "/livez", "/readyz", "/metrics"):
        assert limited.get(path).status_code == 200
        assert "RateLimit" not in limited.get(path).headers


@pytest.mark.parametrize(("failure", "status"), [("open", 200), ("closed", 503)])
def test_counts_that_cannot_be_reached_are_asked_once_in_a_while(
    serve: Serve, check_problem: CheckProblem, monkeypatch: pytest.MonkeyPatch, failure: str, status: int
) -> None:
    asked = 0

    def fail(*_: Any) -> None:
        nonlocal asked
        asked += 1
        raise sqlite3.OperationalError("database or disk is full")

    client = serve(bundled_store=BUNDLED, quota="100/minute", quota_failure=failure)
    monkeypatch.setattr(MemoryStorage, "base_exceptions", sqlite3.Error)
    monkeypatch.setattr(MemoryStorage, "acquire_sliding_window_entry", fail)
    monkeypatch.setattr(quota, "_REST_SECONDS", 3600.0)
    for _ in range(5):
        answer = client.post("/sample", json={"n": 1})
        if status == 503:
            check_problem(answer, 503, "quota-unavailable")
        assert answer.status_code == status
    assert asked == 1


def test_a_disk_without_room_for_counts_ends_no_worker(tmp_path: Path) -> None:
    counts = Quota("1/minute", "", tmp_path / "missing" / "counts")
    assert counts.charge({"client": ("192.0.2.1", 1)}, 1, "/n")


def test_each_key_has_its_own_quota(serve: Serve, clock: Clock) -> None:  # noqa: ARG001
    (ana, line), (leo, other) = new_key("ana"), new_key("leo")
    client = serve(bundled_store=BUNDLED, keys=f"{line}:10/minute,{other}", quota="20/minute")
    for key, most in ((ana, 10), (leo, 20)):
        headers = {"X-API-Key": key}
        assert client.post("/sample", json={"n": most}, headers=headers).status_code == 200
        assert client.post("/sample", json={"n": 1}, headers=headers).status_code == 429


def test_addresses_are_told_apart_and_a_subscriber_has_one_quota() -> None:
    def client(host: str) -> str:
        return client_of({"client": (host, 1)})

    assert client("192.0.2.1") != client("192.0.2.2")
    assert client("2001:db8::1") == client("2001:db8::ffff:2")
    assert client("2001:db8::1") != client("2001:db8:0:1::1")
    assert client_of({}) == client("no address") == "unknown"


@pytest.mark.parametrize("value", ["many", "10", "10/never", "-1/minute"])
def test_a_quota_that_cannot_be_read_is_named(value: str) -> None:
    with pytest.raises(ValueError, match="is not a quota"):
        Settings(quota=value)


def test_a_storage_that_cannot_be_used_is_named() -> None:
    with pytest.raises(ValueError, match="quota_storage"):
        Quota("1/minute", "nonsense://", None)


HITS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 40), st.floats(0, 50)), max_size=30)


@given(hits=HITS)
@settings(deadline=None, max_examples=60)
def test_shared_counts_decide_as_the_library_s_own_storage(hits: list[tuple[str, int, float]]) -> None:
    """The oracle is `limits`' storage in memory, under the same clock."""
    clock, limit = Clock(1_000_000.0), RateLimitItemPerMinute(60)
    with pytest.MonkeyPatch.context() as patch:
        for module in (shared_counts, memory, strategies):
            patch.setattr(module, "time", clock)
        shared, own = SharedCounts(Path(":memory:")), MemoryStorage()
        ours, theirs = map(strategies.SlidingWindowCounterRateLimiter, (shared, own))
        for client, names, pause in hits:
            clock.now += pause
            assert ours.hit(limit, client, cost=names) == theirs.hit(limit, client, cost=names)
            assert ours.get_window_stats(limit, client) == pytest.approx(theirs.get_window_stats(limit, client))
        shared.close()


def test_workers_that_count_at_once_never_let_more_through(tmp_path: Path, clock: Clock) -> None:  # noqa: ARG001
    limit = RateLimitItemPerMinute(500)
    let_through: list[int] = []

    def work() -> None:
        counts = SharedCounts(tmp_path / "counts")
        limiter = strategies.SlidingWindowCounterRateLimiter(counts)
        let_through.append(sum(limiter.hit(limit, "ana", cost=3) for _ in range(100)))
        counts.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(let_through) == 500 // 3


def test_counts_that_are_over_are_dropped(tmp_path: Path, clock: Clock) -> None:
    counts = SharedCounts(tmp_path / "counts")
    for i in range(50):
        counts.acquire_sliding_window_entry(f"client{i}", 10, 60)
    clock.now += 300
    counts.acquire_sliding_window_entry("last", 10, 60)
    assert counts.reset() == 1
    counts.close()
