"""Metrics say what happened, no more often than it did, and have no series that a client could make up."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Scope

from service.telemetry import metric_files, metrics
from service.telemetry.exchange import Exchange
from tests.reliability.conftest import FULL
from tests.running import BUNDLED, ROOT
from tests.service.metric_values import series, value

Serve = Callable[..., TestClient]
Publish = Callable[..., str]


def test_requests_and_names_are_counted(client: TestClient) -> None:
    before = series(client)
    answers = [client.post("/sample", json={"n": 50, "case": "lower"}) for _ in range(3)]
    answers.append(client.get("/sample?n=7&prefix=ka&case=lower"))
    stream = client.get("/sample?n=20&case=lower", headers={"Accept": "text/plain"}).text.split()
    client.post("/loss", json={"names": ["emma", "x9", "ava"], "unknown": "skip"})
    after = series(client)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    names = [name for answer in answers for name in answer.json()["names"]] + stream
    assert more("requests_total", route="/sample", method="POST", status="200") == 3
    assert more("requests_total", route="/sample", method="GET", status="200") == 2
    assert more("requests_total", route="/loss", method="POST", status="200") == 1
    assert more("names_total", model="us-names") == len(names) == 177
    assert more("characters_total", model="us-names") == sum(map(len, names))
    assert more("scored_names_total", model="us-names") == 2


def test_latencies_fall_into_buckets(client: TestClient) -> None:
    """As the library's own `observe` counts them."""
    observed = [0.0, 0.0005, 0.00051, 0.2, 10.0, 99.0]
    before = series(client)
    for seconds in observed:
        metrics.count_request("/test", "GET", 200, seconds)
        metrics.REQUEST_SECONDS.labels("/oracle").observe(seconds)
    after = series(client)
    buckets = {dict(labels)["le"] for name, labels in after if name == "namesmith_request_seconds_bucket"}
    assert len(buckets) == 15
    for bucket in buckets:
        ours, theirs = (value(after, "request_seconds_bucket", route=r, le=bucket) for r in ("/test", "/oracle"))
        assert ours == theirs
    assert value(after, "request_seconds_sum", route="/test") == pytest.approx(sum(observed))
    assert value(after, "request_seconds_count", route="/test") == len(observed)
    assert value(before, "request_seconds_count", route="/test") == 0


def test_10_000_random_paths_are_one_series(client: TestClient) -> None:
    client.get("/nothing")
    client.request("BREW", "/coffee")
    before, paths = series(client), 10_000 if FULL else 1_000
    for i in range(paths):
        assert client.get(f"/path{i}", headers={"X-Request-ID": f"id{i}"}).status_code == 404
        client.request(f"METHOD{i % 50}", "/sample")
        client.get(f"/models/name{i}?model={i}")
    after = series(client)
    assert set(after) - set(before) <= {
        key
        for key in after
        if dict(key[1]).get("route") in ("/metrics", "/models/{name}", "/sample") or "refusals" in key[0]
    }
    assert len(after) - len(before) < 60
    more = value(after, "requests_total", route="other", method="GET", status="404")
    assert more - value(before, "requests_total", route="other", method="GET", status="404") == paths


def test_a_client_that_left_before_its_answer_is_counted_as_such(client: TestClient) -> None:
    async def leaving(*_: object) -> None:
        """What becomes of a request whose connection is gone: no answer."""

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/left",
        "headers": [],
        "route": SimpleNamespace(path="/left"),
    }

    async def none(*_: object) -> Message:
        raise AssertionError

    asyncio.run(Exchange(leaving)(scope, none, leaving))
    assert value(series(client), "requests_total", route="/left", method="POST", status="499") == 1


def test_refusals_are_counted_by_reason(client: TestClient) -> None:
    before = series(client)
    client.get("/sample?prefix=zzzz&max_length=2")
    client.get("/sample?n=0")
    client.get("/models/none")
    after = series(client)
    for reason in ("unsatisfiable", "validation", "unknown-model"):
        assert value(after, "refusals_total", reason=reason) - value(before, "refusals_total", reason=reason) == 1


def test_plans_are_kept_made_or_refused(serve: Serve) -> None:
    client = serve(bundled_store=BUNDLED)
    before = series(client)
    for _ in range(3):
        client.get("/sample?n=1&prefix=qui")
    client.get("/sample?n=1&prefix=zzzz&max_length=2")
    after = series(client)
    results = {r: value(after, "plans_total", result=r) - value(before, "plans_total", result=r) for r in RESULTS}
    assert results == {"made": 1, "kept": 2, "refused": 1}
    assert value(after, "plan_seconds_count") - value(before, "plan_seconds_count") == 1


RESULTS = ("made", "kept", "refused")


def test_what_is_served_is_told(serve: Serve, tmp_path: Path, publish: Publish) -> None:
    good = publish(tmp_path, "good")
    bad = publish(tmp_path, "bad")
    (tmp_path / "bad" / "versions" / bad / "model.safetensors").write_bytes(b"x")
    client = serve(store=tmp_path)
    found = series(client)
    assert value(found, "model_info", model="good", digest=good) == 1
    assert value(found, "model_rejected", model="bad") == 1
    assert value(found, "swaps_total", model="good", result="served") >= 1
    assert value(found, "swaps_total", model="bad", result="rejected") >= 1
    assert value(found, "model_parameters", model="good") == 16


def test_openmetrics_is_spoken_where_it_is_asked_for(client: TestClient) -> None:
    def ask(accept: str) -> httpx.Response:
        answer: httpx.Response = client.get("/metrics", headers={"Accept": accept})
        return answer

    assert ask("application/openmetrics-text").headers["content-type"].startswith("application/openmetrics-text")
    assert ask("application/openmetrics-text").text.endswith("# EOF\n")
    assert ask("*/*").headers["content-type"].startswith("text/plain")


WITHOUT_ROOM = """
import os, resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
from service.telemetry import metric_files
files = metric_files.MetricFiles()
files.worker_ends.inc()
print(files.take(), repr(os.environ["NAMESMITH_WORKER_SLOT"]), sum(p.stat().st_size for p in files.directory.iterdir()))
from service.telemetry import metrics
files.close()
"""


def test_a_disk_without_room_costs_the_metrics_and_nothing_else() -> None:
    """Room is taken before it is written to: a worker that found none later would die of SIGBUS."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_ROOM], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "0 '' 0\n"), done.stderr


def test_workers_take_their_room_in_advance(tmp_path: Path) -> None:
    path = tmp_path / "counter_0.db"
    path.write_bytes(b"counted")
    for _ in range(2):
        metric_files._fill(path)
        assert path.read_bytes() == b"counted" + bytes(metric_files._FILE_BYTES - 7)
        assert path.stat().st_blocks * 512 >= metric_files._FILE_BYTES
