"""What browsers are told: every answer has the headers that keep them from doing more with it than they should."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from tests.running import BUNDLED

Serve = Callable[..., TestClient]
PATHS = ["/livez", "/models", "/sample?n=1", "/sample?n=0", "/nothing", "/openapi.json", "/sample/stream?n=1"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_have_more(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_other_origins_may_not_ask_by_default(client: TestClient) -> None:
    answer = client.get("/models", headers={"Origin": "https://example.org"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    preflight = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    assert client.options("/sample", headers=preflight).status_code == 405


def test_origins_that_may_ask_are_named(serve: Serve) -> None:
    client = serve(bundled_store=BUNDLED, cors_origins="https://a.example, https://b.example")
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for origin in ("https://a.example", "https://b.example"):
        answer = client.options("/sample", headers={"Origin": origin, **preflight})
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        asked = client.post("/sample", json={"n": 1}, headers={"Origin": origin})
        assert asked.headers["Access-Control-Allow-Origin"] == origin
        assert "X-Model-Digest" in asked.headers["Access-Control-Expose-Headers"]
    other = client.post("/sample", json={"n": 1}, headers={"Origin": "https://c.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
