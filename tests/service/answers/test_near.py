"""Names close to a given one, and parts that no name may hold, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.model.constraints.test_near import distance
from tests.service.answers.test_sample import get, post

EXCLUDED = ["x", "RR", "ia"]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_all_names_are_close_to_the_given_one_and_none_is_it(client: TestClient, most: int) -> None:
    asked = {"near": "Aria", "distance": most, "n": 300, "seed": 1}
    answer = post(client, **asked)
    assert answer == get(client, **asked)
    found = {distance("aria", name.lower()) for name in answer["names"]}
    assert found == set(range(1, most + 1))


def test_the_probability_of_all_names_within_an_edit_is_their_sum(client: TestClient) -> None:
    """Of the alphabet's 26 letters and 4 places come at most 30 * 26 names: `/top` lists them all."""
    asked: dict[str, Any] = {"near": "aria", "distance": 1, "novel": True}
    answer = client.get("/top", params={**asked, "k": 1000}).json()
    every = client.post("/loss", json={"names": [each["name"] for each in answer["names"]]}).json()["names"]
    sums = sum(2.718281828459045 ** each["log_prob"] for each in every)
    assert sums == pytest.approx(post(client, **asked)["probability"], rel=1e-9)
    assert all(each["novel"] for each in every)
    assert len({each["name"] for each in every}) == len(every) > 50


def test_no_name_holds_an_excluded_part(client: TestClient) -> None:
    answer = post(client, exclude=EXCLUDED, n=2000, seed=1)
    query = "&".join(f"exclude={part}" for part in EXCLUDED)
    assert client.get(f"/sample?n=2000&seed=1&{query}").json() == answer
    free = post(client, n=2000, seed=1)
    held = [any(part.lower() in name.lower() for part in EXCLUDED) for name in free["names"]]
    assert 100 < sum(held) < 1000
    assert not any(part.lower() in name.lower() for name in answer["names"] for part in EXCLUDED)
    assert answer["probability"] == pytest.approx(1 - sum(held) / 2000, abs=0.05)


def test_letters_outside_the_alphabet_are_edited_away_or_cannot_occur(client: TestClient) -> None:
    names = post(client, near="ar1a", distance=1, n=50, seed=1)["names"]
    assert "Aria" in names
    assert {distance("ar1a", name.lower()) for name in names} == {1}
    assert post(client, exclude=["1", "é"], seed=1)["names"] == post(client, seed=1)["names"]


@pytest.mark.parametrize(
    ("fields", "kind", "pointer"),
    [
        ({"near": ""}, "validation", "/near"),
        ({"near": "a" * 65}, "validation", "/near"),
        ({"near": "aria", "distance": 0}, "validation", "/distance"),
        ({"near": "aria", "distance": 4}, "validation", "/distance"),
        ({"exclude": []}, "validation", "/exclude"),
        ({"exclude": [""]}, "validation", "/exclude/0"),
        ({"exclude": ["x"] * 101}, "validation", "/exclude"),
        ({"exclude": "x"}, "validation", "/exclude"),
        ({"near": "123456", "distance": 3, "max_length": 2}, "unsatisfiable", None),
        ({"exclude": list("abcdefghijklmnopqrstuvwxyz")}, "unsatisfiable", None),
    ],
)
def test_refusals(
    client: TestClient, check_problem: Callable[..., Any], fields: dict[str, Any], kind: str, pointer: str | None
) -> None:
    check_problem(client.post("/sample", json=fields), 422, kind, pointer)


def test_streams_and_the_next_names_go_on(client: TestClient) -> None:
    asked: dict[str, Any] = {"near": "aria", "seed": 3, "exclude": ["z"]}
    names = post(client, **asked, n=100)["names"]
    lines = client.post("/sample", json={**asked, "n": 3000}, headers={"Accept": "text/plain"}).text.splitlines()
    assert lines[:100] == names
    events = client.get("/sample/stream", params={**asked, "n": 5}).text
    assert all(f'"name":"{name}"' in events for name in names[:5])
