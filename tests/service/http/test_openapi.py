"""/openapi.json says what the service does."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from service.settings import Settings

Schema = dict[str, Any]
BODY_PROBLEMS = (400, 401, 404, 408, 409, 413, 414, 415, 422, 429, 431)


@pytest.fixture(scope="module")
def schema(client: TestClient) -> Schema:
    document: Schema = client.get("/openapi.json").json()
    return document


def test_it_is_valid_by_the_schema_of_openapi_3_1(schema: Schema) -> None:
    """The schema of the OpenAPI Initiative, as Schemathesis carries it."""
    assert schema["openapi"].startswith("3.1.")
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(schema)] == []
    keys = {key for _, _, operation in operations(schema) for key in media_type_keys(operation)}
    assert keys <= {"schema", "example", "examples", "encoding"}, "itemSchema is of 3.2"


def media_type_keys(operation: dict[str, Any]) -> Iterator[str]:
    for answer in operation["responses"].values():
        for media_type in answer.get("content", {}).values():
            yield from media_type


def test_behind_a_proxy_that_takes_a_path_off_it_says_where_to_ask(serve: Callable[..., TestClient]) -> None:
    assert serve(root_path="/names").get("/openapi.json").json()["servers"] == [{"url": "/names"}]
    assert "servers" not in serve().get("/openapi.json").json()


@pytest.mark.parametrize("path", ["names", "/names/", "https://names.example", "/names?x"])
def test_a_root_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="root_path"):
        Settings(root_path=path)


def operations(schema: Schema) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolve(schema: Schema, reference: str) -> Any:
    target: Any = schema
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return target


def check_value(schema: Schema, shape: Schema, value: Any, where: str = "answer") -> None:
    """Asserts keys and types of a value against its documented shape: no key missing, none undocumented."""
    if "$ref" in shape:
        shape = resolve(schema, shape["$ref"])
    if "anyOf" in shape:
        if value is None:
            assert {"type": "null"} in shape["anyOf"], where
            return
        rest = [option for option in shape["anyOf"] if option != {"type": "null"}]
        kinds = {"string": str, "integer": int, "number": float, "array": list, "object": dict}
        shape = next(
            option for option in rest if len(rest) == 1 or isinstance(value, kinds.get(option.get("type", ""), dict))
        )
        check_value(schema, shape, value, where)
        return
    match shape.get("type"):
        case "object" if "properties" in shape:
            assert isinstance(value, dict), where
            assert set(shape.get("required", [])) <= set(value) <= set(shape["properties"]), where
            for key, inner in value.items():
                check_value(schema, shape["properties"][key], inner, f"{where}.{key}")
        case "object":
            assert isinstance(value, dict), where
            if isinstance(shape.get("additionalProperties"), dict):
                for key, inner in value.items():
                    check_value(schema, shape["additionalProperties"], inner, f"{where}.{key}")
        case "array":
            assert isinstance(value, list), where
            for i, inner in enumerate(value):
                check_value(schema, shape["items"], inner, f"{where}.{i}")
        case "string":
            assert isinstance(value, str), where
        case "boolean":
            assert isinstance(value, bool), where
        case "integer":
            assert type(value) is int, where
        case "number":
            assert type(value) in (int, float), where


def test_every_route_is_documented_with_problems(schema: Schema) -> None:
    documented = {(path, method) for path, method, _ in operations(schema)}
    assert documented == {
        ("/sample", "get"),
        ("/sample", "post"),
        ("/sample/stream", "get"),
        ("/loss", "get"),
        ("/loss", "post"),
        ("/models", "get"),
        ("/models/{name}", "get"),
        ("/models/{name}/report", "get"),
        ("/next", "get"),
        ("/top", "get"),
        ("/livez", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
    }
    for path, method, operation in operations(schema):
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert "500" in errors, (path, method)
        for status, answer in errors.items():
            assert list(answer["content"]) == ["application/problem+json"], (path, method, status)
            shape = answer["content"]["application/problem+json"]["schema"]
            assert shape == {"$ref": "#/components/schemas/Problem"}


def test_bodies_document_what_can_be_wrong_with_a_body(schema: Schema) -> None:
    for path, method, operation in operations(schema):
        if method == "post":
            assert set(operation["responses"]) == {"200", "500", "501", "503", *map(str, BODY_PROBLEMS)}, path
            assert list(operation["requestBody"]["content"]) == ["application/json"]


def test_every_reference_resolves_and_no_shape_is_left_over(schema: Schema) -> None:
    used = set(re.findall(r"'\$ref': '([^']+)'", str(schema)))
    assert used
    for reference in used:
        assert isinstance(resolve(schema, reference), dict)
    assert {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]} == used


def test_request_examples_are_answered(client: TestClient, schema: Schema) -> None:
    for path, method, operation in operations(schema):
        if method == "post":
            shape = resolve(schema, operation["requestBody"]["content"]["application/json"]["schema"]["$ref"])
            assert shape["examples"]
            for example in shape["examples"]:
                assert client.post(path, json=example).status_code == 200


def test_every_field_of_a_request_has_a_meaning(schema: Schema) -> None:
    for name in ("SampleRequest", "LossRequest"):
        assert schema["components"]["schemas"][name]["additionalProperties"] is False
    for field, shape in schema["components"]["schemas"]["SampleRequest"]["properties"].items():
        assert shape.get("description"), field


def test_get_and_post_document_the_same_fields(schema: Schema) -> None:
    parameters = {item["name"] for item in schema["paths"]["/sample"]["get"]["parameters"] if item["in"] == "query"}
    assert parameters == set(schema["components"]["schemas"]["SampleRequest"]["properties"])
    names = {item["name"] for item in schema["paths"]["/loss"]["get"]["parameters"] if item["in"] == "query"}
    assert names == set(schema["components"]["schemas"]["LossRequest"]["properties"]) - {"names"} | {"name"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/sample", None),
        ("get", "/sample?seed=5&details=true&n=3", None),
        ("post", "/sample", {"seed": "text", "details": True}),
        ("get", "/loss?name=emma", None),
        ("post", "/loss", {"names": ["emma", "1"], "unknown": "skip", "details": True}),
        ("post", "/loss", {"names": ["1"], "unknown": "skip"}),
        ("get", "/models", None),
        ("get", "/models/us-names", None),
        ("get", "/livez", None),
        ("get", "/readyz", None),
        ("get", "/sample?n=0&x=1", None),
        ("post", "/loss", {"names": ["1"]}),
        ("post", "/sample", {"model": "nobody"}),
        ("post", "/sample", {"top_k": 1, "min_length": 60}),
        ("get", "/models/nobody", None),
    ],
)
def test_an_answer_has_the_documented_shape(
    client: TestClient, schema: Schema, method: str, path: str, body: dict[str, Any] | None
) -> None:
    response = client.request(method, path, json=body)
    template = re.sub(r"^/models/.+", "/models/{name}", path.partition("?")[0])
    answer = schema["paths"][template][method]["responses"][str(response.status_code)]
    check_value(schema, answer["content"][response.headers["content-type"]]["schema"], response.json())


def test_the_documentation_page_is_there(client: TestClient, check_problem: Callable[..., dict[str, Any]]) -> None:
    assert client.get("/docs").status_code == 200
    check_problem(client.get("/redoc"), 404)
