"""Every failing request gets one whole problem, with the right status, short and without internals."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import NamesmithError
from tests.running import BUNDLED

CheckProblem = Callable[..., dict[str, Any]]
Serve = Callable[..., TestClient]

LIMIT = 1_048_576
JSON = {"content-type": "application/json"}
MAX_ECHO = 64
BODIES = {"/sample": b"{}", "/loss": b'{"names":["emma"]}'}


def post(client: TestClient, path: str, body: str | bytes | Iterator[bytes], **headers: str) -> Any:
    sent = body.encode() if isinstance(body, str) else body
    return client.post(path, content=sent, headers=JSON | {key.replace("_", "-"): headers[key] for key in headers})


@pytest.mark.parametrize(
    "path", ["/nothing", "/sample/1", "/models/a/b", "/SAMPLE", "/loss%00", "/%ff", "/" + "x" * 9000]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_not_found(client: TestClient, check_problem: CheckProblem, method: str, path: str) -> None:
    check_problem(client.request(method, path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/sample"), ("PUT", "/loss"), ("POST", "/models"), ("POST", "/livez"), ("PATCH", "/models/us-names")],
)
def test_a_method_that_a_path_does_not_have_is_refused(
    client: TestClient, check_problem: CheckProblem, method: str, path: str
) -> None:
    response = client.request(method, path)
    check_problem(response, 405, "method-not-allowed")
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize("path", BODIES)
def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(
    client: TestClient, check_problem: CheckProblem, path: str
) -> None:
    body = BODIES[path]
    assert post(client, path, body + b" " * (LIMIT - len(body))).status_code == 200
    check_problem(post(client, path, body + b" " * (LIMIT + 1 - len(body))), 413, "content-too-large")


@pytest.mark.parametrize("path", BODIES)
def test_a_declared_length_over_the_limit_is_refused_unread(
    client: TestClient, check_problem: CheckProblem, path: str
) -> None:
    for declared in (str(LIMIT + 1), "9" * 30, "9" * 4000):
        check_problem(post(client, path, BODIES[path], content_length=declared), 413, "content-too-large")


@pytest.mark.parametrize("path", BODIES)
def test_a_body_in_chunks_is_counted_as_it_arrives(client: TestClient, check_problem: CheckProblem, path: str) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        yield BODIES[path]
        for start in range(len(BODIES[path]), size, 10_000):
            yield b" " * min(10_000, size - start)

    assert post(client, path, chunks(LIMIT)).status_code == 200
    check_problem(post(client, path, chunks(LIMIT + 1)), 413, "content-too-large")
    check_problem(post(client, path, chunks(LIMIT + 1), content_length="10"), 413, "content-too-large")


def test_the_limit_is_a_setting(serve: Serve, check_problem: CheckProblem) -> None:
    small = serve(bundled_store=BUNDLED, max_body_bytes=1024)
    assert post(small, "/sample", "{}" + " " * 1022).status_code == 200
    check_problem(post(small, "/sample", "{}" + " " * 1023), 413, "content-too-large")


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "*/*",
    ],
)
def test_a_body_that_is_not_called_json_is_refused(
    client: TestClient, check_problem: CheckProblem, path: str, content_type: str
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    check_problem(client.post(path, content=BODIES[path], headers=headers), 415, "unsupported-media-type")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "GZIP"])
def test_a_compressed_body_is_refused(client: TestClient, check_problem: CheckProblem, encoding: str) -> None:
    check_problem(post(client, "/sample", "{}", content_encoding=encoding), 415, "unsupported-media-type")


def test_the_media_type_may_have_parameters_and_any_case(client: TestClient) -> None:
    for content_type in ("application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"):
        assert client.post("/sample", content=b"{}", headers={"content-type": content_type}).status_code == 200
    assert post(client, "/sample", "{}", content_encoding="identity").status_code == 200


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b"n=5", id="a form"),
        pytest.param(b"{} {}", id="two values"),
        pytest.param(b"{'n': 5}", id="single quotes"),
        pytest.param(b'{"n": 5,}', id="trailing comma"),
        pytest.param(b'{"n": 05}', id="leading zero"),
        pytest.param(b'{"seed": "\x01"}', id="raw control character"),
        pytest.param(b'{"seed": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"seed": "\xed\xa0\x80"}', id="surrogate in UTF-8"),
        pytest.param('{"n": 5}'.encode("utf-16"), id="UTF-16"),
        pytest.param('{"n": 5}'.encode("utf-16-le"), id="UTF-16 without mark"),
        pytest.param('{"n": 5}'.encode("utf-32"), id="UTF-32"),
        pytest.param(b'{"n": 5, "n": 5}', id="a key twice"),
        pytest.param(b'{"n": 5, "\\u006e": 5}', id="a key twice, escaped"),
        pytest.param(b'{"names": ["a"], "x": [{"a": 1, "a": 2}]}', id="a key twice, deep"),
        pytest.param(b"[" * 100_000, id="100,000 brackets"),
        pytest.param(b'{"a":' * 100_000, id="100,000 objects"),
        pytest.param(b'{"n": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="100,000 brackets, closed"),
        pytest.param(b'{"n": ' + b"1" * 5_000 + b"}", id="5,000 digits"),
        pytest.param(b'{"n": -' + b"1" * 5_000 + b"}", id="5,000 digits, negative"),
    ],
)
def test_a_body_that_is_not_json_is_malformed(
    client: TestClient, check_problem: CheckProblem, path: str, body: bytes
) -> None:
    check_problem(post(client, path, body), 400, "malformed-json")


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "body",
    [
        '{"temperature": NaN}',
        '{"temperature": Infinity}',
        '{"temperature": -Infinity}',
        '{"temperature": 1e999}',
        '{"names": [-1e999]}',
        '{"\\ud800": 1}',
        '{"x": {"\\udfff": 1}}',
        '{"model": "\\ud800"}',
        '{"seed": "\\udc00\\ud800", "names": ["\\ud800"]}',
        '{"unknown field": 1}',
        '{"x": "\\ud800"}',
        "null",
        "true",
        "5",
        '"text"',
        "[]",
        '[{"n": 1}]',
        "",
        " ",
    ],
)
def test_json_that_no_request_is_gets_422(
    client: TestClient, check_problem: CheckProblem, path: str, body: str
) -> None:
    if body.isspace():
        check_problem(post(client, path, body), 400, "malformed-json")
    else:
        check_problem(post(client, path, body), 422, "validation")


@pytest.mark.parametrize("depth", [10, 100, 200, 400, 600, 800, 900, 950, 980, 1000, 2000])
def test_nesting_of_any_depth_is_refused_in_order(client: TestClient, check_problem: CheckProblem, depth: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        body = '{"names": ' + opening * depth + "1" + closing * depth + "}"
        response = post(client, "/loss", body)
        check_problem(response, response.status_code)
        assert response.status_code in (400, 422)


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/sample", '{"n": true}', "/n"),
        ("/sample", '{"n": "5"}', "/n"),
        ("/sample", '{"n": 5.5}', "/n"),
        ("/sample", '{"seed": -1}', "/seed"),
        ("/sample", '{"n": null}', "/n"),
        ("/sample", '{"n": [5]}', "/n"),
        ("/sample", '{"temperature": "1"}', "/temperature"),
        ("/sample", '{"temperature": false}', "/temperature"),
        ("/sample", '{"top_p": true}', "/top_p"),
        ("/sample", '{"case": 1}', "/case"),
        ("/sample", '{"details": "yes"}', "/details"),
        ("/sample", '{"model": {"name": "us-names"}}', "/model"),
        ("/sample", '{"names": ["emma"]}', "/names"),
        ("/loss", '{"names": true}', "/names"),
        ("/loss", '{"names": [true]}', "/names/0"),
        ("/loss", '{"names": ["emma"], "n": 5}', "/n"),
        ("/loss", '{"names": ["emma"], "details": 1}', "/details"),
        ("/loss", '{"names": ["emma"], "unknown": "guess"}', "/unknown"),
        ("/loss", "{}", "/names"),
        ("/loss", '{"name": "emma"}', "/name"),
        ("/sample", '{"a/b~c": 1}', "/a~1b~0c"),
    ],
)
def test_a_field_of_the_wrong_type_is_pointed_to(
    client: TestClient, check_problem: CheckProblem, path: str, body: str, pointer: str
) -> None:
    check_problem(post(client, path, body), 422, "validation", pointer)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("n=five", "/n"),
        ("n=5.5", "/n"),
        ("n=", "/n"),
        ("n=" + "1" * 5000, "/n"),
        ("temperature=nan", "/temperature"),
        ("top_p=inf", "/top_p"),
        ("details=maybe", "/details"),
        ("seed=", "/seed"),
        ("seed=-1", "/seed"),
        ("x=1", "/x"),
    ],
)
def test_a_query_parameter_that_cannot_be_read_is_pointed_to(
    client: TestClient, check_problem: CheckProblem, query: str, pointer: str
) -> None:
    check_problem(client.get("/sample?" + query), 422, "validation", pointer)


def longest_echo(sent: str, response: Any) -> int:
    """Length of the longest run of `sent` within any text of an answer. The texts of `sent` never repeat."""
    texts = [json.dumps(response.json(), ensure_ascii=False), *map(str, response.headers.values())]
    for length in range(80, 0, -1):
        if any(sent[i : i + length] in text for i in range(len(sent) - length + 1) for text in texts):
            return length
    return 0


LONG = "".join(f"{i:04d}" for i in range(250))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sample", {LONG: 1}),
        ("/sample", {"model": LONG}),
        ("/sample", {"seed": LONG}),
        ("/sample", {"case": LONG}),
        ("/sample", {"n": LONG}),
        ("/sample", LONG),
        ("/sample", [LONG]),
        ("/loss", {"names": LONG}),
        ("/loss", {"names": [LONG]}),
        ("/loss", {"names": ["emma"], "unknown": LONG}),
        ("/loss", {"names": ["emma"], LONG: LONG}),
        ("/loss", {"names": [LONG[:64]], "model": LONG[:64]}),
    ],
)
def test_no_more_than_64_characters_of_a_body_come_back(client: TestClient, path: str, body: Any) -> None:
    response = client.post(path, json=body)
    assert response.status_code in (404, 422)
    assert longest_echo(LONG, response) <= MAX_ECHO


def test_no_more_than_64_characters_of_a_path_query_or_header_come_back(client: TestClient) -> None:
    for response in (
        client.get("/" + LONG),
        client.get("/models/" + LONG),
        client.get("/sample", params={LONG: LONG}),
        client.get("/sample", params={"model": LONG}),
        client.get("/sample", params={"n": LONG}),
        client.get("/loss", params={"name": LONG}),
        client.request(LONG[:100], "/sample"),
        client.post("/sample", content=b"{}", headers={"content-type": LONG}),
        post(client, "/sample", "{}", content_encoding=LONG),
        post(client, "/sample", "{", x_request_id=LONG),
        post(client, "/sample", LONG + "x"),
    ):
        assert 400 <= response.status_code < 500
        assert longest_echo(LONG, response) <= MAX_ECHO


@pytest.mark.parametrize("char", ["x", "~", "/", '"', "\u00e9", "\u9648", "\U0001f600", "\x01", "\x7f"])
def test_many_long_field_names_of_any_characters_still_give_a_short_problem(
    client: TestClient, check_problem: CheckProblem, char: str
) -> None:
    fields = {char * (100 + i): 1 for i in range(40)}
    check_problem(client.post("/sample", json=fields), 422, "validation")
    check_problem(client.get("/sample", params=fields), 422, "validation")


def test_ten_thousand_errors_give_a_short_problem_that_says_how_many(
    client: TestClient, check_problem: CheckProblem
) -> None:
    problem = check_problem(client.post("/loss", json={"names": [""] * 10_000}), 422, "validation")
    assert 1 <= len(problem["errors"]) < 100
    assert f"{10_000 - len(problem['errors'])} more" in problem["detail"]


@pytest.mark.parametrize(
    "error", [RuntimeError("secret"), NamesmithError("secret"), MemoryError("secret"), KeyError(5)]
)
def test_a_fault_of_the_service_is_a_problem_without_internals(
    serve: Serve, check_problem: CheckProblem, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("service.answers.sample.Draw.json", fail)
    client = serve(raise_server_exceptions=False, bundled_store=BUNDLED)
    for response in (client.get("/sample"), client.post("/sample", json={}, headers={"X-Request-ID": "mine"})):
        check_problem(response, 500, "internal")
        for internal in ("secret", "Traceback", "Error(", ".py", "service.answers.explore"):
            assert internal not in response.text
    assert response.headers["X-Request-ID"] == "mine"
    assert client.get("/loss?name=emma").status_code == 200


def test_every_request_id_is_its_own(client: TestClient, check_problem: CheckProblem) -> None:
    ids = [check_problem(client.get("/nothing"), 404)["request_id"] for _ in range(20)]
    assert len(set(ids)) == 20


def test_a_problem_names_the_request_id_that_the_client_chose(client: TestClient, check_problem: CheckProblem) -> None:
    problem = check_problem(client.get("/nothing", headers={"X-Request-ID": "mine-1"}), 404)
    assert problem["request_id"] == "mine-1"


def test_problems_of_a_service_without_models_are_whole(serve: Serve, check_problem: CheckProblem) -> None:
    client = serve()
    for response in (client.get("/sample"), client.get("/models/us-names"), post(client, "/loss", BODIES["/loss"])):
        check_problem(response, 503, "not-ready")
    check_problem(post(client, "/loss", "{"), 400)


texts = st.text(st.characters(exclude_categories=()), max_size=70)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from(["us-names", "title", "skip"])
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))
fields = st.sampled_from(
    [
        "n",
        "model",
        "seed",
        "temperature",
        "top_k",
        "top_p",
        "min_length",
        "max_length",
        "case",
        "details",
        "names",
        "unknown",
    ]
)
small = st.integers(-1, 70) | st.floats(0, 11) | st.booleans() | st.lists(st.text("abc1 É", max_size=5), max_size=4)
requests = (
    st.dictionaries(fields, small | scalars, max_size=6) | st.dictionaries(fields | texts, values, max_size=4) | values
)


@pytest.mark.parametrize(("path", "keys"), [("/sample", {"names", "seed"}), ("/loss", {"loss", "names"})])
@settings(max_examples=200, deadline=None, derandomize=True)
@given(value=requests)
def test_any_json_value_gets_an_answer_or_a_problem(
    client: TestClient, check_problem: CheckProblem, path: str, keys: set[str], value: Any
) -> None:
    response = post(client, path, json.dumps(value))
    if response.status_code == 200:
        assert keys <= response.json().keys()
    else:
        assert response.status_code in (404, 422)
        check_problem(response, response.status_code)


@pytest.mark.parametrize("path", BODIES)
@settings(max_examples=100, deadline=None, derandomize=True)
@given(body=st.binary(max_size=60) | st.text('{}[]",:0123456789.eE+-ntrufalsmpd \\', max_size=60).map(str.encode))
def test_any_bytes_get_an_answer_or_a_problem(
    client: TestClient, check_problem: CheckProblem, path: str, body: bytes
) -> None:
    response = post(client, path, body)
    if response.status_code != 200:
        assert response.status_code in (400, 422)
        check_problem(response, response.status_code)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(query=st.dictionaries(fields.filter(lambda name: name != "names") | texts, texts, max_size=4))
def test_any_query_gets_an_answer_or_a_problem(
    client: TestClient, check_problem: CheckProblem, query: dict[str, str]
) -> None:
    clean = {key.encode("utf-8", "replace"): value.encode("utf-8", "replace") for key, value in query.items()}
    for path in ("/sample", "/loss"):
        response = client.get(path, params={key.decode(): value.decode() for key, value in clean.items()})
        if response.status_code != 200:
            assert response.status_code in (404, 422)
            check_problem(response, response.status_code)


def test_a_wrong_turn_leaves_the_store_alone(client: TestClient, check_problem: CheckProblem, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for name in (f"..%2f..%2f{tmp_path.name}%2fsecret", "%2e%2e", "us-names%2fcurrent", "us-names%00"):
        check_problem(client.get(f"/models/{name}"), 404)
    check_problem(client.post("/sample", json={"model": "../us-names"}), 404, "unknown-model")


@pytest.mark.parametrize(
    ("query", "letters", "field"),
    [
        ("prefix=kaé", "'é'", "prefix"),
        ("suffix=ßa", "'ß'", "suffix"),
        ("contains=ñ9", "'ñ', '9'", "contains"),
        ("pattern=ka(ü|ö)\\w*", "'ü', 'ö'", "pattern"),
    ],
)
def test_a_letter_that_the_model_does_not_have_is_named(
    client: TestClient, check_problem: CheckProblem, query: str, letters: str, field: str
) -> None:
    problem = check_problem(client.get("/sample?" + query), 422, "unsatisfiable")
    assert problem["detail"].endswith(f"; the model's alphabet lacks {letters} in the {field}")


def test_what_no_name_meets_for_another_reason_names_no_letter(client: TestClient, check_problem: CheckProblem) -> None:
    problem = check_problem(client.get("/sample?pattern=(é|zqx)\\w*&max_length=2&prefix=ab"), 422, "unsatisfiable")
    assert "'z'" not in problem["detail"]
