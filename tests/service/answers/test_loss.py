"""GET and POST /loss."""

import math
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient

from model.store.store import Store, Version
from model.text.vocabulary import BOUNDARY
from training.data.read_list import NameList
from training.data.splits import SplitRule, split

CheckProblem = Callable[..., dict[str, Any]]
Serve = Callable[..., TestClient]
Publish = Callable[..., str]

NAMES = ["emma", "a", "xqzzt", "olivia", "z" * 64, "mohammed", "li"]


def score(client: TestClient, names: list[str], **fields: Any) -> dict[str, Any]:
    response = client.post("/loss", json={"names": names, **fields})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@torch.no_grad()
def by_hand(version: Version, name: str) -> list[float]:
    """Log-probabilities of a name's characters and of its end, one forward pass of the network each."""
    stack = version.checkpoint.stack.eval()
    context = [BOUNDARY] * version.checkpoint.block_size
    log_probs = []
    for symbol in (*version.checkpoint.vocabulary.encode(name), BOUNDARY):
        logits = stack(torch.tensor([context]))[0]
        log_probs.append(float(torch.log_softmax(logits, dim=0)[symbol]))
        context = [*context[1:], symbol]
    return log_probs


def test_losses_agree_with_the_network_a_character_at_a_time(both: TestClient, tiny_store: Path) -> None:
    """Of a model that is served as all contexts of its network's length."""
    version = Store(tiny_store).load("tiny")
    assert version.transitions.block_size == version.checkpoint.block_size
    names = ["ana", "a", "lena", "a" * 64]
    answer = score(both, names, details=True, model="tiny")
    assert [item["name"] for item in answer["names"]] == names
    for item in answer["names"]:
        expected = by_hand(version, item["name"])
        assert [each["log_prob"] for each in item["characters"]] == pytest.approx(expected, abs=1e-5)
        assert item["loss"] == pytest.approx(-sum(expected) / len(expected), abs=1e-5)


def test_a_loss_is_per_character_and_the_top_loss_the_mean_over_all_characters(client: TestClient) -> None:
    answer = score(client, NAMES)
    for item in answer["names"]:
        assert item["loss"] == pytest.approx(-item["log_prob"] / (len(item["name"]) + 1), rel=1e-12)
    characters = sum(len(name) + 1 for name in NAMES)
    mean = -sum(item["log_prob"] for item in answer["names"]) / characters
    assert answer["loss"] == pytest.approx(mean, rel=1e-12)
    assert answer["perplexity"] == pytest.approx(math.exp(mean), rel=1e-12)


def test_the_loss_of_the_dev_names_is_that_which_training_told(
    client: TestClient, us_names: Version, training_list: NameList
) -> None:
    model = us_names.checkpoint
    names = [training_list.names[i] for i in split(training_list.names, SplitRule.NAMES).dev]
    assert len(names) > 10_000
    total, characters = 0.0, 0
    for start in range(0, len(names), 10_000):
        batch = names[start : start + 10_000]
        count = sum(len(name) + 1 for name in batch)
        total += score(client, batch)["loss"] * count
        characters += count
    assert total / characters == pytest.approx(model.facts["losses"]["dev"], abs=1e-5)


def test_characters_sum_to_log_prob_and_end_with_the_empty_string(client: TestClient) -> None:
    for item in score(client, NAMES, details=True)["names"]:
        assert [each["char"] for each in item["characters"]] == [*item["name"], ""]
        assert sum(each["log_prob"] for each in item["characters"]) == pytest.approx(item["log_prob"], abs=1e-9)
    assert all(item["characters"] is None for item in score(client, NAMES)["names"])


def test_chances_of_all_letters_and_the_end_sum_to_one(client: TestClient) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    continued = score(client, ["emm" + letter for letter in letters], details=True)["names"]
    ended = score(client, ["emm"], details=True)["names"][0]["characters"][3]
    chances = [math.exp(item["characters"][3]["log_prob"]) for item in continued] + [math.exp(ended["log_prob"])]
    assert sum(chances) == pytest.approx(1, abs=1e-9)


def test_a_score_does_not_depend_on_the_other_names(client: TestClient) -> None:
    together = score(client, NAMES)["names"]
    assert [score(client, [name])["names"][0] for name in NAMES] == together
    assert score(client, NAMES[::-1])["names"] == together[::-1]


def test_upper_case_is_brought_to_the_form_of_the_model(client: TestClient) -> None:
    upper, lower = (score(client, [name], details=True)["names"][0] for name in ("EmMA", "emma"))
    assert upper["name"] == "EmMA"
    assert {**upper, "name": "emma"} == lower


def test_accents_in_either_unicode_form_score_the_same(serve: Serve, publish: Publish, tmp_path: Path) -> None:
    publish(tmp_path / "own", "accents", "elno\u00e9\u00f1", names=["l\u00e9on"])
    client = serve(store=tmp_path / "own")
    composed = "L\u00c9ON"
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    items = score(client, [composed, decomposed, "l\u00e9on"], details=True)["names"]
    assert [item["name"] for item in items] == [composed, decomposed, "l\u00e9on"]
    for item in items:
        assert item["log_prob"] == items[0]["log_prob"]
        assert [each["char"] for each in item["characters"]] == ["l", "\u00e9", "o", "n", ""]
        assert item["novel"] is False


def test_novel_says_whether_the_training_list_holds_a_name(client: TestClient, training_list: NameList) -> None:
    known = set(training_list.names)
    names = ["emma", "EMMA", "xqzzt", "olivia", "qqqqq"]
    assert [item["novel"] for item in score(client, names)["names"]] == [name.lower() not in known for name in names]


def test_a_percentile_is_the_share_of_known_names_that_are_less_likely(
    client: TestClient, training_list: NameList
) -> None:
    """The bundled version says nothing of the names held out, so its list counts."""
    known = sorted(set(training_list.names))[::11]
    losses = np.array(
        [
            item["loss"]
            for begin in range(0, len(known), 9_000)
            for item in score(client, known[begin : begin + 9_000])["names"]
        ]
    )
    asked = ["emma", "xqzzt", "z" * 64, "aaron", *known[:50]]
    for item in score(client, asked)["names"]:
        assert item["percentile"] == pytest.approx((losses > item["loss"]).mean(), abs=0.02)
    assert score(client, ["qxzjkw"])["names"][0]["percentile"] < 0.001


def test_a_model_without_a_list_has_no_percentiles(both: TestClient) -> None:
    assert score(both, ["ana"], model="unlisted")["names"][0]["percentile"] is None
    assert 0 <= score(both, ["ana"], model="tiny")["names"][0]["percentile"] <= 1


def test_unknown_characters_can_be_ignored(client: TestClient) -> None:
    answer = score(client, ["e1m4a", "emma", "1é"], unknown="ignore", details=True)
    ignoring, plain, nothing = answer["names"]
    assert (ignoring["ignored"], plain["ignored"]) == (2, 0)
    assert {**ignoring, "name": "ema", "ignored": 0} == score(client, ["ema"], details=True)["names"][0]
    assert nothing["loss"] is None
    assert "'1'" in nothing["reason"]
    assert answer["loss"] == score(client, ["ema", "emma"])["loss"]


@pytest.mark.parametrize(
    ("name", "char"), [("em1ma", "'1'"), ("\u00e9va", "'\u00e9'"), ("a b", "' '"), ("\x00", "'\\x00'")]
)
def test_an_unknown_character_is_refused_by_item_and_character(
    client: TestClient, check_problem: CheckProblem, name: str, char: str
) -> None:
    problem = check_problem(
        client.post("/loss", json={"names": ["emma", name, "ava"]}), 422, "unknown-character", "/names/1"
    )
    assert char in problem["detail"]


def test_unknown_characters_can_be_skipped(client: TestClient) -> None:
    answer = score(client, ["emma", "em1", "ava", "\u9648"], unknown="skip", details=True)
    skipped = answer["names"][1]
    assert {**skipped, "reason": ""} == {
        "name": "em1",
        "loss": None,
        "log_prob": None,
        "novel": None,
        "percentile": None,
        "ignored": None,
        "characters": None,
        "reason": "",
    }
    assert "'1'" in skipped["reason"]
    assert answer["names"][3]["reason"]
    rest = score(client, ["emma", "ava"], details=True)
    assert answer["loss"] == rest["loss"]
    assert [answer["names"][0], answer["names"][2]] == rest["names"]
    assert all(item["reason"] is None for item in rest["names"])


def test_a_name_that_is_too_long_or_empty_can_be_skipped(client: TestClient) -> None:
    names = ["emma"] * 50 + ["a" * 65, "", "  "] + ["ava"] * 50
    answer = score(client, names, unknown="skip")
    assert [item["loss"] is None for item in answer["names"]] == [False] * 50 + [True] * 3 + [False] * 50
    reasons = [item["reason"] for item in answer["names"][50:53]]
    assert "65 characters" in reasons[0]
    assert reasons[1:] == ["the name is missing"] * 2
    assert answer["loss"] == pytest.approx(score(client, ["emma", "ava"])["loss"], rel=1e-12)


def test_a_reason_shows_letters_as_they_are(client: TestClient) -> None:
    [item] = score(client, ["jürgen"], unknown="skip")["names"]
    assert item["reason"].startswith("character 'ü' at position 2")


def test_spaces_around_a_name_do_not_count(both: TestClient) -> None:
    plain, spaced, tabbed = score(both, ["zoé", " zoé ", "\tzoé"], model="tiny")["names"]
    assert plain["novel"] is False
    assert {**spaced, "name": "zoé"} == plain == {**tabbed, "name": "zoé"}


def test_a_perplexity_too_large_for_a_number_is_null(serve: Serve, publish: Publish, tmp_path: Path) -> None:
    logits = torch.zeros(3, 3)
    logits[:, 2] = -3000.0
    publish(tmp_path, "steep", letters="ab", logits=logits)
    client = serve(store=tmp_path)
    answer = score(client, ["bb"])
    assert answer["loss"] > 709
    assert answer["perplexity"] is None


def test_nothing_but_skipped_names_has_no_loss(client: TestClient) -> None:
    answer = score(client, ["1", "2"], unknown="skip")
    assert answer["loss"] is None
    assert answer["perplexity"] is None
    assert len(answer["names"]) == 2


def test_get_takes_names_one_by_one(client: TestClient, us_names: Version) -> None:
    query: list[tuple[str, Any]] = [("name", name) for name in NAMES]
    query += [("details", "true"), ("model", "us-names"), ("unknown", "skip")]
    response = client.get("/loss", params=query)
    assert response.json() == score(client, NAMES, details=True)
    assert response.headers["X-Model-Digest"] == us_names.digest


def test_ten_thousand_names_are_scored(client: TestClient) -> None:
    answer = score(client, ["emma"] * 10_000)
    assert len(answer["names"]) == 10_000
    assert answer["loss"] == pytest.approx(answer["names"][0]["loss"], rel=1e-9)


@pytest.mark.parametrize(
    ("names", "pointer"),
    [
        ([], "/names"),
        (["a"] * 10_001, "/names"),
        (["emma", ""], "/names/1"),
        (["a" * 65], "/names/0"),
        ([None], "/names/0"),
        ([5], "/names/0"),
        ([["emma"]], "/names/0"),
        ("emma", "/names"),
        (None, "/names"),
        ({"0": "emma"}, "/names"),
    ],
)
def test_names_out_of_bounds_are_refused(
    client: TestClient, check_problem: CheckProblem, names: Any, pointer: str
) -> None:
    check_problem(client.post("/loss", json={"names": names}), 422, "validation", pointer)


@pytest.mark.parametrize("query", [{}, {"name": ""}, {"name": "a" * 65}, {"name": "a", "names": "b"}])
def test_queries_have_the_same_bounds(client: TestClient, check_problem: CheckProblem, query: dict[str, str]) -> None:
    check_problem(client.get("/loss", params=query), 422, "validation")


def test_an_unknown_character_in_a_query_points_to_the_query(client: TestClient, check_problem: CheckProblem) -> None:
    check_problem(client.get("/loss?name=emma&name=em1"), 422, "unknown-character", "/name/1")
