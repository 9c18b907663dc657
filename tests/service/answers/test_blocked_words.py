"""The default block list: the form of the file, what it blocks, and above all what it does not."""

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WORD_FILE = ROOT / "service" / "blocked_words.txt"
NAME_FILE = ROOT / "data" / "us-names.csv"
FEWEST_WORDS, MOST_WORDS = 300, 600
MOST_STATES = 1600
MOST_BLOCKED_SHARE = 2e-6  # of all births in NAME_FILE; reached: 1.32e-6, nearly all of it Draper

TRUE_NAMES = [
    "abigail", "adolfo", "akshita", "amanda", "amethyst", "analia", "anushka", "ariana", "arsenio", "atwater",
    "babcock", "bassam", "benigno", "caputo", "cassandra", "cassius", "chardonnay", "chastity", "cockburn",
    "cockermouth", "coraline", "cummings", "dagoberto", "dick", "dickson", "dominique", "essex", "fagan", "fanny",
    "fatima", "fukuko", "gail", "gaylord", "guido", "hancock", "harshita", "hassan", "heraclitus", "hitchcock",
    "humphrey", "ignazio", "isis", "ishita", "japheth", "joaquim", "kikuko", "killian", "kumar", "letitia",
    "lightwater", "lynch", "malakai", "marian", "maryann", "michelle", "middlesex", "milford", "monique", "morgan",
    "nadia", "nazir", "nigel", "oakland", "peacock", "penelope", "phoebe", "phuket", "poonam", "prickett", "princeston",
    "rapunzel", "semen", "shivani", "siriporn", "spicer", "sussex", "swank", "takumi", "thoreau", "thornycroft",
    "titus", "tracy", "uziel", "vergara", "virginia", "wade", "woodcock",
]  # fmt: skip
OBSCENE_OR_HATEFUL_NAMES = [
    "fuck", "mcfuckson", "cunt", "nigger", "nigga", "kike", "hitler", "adolfhitler", "rape", "rapist", "whorella",
    "bitcharina", "asshole", "dickhead", "faggot", "hurensohn", "putain", "kurwa",
]  # fmt: skip


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return WORD_FILE.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def words(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith(("#", "="))]


@pytest.fixture(scope="module")
def whole_names(lines: list[str]) -> list[str]:
    return [line.removeprefix("=") for line in lines if line.startswith("=")]


def test_whole_names_are_no_true_names_and_not_blocked_as_parts(words: list[str], whole_names: list[str]) -> None:
    with NAME_FILE.open(encoding="utf-8", newline="") as file:
        true_names = {row["name"].lower() for row in csv.DictReader(file)}
    assert whole_names == sorted(set(whole_names))
    for name in whole_names:
        assert re.fullmatch("[a-z]{3,}", name)
        assert name not in true_names
        assert not blocked_by(words, name)


def blocked_by(words: list[str], name: str) -> list[str]:
    return [word for word in words if word in name]


def test_comments_stand_only_at_the_top_and_name_source_and_licence(lines: list[str], words: list[str]) -> None:
    header = "\n".join(lines[: len(lines) - len(words)])
    assert lines[len(lines) - len(words) :] == words
    assert "better-profanity 0.7.0" in header
    assert "MIT" in header
    assert "Copyright (c) 2018 The Python Packaging Authority" in header


def test_words_are_sorted_and_unique(words: list[str]) -> None:
    assert words == sorted(set(words))


def test_words_are_three_or_more_lower_case_letters(words: list[str]) -> None:
    assert [word for word in words if not re.fullmatch("[a-z]{3,}", word)] == []


def test_no_word_is_redundant_beside_one_that_it_contains(words: list[str]) -> None:
    assert {word: shorter for word in words if (shorter := [w for w in blocked_by(words, word) if w != word])} == {}


def test_the_list_is_long_enough_to_help_and_short_enough_for_a_fast_automaton(words: list[str]) -> None:
    prefixes = {word[:end] for word in words for end in range(len(word) + 1)}
    assert FEWEST_WORDS <= len(words) <= MOST_WORDS
    assert len(prefixes) < MOST_STATES


def test_hardly_any_true_name_is_blocked(words: list[str]) -> None:
    any_word = re.compile("|".join(words))
    births = blocked = 0
    with NAME_FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            births += int(row["births"])
            if any_word.search(row["name"]):
                blocked += int(row["births"])
    assert blocked / births < MOST_BLOCKED_SHARE


@pytest.mark.parametrize("name", TRUE_NAMES)
def test_a_true_name_passes(words: list[str], name: str) -> None:
    assert blocked_by(words, name) == []


@pytest.mark.parametrize("name", OBSCENE_OR_HATEFUL_NAMES)
def test_an_obscene_or_hateful_name_is_blocked(words: list[str], name: str) -> None:
    assert blocked_by(words, name) != []
