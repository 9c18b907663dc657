"""The block list: on unless it is turned off, exact, and only where names are drawn."""

import itertools
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from scipy.stats import chisquare

from model.compiler.dense_table import compile_table
from model.store.store import Store
from service.block_list import DEFAULT, MAX_BYTES, read_block_list
from tests.running import BUNDLED

ROOT = Path(__file__).resolve().parents[3]
CheckProblem = Callable[..., dict[str, Any]]
Serve = Callable[..., TestClient]
FREQUENT = ["an", "el", "Ry", "zzz"]


def own_list(directory: Path, text: str | bytes) -> str:
    path = directory / "blocked.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def blocked_in(name: str, words: list[str]) -> list[str]:
    """The words that a lower case name may not hold; those behind "=" are whole names."""
    return [word for word in words if (name == word[1:] if word.startswith("=") else word in name)]


def held_by(names: set[str], words: list[str]) -> list[str]:
    """Those of the words that any of the names holds: as above, by one search for each word."""
    text = "\n".join(names)
    return [word for word in words if (word[1:] in names if word.startswith("=") else word in text)]


def listed(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.strip().lower() for line in lines if line.strip() and not line.strip().startswith("#")]


def drawn(client: TestClient, n: int, **fields: Any) -> list[str]:
    answer = client.post("/sample", json={"n": n, "case": "lower", **fields}, headers={"accept": "text/plain"})
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines()


def probability(client: TestClient, **fields: Any) -> float:
    answer = client.post("/sample", json={"n": 1, **fields})
    assert answer.status_code == 200, answer.text
    value: float = answer.json()["probability"]
    return value


# Drawing


@pytest.mark.parametrize("fields", [{}, {"temperature": 2.0}, {"max_length": 5}, {"novel": True}], ids=str)
def test_no_name_holds_a_word_of_the_default_list(client: TestClient, fields: dict[str, Any]) -> None:
    words = listed(DEFAULT)
    assert len(words) > 300
    names = set(drawn(client, 100_000, seed=1, **fields))
    assert held_by(names, words) == []


def test_names_hold_such_words_where_the_list_is_off(serve: Serve) -> None:
    """So that the test above can fail."""
    off = serve(bundled_store=BUNDLED, block_list="off")
    words = listed(DEFAULT)
    names = set(drawn(off, 100_000, seed=1))
    assert held_by(names, words)
    assert set(held_by(names, words)) == {word for name in names for word in blocked_in(name, words)}
    word = next(word for word in words if not word.startswith("="))
    assert drawn(off, 1, pattern=f"ka{word}") == [f"ka{word}"]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(own_list(tmp_path_factory.mktemp("list"), "\n".join(FREQUENT) + "\n"))


@pytest.mark.parametrize("fields", [{}, {"novel": True}, {"prefix": "ma"}, {"pattern": ".*[ae].*"}], ids=str)
def test_no_name_holds_a_word_of_an_own_list_of_frequent_parts(serve: Serve, own: Path, fields: dict[str, Any]) -> None:
    names = drawn(serve(bundled_store=BUNDLED, block_list=str(own)), 100_000, seed=2, **fields)
    assert len(names) == 100_000
    assert not any("an" in name or "el" in name or "ry" in name for name in set(names))


def test_unique_and_followed_and_ranked_names_hold_none_either(serve: Serve, own: Path) -> None:
    client = serve(bundled_store=BUNDLED, block_list=str(own))
    names = drawn(client, 20_000, seed=3, unique=True)
    top = client.get("/top", params={"k": 1000, "case": "lower"}).json()["names"]
    followed = client.get("/sample/stream", params={"n": 100, "seed": 3, "case": "lower"}).text
    assert len(set(names)) == 20_000
    for name in [*names, *(item["name"] for item in top)]:
        assert not blocked_in(name, ["an", "el", "ry"])
    assert sum(line == "event: name" for line in followed.splitlines()) == 100


def test_the_frequent_parts_are_drawn_where_the_list_is_off(serve: Serve) -> None:
    names = drawn(serve(bundled_store=BUNDLED, block_list="off"), 1_000, seed=2)
    assert all(any(part in name for name in names) for part in ("an", "el", "ry"))


# The probability, on a model small enough to enumerate

LONGEST = 5
EVERY_NAME = ["".join(letters) for k in range(1, LONGEST + 1) for letters in itertools.product("abc", repeat=k)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, publish: Callable[..., str]) -> Path:
    root = tmp_path_factory.mktemp("abc")
    publish(root, "abc", names=["ab", "cab", "b"])
    return root


@pytest.fixture(scope="module")
def chances(store: Path) -> dict[str, float]:
    log_probs = compile_table(Store(store).load("abc").checkpoint).log_probs
    found = {}
    for name in EVERY_NAME:
        ids = [0, *("abc".index(char) + 1 for char in name), 0]
        found[name] = math.exp(sum(log_probs[a, b] for a, b in itertools.pairwise(ids)))
    return found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ab\n", ["ab"]),
        ("ab\ncc\n", ["ab", "cc"]),
        ("ABC\r\n\r\n", ["abc"]),
        ("# ab\n\n  \nca  \n#cc\n", ["ca"]),
        ("  # ab\nbb", ["bb"]),
        ("\ufeffaa\n", ["aa"]),
        ("aa\naab\naa\n", ["aa", "aab"]),
        ("é\nxyz\nb1\nccc\n", ["ccc"]),
        ("", []),
        ("# nothing\n", []),
        ("xyz\n", []),
    ],
)
@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ({}, lambda _: True),
        ({"prefix": "b", "min_length": 2}, lambda name: name[0] == "b" and len(name) > 1),
        ({"pattern": "[ab]*c?"}, lambda name: "c" not in name[:-1]),
        ({"novel": True}, lambda name: name not in ("ab", "cab", "b")),
    ],
    ids=["free", "prefix", "pattern", "novel"],
)
def test_the_probability_is_that_of_the_names_without_a_blocked_word(
    serve: Serve,
    store: Path,
    chances: dict[str, float],
    tmp_path: Path,
    text: str,
    words: list[str],
    asked: dict[str, Any],
    allowed: Callable[[str], bool],
) -> None:
    client = serve(store=store, block_list=own_list(tmp_path, text))
    left = {name: p for name, p in chances.items() if allowed(name) and not any(word in name for word in words)}
    found = client.post("/sample", json={"n": 10_000, "seed": 1, "case": "lower", "max_length": LONGEST, **asked})
    assert found.status_code == 200, found.text
    body = found.json()
    assert body["probability"] == pytest.approx(math.fsum(left.values()), rel=1e-9)
    counts = Counter(body["names"])
    assert counts.keys() <= left.keys()
    # chi-square of the names drawn often enough, the others together; p > 1e-5
    total = math.fsum(left.values())
    common = [name for name, p in left.items() if 10_000 * p / total >= 10]
    observed = [counts[name] for name in common]
    expected = [10_000 * left[name] / total for name in common]
    if len(common) < len(left):
        observed.append(10_000 - sum(observed))
        expected.append(10_000 - math.fsum(expected))
    assert chisquare(observed, expected).pvalue > 1e-5


def test_the_words_are_normalised_as_the_vocabulary_says(
    serve: Serve, publish: Callable[..., str], tmp_path: Path
) -> None:
    publish(tmp_path, "accents", letters="aéz")
    client = serve(store=tmp_path, block_list=own_list(tmp_path, "ZE\u0301\n"))  # ZÉ in two code points
    names = drawn(client, 5_000, seed=1, max_length=12)
    assert not any("zé" in name for name in names)
    assert any("éz" in name for name in names)
    assert probability(client, pattern="aé", max_length=2) > 0


# What it leaves alone


def test_next_and_loss_do_not_know_of_it(serve: Serve, own: Path) -> None:
    blocked, off = (serve(bundled_store=BUNDLED, block_list=choice) for choice in (str(own), "off"))
    names = {"names": ["elan", "anna", "rylan", "emma"], "details": True}
    assert blocked.post("/loss", json=names).json() == off.post("/loss", json=names).json()
    for context in ("", "a", "an", "ela"):
        query = {"context": context}
        assert blocked.get("/next", params=query).json() == off.get("/next", params=query).json()


def test_blocking_changes_no_log_prob(serve: Serve, own: Path) -> None:
    client = serve(bundled_store=BUNDLED, block_list=str(own))
    details = client.post("/sample", json={"n": 100, "seed": 1, "details": True}).json()["details"]
    scores = client.post("/loss", json={"names": [detail["name"] for detail in details]}).json()["names"]
    for detail, score in zip(details, scores, strict=True):
        assert detail["log_prob"] == pytest.approx(score["log_prob"], rel=0, abs=1e-9)


@pytest.mark.parametrize(
    "fields",
    [
        {"prefix": "an"},
        {"prefix": "mel"},
        {"suffix": "ela"},
        {"contains": "ryan"},
        {"pattern": "(el|an).*"},
        {"prefix": "AN"},
    ],
    ids=str,
)
def test_a_constraint_that_only_blocked_names_meet_is_unsatisfiable(
    serve: Serve, own: Path, check_problem: CheckProblem, fields: dict[str, str]
) -> None:
    client = serve(bundled_store=BUNDLED, block_list=str(own))
    for answer in (
        client.post("/sample", json=fields),
        client.get("/sample", params=fields),
        client.get("/top", params=fields),
        client.get("/sample/stream", params=fields),
    ):
        check_problem(answer, 422, "unsatisfiable")


def test_a_prefix_of_the_default_list_is_unsatisfiable(client: TestClient, check_problem: CheckProblem) -> None:
    word = next(word for word in listed(DEFAULT) if not word.startswith("="))
    check_problem(client.post("/sample", json={"prefix": f"ka{word}"}), 422, "unsatisfiable")


# The file


def test_the_default_list_is_the_file_that_comes_with_the_service() -> None:
    assert read_block_list("default") == frozenset(listed(DEFAULT))
    assert read_block_list("off") == frozenset()


def refused(choice: str) -> str:
    """The one line that the command prints about a list it cannot use."""
    command = [sys.executable, "-m", "service", "serve", "--port", "0"]
    environment = os.environ | {"NAMESMITH_BLOCK_LIST": choice}
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: NAMESMITH_BLOCK_LIST: ")
    return done.stderr


def test_a_list_that_is_not_there_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    line = refused(str(tmp_path / "none.txt"))
    assert "none.txt: No such file or directory" in line


def test_a_list_that_is_a_directory_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    assert "Is a directory" in refused(str(tmp_path))


def test_a_list_that_is_not_utf_8_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    assert "is not UTF-8 text" in refused(own_list(tmp_path, "josé\n".encode("latin-1")))


def test_a_list_that_is_too_large_is_said_to_be_so(tmp_path: Path) -> None:
    """Even where the limit cuts a letter in two."""
    for text in ("a" * (MAX_BYTES + 1), "a" * (MAX_BYTES - 1) + "\n" + "é" * 4, "a" + "é" * MAX_BYTES):
        with pytest.raises(ValueError, match="larger than 1,048,576 bytes"):
            read_block_list(own_list(tmp_path, text))
    assert read_block_list(own_list(tmp_path, "#" * (MAX_BYTES - 3) + "\nab")) == {"ab"}


@pytest.mark.parametrize("choice", ["", "OFF", "Default"])
def test_other_words_are_paths(choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="cannot read the block list"):
        read_block_list(choice)
