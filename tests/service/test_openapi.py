"""What the service says of itself is what it does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.schemas import LossRequest, SampleRequest
from service.settings import Settings


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    own: Path = tmp_path_factory.mktemp("own")
    with TestClient(create_app(Settings(store=own))) as client:
        yield client


@pytest.fixture(scope="module")
def schema(client: TestClient) -> dict[str, Any]:
    loaded: dict[str, Any] = client.get("/openapi.json").json()
    return loaded


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    found = set(references(schema))
    assert found
    for reference in found:
        place: Any = schema
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
        assert place


def test_every_error_is_documented_as_a_problem(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert errors, (path, method)
        for answer in errors.values():
            assert answer["content"].keys() == {"application/problem+json"}


@pytest.mark.parametrize("path", ["/sample", "/loss"])
def test_every_status_that_a_body_can_cause_is_documented(schema: dict[str, Any], path: str) -> None:
    documented = schema["paths"][path]["post"]["responses"].keys()
    assert {"200", "400", "404", "413", "415", "422", "500", "503"} <= documented


def test_the_fields_of_a_query_and_of_a_body_are_the_same(schema: dict[str, Any]) -> None:
    query = {parameter["name"] for parameter in schema["paths"]["/sample"]["get"]["parameters"]}
    assert query == set(SampleRequest.model_fields)
    names = {parameter["name"] for parameter in schema["paths"]["/loss"]["get"]["parameters"]}
    assert names == set(LossRequest.model_fields) - {"names"} | {"name"}


def test_the_examples_are_valid_requests(schema: dict[str, Any], client: TestClient) -> None:
    for path, shape in (("/sample", "SampleRequest"), ("/loss", "LossRequest")):
        for example in schema["components"]["schemas"][shape]["examples"]:
            assert client.post(path, json=example).status_code == 200


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/sample", "SampleResponse"),
        ("/loss?name=emma", "LossResponse"),
        ("/models", "ModelsResponse"),
        ("/models/us-names", "ModelInfo"),
        ("/readyz", "Readiness"),
        ("/livez", "Status"),
    ],
)
def test_answers_have_exactly_the_documented_fields(
    client: TestClient, schema: dict[str, Any], path: str, shape: str
) -> None:
    assert client.get(path).json().keys() == schema["components"]["schemas"][shape]["properties"].keys()


@pytest.mark.parametrize("field", ["prefix", "suffix", "contains", "pattern", "novel", "unique"])
def test_a_field_that_is_not_documented_is_refused_rather_than_ignored(
    client: TestClient, schema: dict[str, Any], field: str
) -> None:
    if field not in schema["components"]["schemas"]["SampleRequest"]["properties"]:
        assert client.get("/sample", params={field: "a"}).status_code == 422
        assert client.post("/sample", json={field: "a"}).status_code == 422
