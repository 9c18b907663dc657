"""The client against the real service: what it gives is what is on the wire."""

import asyncio
import dataclasses
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest
from pydantic import BaseModel

import namesmith_client
from namesmith_client import (
    AsyncClient,
    Client,
    ConditionFields,
    FollowedCharacter,
    FollowedName,
    InvalidRequestError,
    LossFields,
    ModelChangedError,
    NotFoundError,
    SampleFields,
    ShapeFields,
    StreamDone,
    StreamStart,
    UnsatisfiableError,
)
from service.http import requests, responses
from tests.client.conftest import Asker

ROOT = Path(__file__).resolve().parents[2]


def plain(value: Any) -> Any:
    """A result as the JSON it came from."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [plain(each) for each in value] if isinstance(value, tuple | list) else value


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (SampleFields, requests.SampleRequest),
        (ConditionFields, requests.ConstraintFields),
        (ShapeFields, requests.Shape),
        (LossFields, requests.Scoring),
    ],
)
def test_what_can_be_asked_is_what_the_service_takes(fields: type, body: type[BaseModel]) -> None:
    assert set(get_type_hints(fields)) == set(body.model_fields)


PAIRS: list[tuple[type, type[BaseModel], set[str]]] = [
    (namesmith_client.Sample, responses.SampleResponse, {"request_id"}),
    (namesmith_client.NameDetail, responses.NameDetail, set()),
    (namesmith_client.Loss, responses.LossResponse, {"request_id"}),
    (namesmith_client.NameScore, responses.NameScore, set()),
    (namesmith_client.CharacterScore, responses.CharacterScore, set()),
    (namesmith_client.Next, responses.NextResponse, {"request_id"}),
    (namesmith_client.NextCharacter, responses.NextCharacter, set()),
    (namesmith_client.Top, responses.TopResponse, {"request_id"}),
    (namesmith_client.RankedName, responses.RankedName, set()),
    (namesmith_client.Model, responses.ModelInfo, set()),
    (namesmith_client.ModelRef, responses.ModelRef, set()),
    (namesmith_client.Models, responses.ModelsResponse, {"request_id"}),
    (namesmith_client.Readiness, responses.Readiness, {"request_id"}),
    (namesmith_client.StreamStart, responses.StreamStart, set()),
    (namesmith_client.FollowedCharacter, responses.FollowedCharacter, set()),
    (namesmith_client.FollowedName, responses.FollowedName, set()),
    (namesmith_client.StreamDone, responses.StreamDone, set()),
]


@pytest.mark.parametrize(("result", "reply", "more"), PAIRS)
def test_results_have_the_fields_of_the_answers(result: type, reply: type[BaseModel], more: set[str]) -> None:
    assert {field.name for field in dataclasses.fields(result)} - more == set(reply.model_fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 3, "seed": 42, "suffix": "lyn", "max_length": 8},
        {"n": 5, "seed": "42", "details": True, "case": "upper", "temperature": 0.5},
        {"n": 9, "seed": 1, "model": "abc", "unique": True, "max_length": 1, "novel": True, "top_k": 3, "top_p": 1},
    ],
    ids=str,
)
def test_a_sample_is_the_answer_of_the_service(url: str, ask: Asker, fields: dict[str, Any]) -> None:
    raw = httpx.post(f"{url}/sample", json=fields)
    sample = ask(url, "sample", **fields)
    assert plain(sample) == raw.json() | {"request_id": sample.request_id}
    assert re.fullmatch("[0-9a-f]{32}", sample.request_id)
    assert sample.model.digest == raw.headers["X-Model-Digest"]


def test_each_other_call_is_the_answer_of_the_service(url: str, ask: Asker) -> None:
    details: dict[str, Any] = {"names": ["emma", "xqzzt"], "details": True}
    calls: list[tuple[tuple[Any, ...], dict[str, Any], httpx.Response]] = [
        (("loss", ["emma", "xqzzt"]), {"details": True}, httpx.post(f"{url}/loss", json=details)),
        (("loss", ["é"]), {"unknown": "skip"}, httpx.post(f"{url}/loss", json={"names": ["é"], "unknown": "skip"})),
        (("next", "emm"), {"temperature": 2.0}, httpx.get(f"{url}/next?context=emm&temperature=2")),
        (("top", 3), {"prefix": "ka", "novel": True}, httpx.get(f"{url}/top?k=3&prefix=ka&novel=true")),
        (
            ("top", 3),
            {"near": "emma", "exclude": ["x", "é"]},
            httpx.get(f"{url}/top?k=3&near=emma&exclude=x&exclude=é"),
        ),
        (("models",), {}, httpx.get(f"{url}/models")),
        (("ready",), {}, httpx.get(f"{url}/readyz")),
    ]
    for call, fields, raw in calls:
        result = ask(url, *call, **fields)
        assert plain(result) == raw.json() | {"request_id": result.request_id}, call
    assert plain(ask(url, "model", "abc")) == httpx.get(f"{url}/models/abc").json()


def test_a_stream_gives_the_names_of_the_json_answer(url: str, ask: Asker) -> None:
    fields: dict[str, Any] = {"n": 9_000, "seed": 5, "contains": "an"}
    expected = httpx.post(f"{url}/sample", json=fields).json()
    stream, names = ask(url, "stream", **fields)
    assert names == expected["names"]
    assert (stream.facts.seed, stream.facts.probability, stream.facts.exhausted) == (5, expected["probability"], False)
    assert stream.facts.model_digest == expected["model"]["digest"]
    assert stream.facts.request_id


def test_a_stream_with_details_gives_them(url: str, ask: Asker) -> None:
    fields: dict[str, Any] = {"n": 50, "seed": "é", "details": True}
    expected = httpx.post(f"{url}/sample", json=fields).json()
    stream, details = ask(url, "stream", read=lambda stream: stream.details(), **fields)
    assert plain(details) == expected["details"]
    assert stream.facts.seed == "é"


def test_events_spell_the_names(url: str, ask: Asker) -> None:
    fields: dict[str, Any] = {"n": 3, "seed": 8, "novel": True}
    names = httpx.get(f"{url}/sample", params={**fields, "novel": "true"}).json()["names"]
    stream, events = ask(url, "events", **fields)
    assert stream.model_digest == events[0].model.digest
    assert isinstance(events[0], StreamStart)
    assert events[0].seed == 8
    assert events[-1] == StreamDone(names=3, exhausted=False)
    assert [event.name for event in events if isinstance(event, FollowedName)] == names
    for index, name in enumerate(names):
        steps = [event for event in events if isinstance(event, FollowedCharacter) and event.index == index]
        assert "".join(step.char for step in steps) == name
        assert all(0 < step.prob <= 1 and len(step.runners_up) <= 5 for step in steps)


def test_a_seed_that_a_query_cannot_tell_is_refused(url: str, ask: Asker) -> None:
    with pytest.raises(ValueError, match="a seed of digits"):
        ask(url, "events", seed="42")


def test_a_stream_can_be_left(url: str) -> None:
    with Client(url) as client:
        for _ in range(3):
            with client.stream(n=1_000_000) as names:
                assert next(iter(names))
        assert client.sample(n=1).names

    async def leave() -> None:
        async with AsyncClient(url) as client:
            async with client.stream(n=1_000_000) as names:
                async for name in names:
                    assert name
                    break
            assert (await client.sample(n=1)).names

    asyncio.run(leave())


def test_problems_are_errors_with_all_that_the_service_says(url: str, ask: Asker) -> None:
    for method in ("sample", "stream"):
        with pytest.raises(UnsatisfiableError) as unsatisfiable:
            ask(url, method, model="abc", prefix="q")
        assert (unsatisfiable.value.status, unsatisfiable.value.type) == (422, "unsatisfiable")
    with pytest.raises(InvalidRequestError) as invalid:
        ask(url, "sample", n=0)
    assert [error.pointer for error in invalid.value.errors] == ["/n"]
    assert str(invalid.value) == invalid.value.detail == f"/n: {invalid.value.errors[0].detail}"
    assert invalid.value.request_id
    assert not isinstance(invalid.value, UnsatisfiableError)
    with pytest.raises(NotFoundError, match="no such model"):
        ask(url, "model", "none")
    with pytest.raises(NotFoundError):
        ask(url, "model", "../livez")
    with pytest.raises(NotFoundError):
        ask(url, "events", model="none")


def test_a_pinned_version_answers_and_no_other(url: str, ask: Asker) -> None:
    digests = httpx.get(f"{url}/readyz").json()["models"]
    pinned = {"pin": digests["abc"]}
    assert ask(url, "sample", model="abc", options=pinned).model.digest == digests["abc"]
    assert ask(url, "models", options=pinned).models  # of which none answers
    for method in ("sample", "stream", "events", "next", "top"):
        with pytest.raises(ModelChangedError) as changed:
            ask(url, method, model="us-names", options=pinned)
        assert changed.value.status == 409


def test_the_package_that_is_built_is_typed_and_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(tmp_path)]
    copy = tmp_path / "client"
    subprocess.run(["cp", "-r", str(ROOT / "client"), str(copy)], check=True)
    subprocess.run([*command, str(copy)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    files = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert "namesmith_client/py.typed" in files
    assert all(name.startswith("namesmith_client/") for name in files)


def test_the_client_needs_nothing_of_the_service() -> None:
    program = "import sys; sys.path.insert(0, 'client'); import namesmith_client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    loaded = {module.partition(".")[0] for module in done.stdout.split()}
    assert not loaded & {"model", "service", "training", "numpy", "pydantic", "torch"}


def test_none_is_left_out(ask: Asker) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(422, json={"type": "x", "title": "x", "status": 422, "detail": "x"})

    for method, arguments in (("top", (3,)), ("next", ("em",)), ("sample", ()), ("loss", (["emma"],))):
        with pytest.raises(namesmith_client.NamesmithError):
            ask("http://test", method, *arguments, handler=answer, model=None)
    for request in asked:
        assert "None" not in str(request.url)
        assert b"null" not in request.content
    assert dict(asked[0].url.params) == {"k": "3"}
