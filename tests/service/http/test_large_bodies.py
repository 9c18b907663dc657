"""A large body never holds the event loop: it is read in a thread, and not further than a request can go."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.http import problems, strict_json

CheckProblem = Callable[..., dict[str, Any]]
KEYS = "{" + ",".join(f'"{i:x}":1' for i in range(90_000)) + "}"
BODIES = {
    "unknown keys": KEYS,
    "keys of many objects": '{"names":[' + ",".join(['{"a":1}'] * 100_000) + "]}",
    "empty objects": '{"names":[' + ",".join(["{}"] * 300_000) + "]}",
    "fractions": '{"names":[' + ",".join(["1.5"] * 200_000) + "]}",
    "numbers": '{"names":[' + ",".join(["1"] * 400_000) + "]}",
    "too many names": json.dumps({"names": ["emma"] * 100_000}),
    "empty names": json.dumps({"names": [""] * 10_000}),
    "long names": json.dumps({"names": ["x" * 80] * 10_000}),
}


@pytest.mark.parametrize("path", ["/sample", "/loss"])
@pytest.mark.parametrize("kind", BODIES)
def test_faults_are_few_and_found_outside_the_event_loop(
    client: TestClient, check_problem: CheckProblem, monkeypatch: pytest.MonkeyPatch, path: str, kind: str
) -> None:
    threads: set[str] = set()
    explained = 0
    parse, explain = strict_json.parse, problems._explain

    def parse_here(data: bytes) -> Any:
        threads.add(threading.current_thread().name)
        return parse(data)

    def explain_one(fault: Any) -> str:
        nonlocal explained
        explained += 1
        return explain(fault)

    monkeypatch.setattr(strict_json, "parse", parse_here)
    monkeypatch.setattr(problems, "_explain", explain_one)
    answer = client.post(path, content=BODIES[kind], headers={"content-type": "application/json"})
    check_problem(answer, 422, "validation")
    assert explained <= problems.MAX_ERRORS
    assert all(name.startswith("AnyIO worker thread") for name in threads)
    assert threads


def test_objects_are_not_read_on_once_there_are_too_many_fields() -> None:
    read = 0

    class Counted(strict_json._Strict):
        def object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            nonlocal read
            read += 1
            return super().object(pairs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_json, "_Strict", Counted)
        with pytest.raises(problems.ProblemError, match="more than 100 fields"):
            strict_json.parse(BODIES["empty objects"].encode())
    assert read == strict_json.MAX_FIELDS + 1


def test_a_request_with_all_fields_is_far_from_the_limit() -> None:
    body = {f"field{i}": 1 for i in range(strict_json.MAX_FIELDS - 1)}
    assert strict_json.parse(json.dumps(body).encode()) == body


def test_a_query_of_many_parameters_has_few_faults(client: TestClient, check_problem: CheckProblem) -> None:
    problem = check_problem(client.get("/sample?" + "&".join(f"{i}=" for i in range(2_000))), 422, "validation")
    assert len(problem["errors"]) == problems.MAX_ERRORS
