"""GET /sample/stream: how names come about, step by step, and that the steps are those of the very names of /sample."""

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient

from model.compiler.dense_table import compile_table
from model.sampling import sampler
from model.store.store import Store
from tests.running import BUNDLED

CheckProblem = Callable[..., dict[str, Any]]
PATH = "/sample/stream"
CONDITIONS: list[dict[str, Any]] = [
    {},
    {"min_length": 4, "max_length": 8},
    {"max_length": 3},
    {"min_length": 12},
    {"suffix": "lyn"},
    {"prefix": "ka", "suffix": "a"},
    {"contains": "ri", "max_length": 9},
    {"pattern": "[aeiou].{2,6}(son|ley)"},
    {"pattern": "(mar|ann)[a-z]*", "suffix": "e", "min_length": 5, "max_length": 7},
    {"temperature": 1.7, "top_k": 12, "top_p": 0.95},
    {"temperature": 0.5, "suffix": "n", "case": "upper"},
]


class Event(NamedTuple):
    name: str
    data: dict[str, Any]


def parse(text: str) -> list[Event]:
    """Events of a stream, by the rules of the HTML standard for the fields used here."""
    assert text.endswith("\n\n")
    events = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if fields:
            assert fields.keys() == {"event", "data"}
            events.append(Event(fields["event"], json.loads(fields["data"])))
    return events


class Followed(NamedTuple):
    start: dict[str, Any]
    steps: list[list[dict[str, Any]]]
    names: list[dict[str, Any]]
    done: dict[str, Any]


def follow(client: TestClient, **query: Any) -> Followed:
    answer = client.get(PATH, params=as_query(query))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
    first, *between, last = parse(answer.text)
    assert (first.name, last.name) == ("start", "done")
    steps: list[list[dict[str, Any]]] = [[]]
    names = []
    for event in between:
        if event.name == "name":
            names.append(event.data)
            steps.append([])
        else:
            assert event.name == "character"
            steps[-1].append(event.data)
    assert steps.pop() == []
    return Followed(first.data, steps, names, last.data)


def as_query(fields: dict[str, Any]) -> dict[str, str]:
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in fields.items()}


def document(client: TestClient, **query: Any) -> dict[str, Any]:
    answer = client.get("/sample", params=as_query(query | {"details": True}))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


ALL = [*CONDITIONS, {"novel": True}, {"unique": True}, {"novel": True, "unique": True, "prefix": "e"}]


@pytest.mark.parametrize("asked", ALL, ids=str)
@pytest.mark.parametrize("seed", [3, "three"])
def test_the_names_are_those_of_sample(client: TestClient, asked: dict[str, Any], seed: int | str) -> None:
    followed = follow(client, n=12, seed=seed, **asked)
    expected = document(client, n=12, seed=seed, **asked)
    shown = [{key: name[key] for key in ("name", "log_prob", "novel")} for name in followed.names]
    assert shown == expected["details"]
    assert [name["index"] for name in followed.names] == list(range(12))
    assert followed.start == {key: expected[key] for key in ("model", "seed", "probability")}
    assert followed.done == {"names": 12, "exhausted": False}


@pytest.mark.parametrize("asked", ALL, ids=str)
def test_the_characters_spell_the_name(client: TestClient, asked: dict[str, Any]) -> None:
    followed = follow(client, n=12, seed=4, **asked)
    for index, (steps, name) in enumerate(zip(followed.steps, followed.names, strict=True)):
        assert "".join(step["char"] for step in steps) == name["name"]
        assert [step["char"] == "" for step in steps] == [False] * len(name["name"]) + [True]
        assert [step["index"] for step in steps] == [index] * len(steps)
        assert [step["position"] for step in steps] == list(range(len(steps)))


@pytest.mark.parametrize("asked", CONDITIONS, ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_chances_of_the_steps_multiply_to_the_exact_chance_of_the_name(
    client: TestClient, asked: dict[str, Any], seed: int
) -> None:
    """P(name) = P(conditions) x P(each step | those before, conditions); relative tolerance 1e-6."""
    followed = follow(client, n=20, seed=seed, **asked)
    for steps, name in zip(followed.steps, followed.names, strict=True):
        product = math.prod(step["prob"] for step in steps) * followed.start["probability"]
        assert product == pytest.approx(math.exp(name["log_prob"]), rel=1e-6)


@pytest.mark.parametrize("asked", CONDITIONS, ids=str)
def test_runners_up_are_the_most_probable_others_in_order(client: TestClient, asked: dict[str, Any]) -> None:
    vocabulary = ["", *"abcdefghijklmnopqrstuvwxyz"]
    for steps in follow(client, n=20, seed=5, **asked).steps:
        for step in steps:
            others = step["runners_up"]
            assert len(others) <= 5
            assert all(other.keys() == {"char", "prob"} for other in others)
            probs = [other["prob"] for other in others]
            assert probs == sorted(probs, reverse=True)
            assert all(0 < prob < 1 for prob in probs)
            chars = [other["char"] for other in others]
            assert len(set(chars)) == len(chars)
            assert step["char"].lower() not in chars
            assert set(chars) <= set(vocabulary)
            total = step["prob"] + math.fsum(probs)
            assert total <= 1 + 1e-9
            if len(others) < 5:  # nothing else was possible
                assert total == pytest.approx(1, abs=1e-9)


def test_steps_are_the_exact_conditional_distribution_of_an_enumerated_model(
    publish: Callable[..., str], serve: Callable[..., TestClient], tmp_path: Path
) -> None:
    """All names of up to four letters over abc that end in b: the chance of each letter after each beginning."""
    publish(tmp_path, "abc")
    client = serve(store=tmp_path, block_list="off")
    log_probs = compile_table(Store(tmp_path).load("abc").checkpoint).log_probs

    def chance(name: str) -> float:
        ids = [0, *("abc".index(char) + 1 for char in name), 0]
        return math.exp(sum(log_probs[a, b] for a, b in itertools.pairwise(ids)))

    every = [""]
    for _ in range(4):
        every += [name + char for name in every for char in "abc" if name + char not in every]
    allowed = {name: chance(name) for name in set(every) if 2 <= len(name) <= 4 and name.endswith("b")}
    asked = {"min_length": 2, "max_length": 4, "suffix": "b", "case": "lower", "n": 100, "seed": 1}
    followed = follow(client, **asked)
    assert followed.start["probability"] == pytest.approx(math.fsum(allowed.values()), rel=1e-9)
    seen = set()
    for steps in followed.steps:
        beginning = ""
        for step in steps:
            mass = math.fsum(p for name, p in allowed.items() if name.startswith(beginning))
            for char, prob in [(step["char"], step["prob"])] + [(o["char"], o["prob"]) for o in step["runners_up"]]:
                ahead = math.fsum(
                    p
                    for name, p in allowed.items()
                    if (name == beginning if char == "" else name.startswith(beginning + char))
                )
                assert prob == pytest.approx(ahead / mass, rel=1e-6)
                seen.add((beginning, char))
            beginning += step["char"]
    assert len(seen) > 40


def test_without_conditions_each_step_is_the_next_distribution(client: TestClient) -> None:
    """Up to the least and greatest length: /next knows neither."""
    followed = follow(client, n=3, seed=6, case="lower", max_length=64)
    for steps in followed.steps:
        beginning = ""
        for step in steps:
            if beginning:
                following = client.get("/next", params={"context": beginning}).json()["next"]
                chances = {item["char"]: item["prob"] for item in following}
                assert step["prob"] == pytest.approx(chances[step["char"]], rel=1e-3)
            beginning += step["char"]


@pytest.mark.parametrize("case", ["lower", "title", "upper"])
def test_letters_are_shown_in_the_case_of_the_name(both: TestClient, case: str) -> None:
    followed = follow(both, model="tiny", n=60, seed=7, case=case)
    names = document(both, model="tiny", n=60, seed=7, case=case)["names"]
    assert any("-" in name or "'" in name for name in names)
    assert ["".join(step["char"] for step in steps) for steps in followed.steps] == names


def test_a_letter_that_is_two_in_upper_case_is_one_step(
    publish: Callable[..., str], serve: Callable[..., TestClient], tmp_path: Path
) -> None:
    publish(tmp_path, "sharp", letters="aß\U00010428")
    client = serve(store=tmp_path)
    followed = follow(client, n=50, seed=1, case="upper", max_length=6)
    assert {step["char"] for steps in followed.steps for step in steps} == {"A", "SS", "\U00010400", ""}
    assert ["".join(step["char"] for step in steps) for steps in followed.steps] == [
        name["name"] for name in followed.names
    ]


def test_novel_names_are_new_and_unique_ones_differ(client: TestClient) -> None:
    followed = follow(client, n=100, seed=8, novel=True, unique=True, max_length=5)
    assert {name["novel"] for name in followed.names} == {True}
    assert len({name["name"] for name in followed.names}) == 100


def test_a_set_that_runs_out_is_exhausted(client: TestClient) -> None:
    followed = follow(client, n=10, seed=1, unique=True, pattern="emma|ava|eva")
    assert {name["name"] for name in followed.names} == {"Emma", "Ava", "Eva"}
    assert followed.done == {"names": 3, "exhausted": True}
    assert follow(client, n=3, seed=1, unique=True, pattern="emma|ava|eva").done == {"names": 3, "exhausted": False}
    assert follow(client, n=9, seed=1, pattern="emma|ava|eva").done == {"names": 9, "exhausted": False}


def test_novel_is_null_where_the_list_is_not_known(both: TestClient) -> None:
    assert {name["novel"] for name in follow(both, model="unlisted", n=5, seed=1).names} == {None}
    assert {name["novel"] for name in follow(both, model="tiny", n=60, seed=1, pattern="ana|an").names} == {True, False}


def test_one_name_is_followed_unless_more_are_asked_for(client: TestClient) -> None:
    followed = follow(client)
    assert followed.done == {"names": 1, "exhausted": False}
    again = follow(client, seed=followed.start["seed"])
    assert again == followed
    assert follow(client, n=100, seed=1).done["names"] == 100


def test_headers_say_which_model_and_keep_caches_away(client: TestClient) -> None:
    answer = client.get(PATH)
    assert answer.headers["x-model-digest"] == parse(answer.text)[0].data["model"]["digest"]
    assert answer.headers["x-sampler-version"] == str(sampler.SAMPLER_VERSION)
    assert "no-" in answer.headers["cache-control"]
    assert len(answer.headers.get_list("x-request-id")) == 1


@pytest.mark.parametrize(
    ("query", "status", "problem_type", "pointer"),
    [
        ({"n": 101}, 422, "validation", "/n"),
        ({"n": 0}, 422, "validation", "/n"),
        ({"n": "x"}, 422, "validation", "/n"),
        ({"x": 1}, 422, "validation", "/x"),
        ({"min_length": 5, "max_length": 4}, 422, "validation", None),
        ({"top_k": 28}, 422, "validation", "/top_k"),
        ({"model": "nobody"}, 404, "unknown-model", None),
        ({"suffix": "1"}, 422, "unsatisfiable", None),
        ({"pattern": "("}, 422, "constraint", "/pattern"),
        ({"pattern": ".*a.{20}"}, 422, "constraint", "/pattern"),
        ({"novel": "true", "model": "unlisted"}, 422, "validation", "/novel"),
    ],
)
def test_what_is_wrong_is_a_problem_and_no_stream(
    both: TestClient,
    check_problem: CheckProblem,
    query: dict[str, str | int],
    status: int,
    problem_type: str,
    pointer: str | None,
) -> None:
    check_problem(both.get(PATH, params=query), status, problem_type, pointer)


def test_a_search_that_takes_too_much_memory_is_a_problem(
    client: TestClient, check_problem: CheckProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "_RECORD_BYTES", 4096)
    check_problem(client.get(PATH, params={"n": 100, "unique": "true"}), 422, "constraint", "/unique")


def test_without_a_model_there_is_no_stream(serve: Callable[..., TestClient], check_problem: CheckProblem) -> None:
    answer: httpx.Response = serve().get(PATH)
    check_problem(answer, 503, "not-ready")
    assert answer.headers["retry-after"]


def test_the_bundled_model_is_the_one_followed(client: TestClient) -> None:
    assert follow(client).start["model"] == {"name": "us-names", "digest": Store(BUNDLED).current("us-names")}
