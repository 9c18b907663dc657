"""GET and POST /sample: the same names for the same request, drawn from the model's own distribution."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from model.store.store import Store, Version
from model.text.vocabulary import BOUNDARY, MAX_NAME_LENGTH
from model.transitions.automaton import Transitions
from service.app import create_app
from service.settings import Settings
from tests.running import BUNDLED
from training.data.read_list import NameList
from training.run.run import Result

SHAPES: list[dict[str, Any]] = [
    {},
    {"temperature": 0.7},
    {"temperature": 1.3, "top_k": 12},
    {"top_p": 0.9},
    {"temperature": 1.2, "top_k": 20, "top_p": 0.95, "min_length": 3, "max_length": 9},
]


def get(client: TestClient, **query: Any) -> dict[str, Any]:
    answer = client.get("/sample", params={key: str(value) for key, value in query.items()})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def post(client: TestClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/sample", json=fields)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def refusal(client: TestClient, status: int, problem_type: str, **fields: Any) -> dict[str, Any]:
    """The problem that both forms of a request give."""
    answers = client.post("/sample", json=fields), client.get("/sample", params=fields)
    problems: list[dict[str, Any]] = [answer.json() for answer in answers]
    assert [answer.status_code for answer in answers] == [status] * 2
    assert [problem.pop("request_id") for problem in problems] == [a.headers["x-request-id"] for a in answers]
    assert problems[0] == problems[1]
    assert problems[0]["type"] == problem_type
    return problems[0]


def greedy_name(version: Version) -> str:
    """The most probable letter each time."""
    ids: list[int] = []
    transitions = version.transitions
    while symbol := int(transitions.log_probs[transitions.state(ids)].argmax()):
        ids.append(symbol)
    return version.checkpoint.vocabulary.decode(ids)


def test_the_defaults_are_those_of_the_contract(client: TestClient, us_names: Version) -> None:
    longest = max(map(len, us_names.training_names or ()))
    body = post(client)
    assert body.keys() == {"names", "model", "seed", "probability", "exhausted", "details"}
    assert len(body["names"]) == 10
    assert all(re.fullmatch(f"[A-Z][a-z]{{0,{longest - 1}}}", name) for name in body["names"])
    assert isinstance(body["seed"], int)
    assert body["exhausted"] is False
    assert body["details"] is None
    assert 0 < body["probability"] < 1
    spelled_out = {"n": 10, "temperature": 1.0, "min_length": 1, "max_length": longest, "case": "title"}
    assert post(client, **spelled_out, details=False, model="us-names", seed=body["seed"]) == body


@pytest.mark.parametrize(("model", "longest"), [("tiny", 8), ("unlisted", 64), ("tiny+tiny-too", 9)])
def test_names_are_as_long_as_the_longest_training_name_unless_more_is_asked_for(
    serve: Callable[..., TestClient], tiny: Result, tmp_path: Path, model: str, longest: int
) -> None:
    """That of a blend is the longest of its parts; where the list is not known, it is 64 letters."""
    for name, names in (("tiny", ["josé", "jean-luc"]), ("tiny-too", ["anna-lou", "jean-anna"]), ("unlisted", None)):
        Store(tmp_path).publish(name, tiny.data, names, {})
    client = serve(store=tmp_path)
    body = post(client, model=model, seed=1, n=500)
    assert max(map(len, body["names"])) <= longest
    assert post(client, model=model, seed=1, n=500, max_length=longest) == body
    assert max(map(len, post(client, model=model, seed=1, n=500, max_length=64)["names"])) > 9
    assert post(client, model=model, min_length=longest, n=1)["probability"] > 0


def test_a_least_length_over_the_default_greatest_one_is_told_what_to_do(
    client: TestClient, check_problem: Callable[..., dict[str, Any]]
) -> None:
    answer = client.post("/sample", json={"min_length": 16})
    problem = check_problem(answer, 422, "validation", "/min_length")
    assert problem["detail"] == "/min_length: the longest training name has 15 letters: set max_length too"
    assert len(post(client, min_length=16, max_length=20)["names"]) == 10


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", [0, 42, 2**63 - 1, "a word", "é"])
def test_get_and_post_give_the_same(client: TestClient, shape: dict[str, Any], seed: int | str) -> None:
    by_get = get(client, seed=seed, n=7, case="upper", details="true", **shape)
    assert by_get == post(client, seed=seed, n=7, case="upper", details=True, **shape)
    assert by_get["seed"] == seed


def test_digits_in_a_query_are_a_number_and_in_a_body_a_text(client: TestClient) -> None:
    number, text = post(client, seed=42), post(client, seed="42")
    by_get = get(client, seed="42")
    assert by_get == number
    assert type(by_get["seed"]) is int
    assert text["seed"] == "42"
    assert text["names"] != number["names"]


def test_digits_over_the_greatest_seed_are_refused_however_many(client: TestClient) -> None:
    """Else a number that a body refuses would be a text in a query."""
    for seed in (2**63, 10**19, 10**30):
        assert client.post("/sample", json={"seed": seed}).status_code == 422
        assert client.get("/sample", params={"seed": str(seed)}).status_code == 422, seed


def test_seeds_give_different_names(client: TestClient) -> None:
    seeds: list[int | str] = [*range(20), "0", "a", "b", "A"]
    assert len({tuple(post(client, seed=seed)["names"]) for seed in seeds}) == len(seeds)


def test_a_drawn_seed_is_new_each_time_and_replays_the_answer(client: TestClient) -> None:
    drawn = [post(client) for _ in range(5)] + [get(client) for _ in range(5)]
    assert len({body["seed"] for body in drawn}) == len(drawn)
    for body in drawn:
        assert 0 <= body["seed"] < 2**53  # which JavaScript holds exactly
        assert post(client, seed=body["seed"]) == body == get(client, seed=body["seed"])


@pytest.mark.parametrize("shape", [{}, {"temperature": 1.5, "top_k": 10, "min_length": 4, "max_length": 7}], ids=str)
def test_a_name_does_not_depend_on_how_many_are_asked_for(client: TestClient, shape: dict[str, Any]) -> None:
    most = post(client, seed=5, n=200, **shape)["names"]
    assert len(set(most)) > 150
    for n in range(1, 201):
        assert post(client, seed=5, n=n, **shape)["names"] == most[:n]


def test_ten_thousand_names_continue_a_shorter_list(client: TestClient) -> None:
    most = post(client, seed=6, n=10_000, details=True)
    assert len(most["names"]) == len(most["details"]) == 10_000
    for n in (8191, 8192, 8193):
        shorter = post(client, seed=6, n=n, details=True)
        assert shorter["names"] == most["names"][:n]
        assert shorter["details"] == most["details"][:n]


def test_a_name_does_not_depend_on_a_reload(client: TestClient, empty_store: Path) -> None:
    post(client, seed=1, n=3, temperature=2.0)
    with TestClient(create_app(Settings(store=empty_store, bundled_store=BUNDLED))) as again:
        for shape in SHAPES:
            assert post(again, seed=9, n=50, **shape) == post(client, seed=9, n=50, **shape)


def simulated_lengths(table: Transitions, temperature: float, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Lengths of draws letter by letter under no condition at all; over 64 where a name is longer."""
    successors = table.successors
    probabilities = np.exp(table.log_probs / temperature)
    cumulative = np.cumsum(probabilities / probabilities.sum(axis=1, keepdims=True), axis=1)
    cumulative[:, -1] = 1
    generator = np.random.default_rng(7)
    states, alive = np.full(count, table.start), np.ones(count, dtype=bool)
    lengths = np.zeros(count, dtype=np.int64)
    for _ in range(MAX_NAME_LENGTH + 1):
        drawn = (cumulative[states] <= generator.random(count)[:, None]).sum(axis=1)
        alive &= drawn != BOUNDARY
        lengths += alive
        states = successors[states, drawn] * alive  # where it stands after the end is of no matter
    return lengths


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_lengths_are_met_and_probability_is_the_chance_to_meet_them(
    client: TestClient, us_names: Version, temperature: float
) -> None:
    count = 20_000
    lengths = simulated_lengths(us_names.transitions, temperature, count)
    for least, most in [(1, 64), (1, 3), (5, 5), (4, 8), (9, 64), (13, 20)]:
        body = post(client, seed=3, n=500, temperature=temperature, min_length=least, max_length=most)
        assert all(least <= len(name) <= most for name in body["names"])
        observed = float(((lengths >= least) & (lengths <= most)).mean())
        expected = body["probability"]
        assert abs(observed - expected) <= 4 * math.sqrt(expected * (1 - expected) / count) + 1e-12


def test_probability_agrees_with_draws_of_the_service(client: TestClient) -> None:
    """Draws of any length are conditioned on 1 to 64 letters, so their share is a ratio of probabilities."""
    drawn = [post(client, seed=seed, n=10_000, max_length=64) for seed in ("first", "second")]
    lengths = [len(name) for body in drawn for name in body["names"]]
    for least, most in [(1, 4), (5, 6), (7, 7), (10, 64)]:
        part = post(client, n=1, min_length=least, max_length=most)["probability"]
        expected = part / drawn[0]["probability"]
        observed = sum(least <= length <= most for length in lengths) / len(lengths)
        assert abs(observed - expected) <= 4 * math.sqrt(expected * (1 - expected) / len(lengths))


def test_conditioned_draws_are_unconditioned_ones_filtered(client: TestClient) -> None:
    """First letters of names of exactly five, against those of five among many of any length."""
    exact = post(client, seed="exact", n=10_000, min_length=5, max_length=5)["names"]
    many = [name for seed in range(5) for name in post(client, seed=seed, n=10_000)["names"] if len(name) == 5]
    for letter in "AEJKMTZ":
        first, second = (sum(name[0] == letter for name in names) / len(names) for names in (exact, many))
        pooled = (first * len(exact) + second * len(many)) / (len(exact) + len(many))
        error = math.sqrt(pooled * (1 - pooled) * (1 / len(exact) + 1 / len(many)))
        assert abs(first - second) <= 4 * error, letter


def test_top_k_of_one_gives_the_greedy_name_only(client: TestClient, us_names: Version) -> None:
    body = post(client, n=50, top_k=1, case="lower", details=True)
    assert set(body["names"]) == {greedy_name(us_names)}
    assert body["probability"] == 1
    assert {detail["log_prob"] for detail in body["details"]} == {0}


def test_lengths_that_no_name_can_have_are_refused(client: TestClient, us_names: Version) -> None:
    length = len(greedy_name(us_names))
    assert post(client, top_k=1, min_length=length, max_length=length)["probability"] == 1
    for wrong in (length - 1, length + 1):
        refusal(client, 422, "unsatisfiable", top_k=1, min_length=wrong, max_length=wrong)


def test_top_k_ends_at_the_alphabet(client: TestClient, us_names: Version) -> None:
    size = us_names.checkpoint.vocabulary.size
    everything = post(client, seed=1, n=200, top_k=size)
    assert everything["probability"] == pytest.approx(post(client, seed=1)["probability"], rel=1e-12)
    problem = refusal(client, 422, "validation", top_k=size + 1)
    assert [error["pointer"] for error in problem["errors"]] == ["/top_k"]


def test_details_agree_with_the_loss_and_with_the_list(client: TestClient, training_list: NameList) -> None:
    body = post(client, seed=8, n=1000, details=True)
    assert [detail["name"] for detail in body["details"]] == body["names"]
    scores = client.post("/loss", json={"names": body["names"]}).json()["names"]
    known = set(training_list.names)
    for detail, score in zip(body["details"], scores, strict=True):
        assert detail["log_prob"] == pytest.approx(score["log_prob"], rel=0, abs=1e-9)
        assert detail["novel"] is (detail["name"].lower() not in known)
    assert {detail["novel"] for detail in body["details"]} == {True, False}


def test_a_condition_on_length_changes_no_log_prob(client: TestClient) -> None:
    body = post(client, seed=8, n=100, min_length=10, max_length=12, details=True)
    scores = client.post("/loss", json={"names": body["names"]}).json()["names"]
    for detail, score in zip(body["details"], scores, strict=True):
        assert detail["log_prob"] == pytest.approx(score["log_prob"], rel=0, abs=1e-9)


def test_novel_is_null_where_the_list_is_not_known(both: TestClient) -> None:
    listed, unlisted = (
        post(both, model=name, seed=1, n=50, max_length=12, details=True) for name in ("tiny", "unlisted")
    )
    assert listed["names"] == unlisted["names"]
    assert {detail["novel"] for detail in unlisted["details"]} == {None}
    assert True in {detail["novel"] for detail in listed["details"]}


def test_the_case_changes_only_the_case(client: TestClient) -> None:
    lower, title, upper = (post(client, seed=4, n=50, case=case)["names"] for case in ("lower", "title", "upper"))
    assert all(name == name.lower() for name in lower)
    assert upper == [name.upper() for name in lower]
    assert title == [name.capitalize() for name in lower]


def test_a_model_is_chosen_by_name(both: TestClient, tiny: Result) -> None:
    answer = both.post("/sample", json={"model": "tiny", "seed": 1, "n": 200, "case": "lower"})
    assert answer.json()["model"] == {"name": "tiny", "digest": tiny.digest}
    assert answer.headers["x-model-digest"] == tiny.digest
    letters = set("".join(answer.json()["names"]))
    assert "é" in letters
    assert letters <= set("zoéandréjoséjean-luco'nealrenéchloé")
    assert get(both, model="tiny", seed=1, n=200, case="lower") == answer.json()
    assert post(both)["model"]["name"] == "us-names"


def test_an_unknown_model_is_not_found(client: TestClient) -> None:
    for name in ("tiny", "US-NAMES", "../us-names"):
        problem = refusal(client, 404, "unknown-model", model=name)
        assert "us-names" in problem["detail"]


def test_the_digest_of_the_model_is_in_a_header(client: TestClient) -> None:
    digest = (BUNDLED / "us-names" / "current").read_text(encoding="ascii").strip()
    for answer in (client.get("/sample"), client.post("/sample", json={})):
        assert answer.headers["x-model-digest"] == answer.json()["model"]["digest"] == digest


@pytest.mark.parametrize("given", ["a", "abc-1.2_Z", "x" * 64])
def test_a_plain_request_id_is_echoed(client: TestClient, given: str) -> None:
    for answer in (client.get("/sample", headers={"X-Request-ID": given}), client.get("/sample?n=0")):
        assert len(answer.headers.get_list("x-request-id")) == 1
    assert client.get("/sample", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", [b"", b"x" * 65, b"two words", b"a/b", b"<b>", b"a\tb", "é".encode(), b"a,b"])
def test_any_other_request_id_is_replaced(client: TestClient, given: bytes) -> None:
    ids = {client.get("/livez", headers=[(b"X-Request-ID", given)]).headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(re.fullmatch("[A-Za-z0-9-]{16,64}", request_id) for request_id in ids)
