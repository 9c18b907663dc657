"""A request may insist on one version."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

CheckProblem = Callable[..., dict[str, Any]]
ASKED: list[tuple[str, str, Any]] = [
    ("POST", "/sample", {"n": 1}),
    ("GET", "/sample?n=1", None),
    ("GET", "/sample/stream?n=1", None),
    ("POST", "/loss", {"names": ["emma"]}),
    ("GET", "/loss?name=emma", None),
    ("GET", "/top", None),
    ("GET", "/next", None),
    ("GET", "/models/us-names", None),
    ("GET", "/models/us-names/report", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_the_version_is_answered_with_or_gone(
    client: TestClient, check_problem: CheckProblem, method: str, path: str, body: Any
) -> None:
    digest = client.get("/models/us-names").json()["digest"]

    def ask(pin: str) -> Any:
        return client.request(method, path, json=body, headers={"X-Model-Digest": pin})

    answer = ask(digest)
    assert answer.status_code == 200
    assert answer.headers["X-Model-Digest"] == digest
    gone = check_problem(ask("0" * 64), 409, "version-gone")
    assert digest[:12] in gone["detail"]
    for wrong in (digest[:12], digest.upper(), "x" * 64, ""):
        check_problem(ask(wrong), 422, "validation")
