"""The lists in data/, and how those that come from packages are made."""

import re
from typing import Any

import pytest

from model.text.vocabulary import Normalization
from training.data.read_list import read_names
from training.make_lists import (
    DATA,
    MAX_PLACE_LETTERS,
    MAX_PLACE_SYMBOLS,
    PLACES,
    SURNAMES,
    TOWN_COUNT,
    TOWNS,
    english_towns,
    places,
    surnames,
)


def test_surnames_are_the_first_column() -> None:
    assert surnames("SMITH          1.006  1.006      1\nO           0.001 90.483  88799\n\n") == ["SMITH", "O"]


def test_places_that_are_no_names_are_left_out_and_counted() -> None:
    good = ["Zürich", "Al Ḩasakah", "Xi’an", "Stoke-on-Trent", "Saint  Louis", "ZÜRICH"]
    marked = ["Puerto (Viejo)", "Biel/Bienne", "Kilometer 7", "St. Gallen"]
    kept, left_out = places([*good, *marked, "x" * (MAX_PLACE_LETTERS + 1), "Москва", "東京"])
    assert kept == ["Al Ḩasakah", "Saint Louis", "Stoke-on-Trent", "Xi’an", "Zürich"]
    assert list(left_out.values()) == [4, 1, 2, 0]


def test_places_keep_to_the_most_frequent_characters() -> None:
    alphabet = [chr(ord("a") + i) for i in range(26)] + [chr(ord("à") + i) for i in range(23)]
    frequent = [char * 2 for char in alphabet[:MAX_PLACE_SYMBOLS] for _ in range(1)]
    again = [f"{char}{char}a" for char in alphabet[:MAX_PLACE_SYMBOLS]]
    kept, left_out = places([*frequent, *again, "aþ"])
    assert kept == sorted({*frequent, *again})
    assert list(left_out.values()) == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("file", "count", "distinct", "letters", "marks"),
    [(SURNAMES, 88_799, 88_799, 26, ""), (PLACES, 30_486, 30_485, MAX_PLACE_SYMBOLS - 2, "‘’")],
)
def test_a_list_is_what_its_page_says(file: str, count: int, distinct: int, letters: int, marks: str) -> None:
    """As training reads it, which takes apostrophes for one; they are `marks` more where they are kept apart."""
    names = read_names(DATA / file)
    assert (len(names.names), len(names.distinct)) == (count, distinct)
    assert len(set("".join(names.names))) == letters
    apart = read_names(DATA / file, Normalization(rules=1))
    assert len(apart.distinct) == count
    assert set("".join(apart.names)) == {*"".join(names.names), *marks}
    row = re.search(rf"^\| `{file}` \|.*$", (DATA / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert row
    assert f"{count:,}" in row[0]
    assert f"{distinct:,}" in row[0]


def test_english_towns_are_the_largest_that_the_list_of_places_has() -> None:
    def city(name: str, population: int, country: str = "GB", part: str = "ENG") -> dict[str, Any]:
        return {"name": name, "population": population, "countrycode": country, "admin1code": part}

    many = [city(f"Town {number}", number) for number in range(TOWN_COUNT + 5)]
    others = [
        city("Paris", 999, "FR", "11"),
        city("Glasgow", 999, part="SCT"),
        city("Unlisted", 999),
        city("Town 7", 998),
    ]
    towns = english_towns([*many, *others], [each["name"] for each in (*many, *others[:2])])
    assert towns == ["Town 7", *(f"Town {number}" for number in range(TOWN_COUNT + 4, 4, -1) if number != 7)]


def test_the_towns_are_places() -> None:
    towns = (DATA / TOWNS).read_text(encoding="utf-8").splitlines()
    assert len(set(towns)) == TOWN_COUNT
    assert set(towns) <= set((DATA / PLACES).read_text(encoding="utf-8").splitlines())


def test_the_places_are_made_of_themselves_again() -> None:
    lines = (DATA / PLACES).read_text(encoding="utf-8").splitlines()
    kept, left_out = places(reversed(lines))
    assert kept == lines
    assert not any(left_out.values())
