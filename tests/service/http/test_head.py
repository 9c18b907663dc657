"""HEAD on every path that has GET: its status and headers, and no body."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from model.sampling.sampler import Sampler
from service.admission.limits import Admission
from tests.service.metric_values import series, value

CheckProblem = Callable[..., dict[str, Any]]
VOLATILE = {"x-request-id", "date"}
PATHS = [
    "/",
    "/docs",
    "/pages/app.js",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/models",
    "/models/us-names",
    "/models/us-names/report",
    "/sample?seed=1",
    "/loss?name=emma",
    "/top?k=3",
    "/next?context=em",
    "/nothing",
    "/models/none",
    "/sample?n=0",
]


@pytest.mark.parametrize("path", PATHS)
def test_the_headers_are_those_of_get(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code
    assert head.content == b""
    skipped = VOLATILE | ({"content-length"} if path == "/metrics" else set())
    assert {k: v for k, v in head.headers.items() if k not in skipped} == {
        k: v for k, v in got.headers.items() if k not in skipped
    }


def test_a_stream_that_nobody_reads_is_not_drawn(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = 0
    draw = Sampler._draw_chunk

    def counted(*arguments: Any) -> Any:
        nonlocal chunks
        chunks += 1
        return draw(*arguments)

    monkeypatch.setattr(Sampler, "_draw_chunk", counted)
    streams: Admission = client.app.state.streams  # type: ignore[attr-defined]
    head = client.head("/sample?n=1000000&seed=1", headers={"Accept": "text/csv"})
    assert (head.status_code, head.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert "x-probability" in head.headers
    assert "content-length" not in head.headers
    assert chunks <= 2
    assert client.head("/sample/stream?n=100").headers["content-type"].startswith("text/event-stream")
    assert streams.used == 0


def test_head_is_among_the_methods_that_are_allowed(client: TestClient) -> None:
    assert client.put("/sample").headers["Allow"] == "GET, HEAD, POST"
    assert client.post("/livez").headers["Allow"] == "GET, HEAD"


def test_metrics_count_head_as_such_with_its_route(client: TestClient) -> None:
    counted = {"name": "requests_total", "method": "HEAD", "route": "/next", "status": "200"}
    before = value(series(client), **counted)
    client.head("/next?context=em")
    assert value(series(client), **counted) - before == 1


@pytest.mark.parametrize("path", ["/sample/", "/loss/", "/models/", "/docs/", "/sample//"])
def test_a_slash_too_many_is_not_found_and_leads_nowhere(
    client: TestClient, check_problem: CheckProblem, path: str
) -> None:
    answer = client.get(path, follow_redirects=False)
    check_problem(answer, 404, "not-found")
    assert "location" not in answer.headers
