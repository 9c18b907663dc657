"""Programs written for an earlier version go on to work: `earlier_api.json` is the API of 28 November 2026, as its
OpenAPI told it: operations with parameters, bodies and answers, and the fields of schemas."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

EARLIER: dict[str, Any] = json.loads(Path(__file__).with_name("earlier_api.json").read_text(encoding="utf-8"))
REQUESTS = {"LossRequest", "SampleRequest"}


@pytest.fixture(scope="module")
def now(client: TestClient) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/openapi.json").json()
    return document


@pytest.mark.parametrize("name", EARLIER["operations"])
def test_an_operation_takes_and_answers_what_it_did(now: dict[str, Any], name: str) -> None:
    method, path = name.split()
    before, operation = EARLIER["operations"][name], now["paths"][path][method.lower()]
    parameters = {
        f"{each['in']} {each['name']}": each.get("required", False) for each in operation.get("parameters", [])
    }
    required_before = {each.removesuffix(" required") for each in before["parameters"] if each.endswith(" required")}
    assert {each.removesuffix(" required") for each in before["parameters"]} <= set(parameters)
    assert {each for each, required in parameters.items() if required} <= required_before
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    assert [each["schema"]["$ref"].rsplit("/", 1)[-1] for each in bodies] == before["body"]
    answers = {status: set(answer.get("content", {})) for status, answer in operation["responses"].items()}
    for status, media_types in before["answers"].items():
        assert set(media_types) <= answers[status]


@pytest.mark.parametrize("name", EARLIER["schemas"])
def test_a_schema_has_the_fields_that_it_had(now: dict[str, Any], name: str) -> None:
    """Requests ask for nothing more; answers hold nothing less."""
    before, schema = EARLIER["schemas"][name], now["components"]["schemas"][name]
    assert set(before["fields"]) <= set(schema.get("properties", {}))
    needed, needed_before = set(schema.get("required", [])), set(before["required"])
    assert needed <= needed_before if name in REQUESTS else needed >= needed_before
