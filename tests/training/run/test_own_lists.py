"""Lists of every kind are trained on, published, and give names in their own letters."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from model.compiler.compile_model import compile_model
from model.constraints.compile_constraints import Constraints, compile_constraints
from model.sampling.language_model import LanguageModel
from model.sampling.sampler import Sampler
from model.store.store import Store
from model.transitions.shaping import ShapeSettings
from tests.reliability.conftest import FULL
from tests.training.conftest import Outcome
from training.commands.train_options import name_from

Command = Callable[..., Outcome]

LISTS = {
    "two": ["emma", "ava"],
    "one letter": ["a", "b"],
    "forty-nine": ["".join(pair) for pair in product("abcdefg", repeat=2)],
    "fifty": ["".join(pair) for pair in product("abcde", "fghijklmno")],
    "Japanese": ["さくら", "はると", "陽菜", "蓮", "結衣"],
    "Arabic": ["محمد", "فاطمة", "علي", "مريم"],
    "Cyrillic": ["Иван", "Мария", "Ольга", "Пётр"],
    "punctuation": ["O'Brien", "Anne-Marie", "de la Cruz", "d'Arcy"],
    "emoji": ["😀😺", "😺🎈", "🎈"],
}


@pytest.mark.parametrize("names", LISTS.values(), ids=LISTS)
def test_a_list_of_any_kind_gives_a_model_that_gives_names(names: list[str], command: Command, tmp_path: Path) -> None:
    path, store = tmp_path / "own.txt", tmp_path / "store"
    path.write_text("\n".join(names), encoding="utf-8")
    outcome = command(
        "train", path, "--store", store, "--preset", "fast", "--steps", "40", "--device", "cpu", "--force"
    )
    assert outcome.code == 0
    assert ("50 distinct ones are needed" in outcome.err) == (len(names) < 50)
    model = Store(store).load("own").checkpoint
    drawn = LanguageModel(compile_model(model, None)).sampler(ShapeSettings(), [], None).draw(0, 20)
    found = [name for draws in drawn for name in draws.decode(model.vocabulary)]
    assert len(found) == 20
    assert set("".join(found)) <= set("".join(names).lower())


def test_a_joiner_inside_an_emoji_is_refused_with_its_line_and_can_be_left_out(
    command: Command, tmp_path: Path
) -> None:
    path, store = tmp_path / "own.txt", tmp_path / "store"
    path.write_text("emma\nava\n👩\u200d🚀\n", encoding="utf-8")
    refused = command("train", path, "--store", store)
    assert refused.code == 1
    assert "line 3: control character '\\u200d'" in refused.err
    assert (
        command("train", path, "--store", store, "--preset", "fast", "--steps", "2", "--skip-bad-lines", "--force").code
        == 0
    )


def test_weights_may_be_a_thousand_million_times_each_other(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("name,weight\nemma,1\nava,1000000000\nmia,30000\n", encoding="utf-8")
    assert (
        command("train", path, "--store", tmp_path / "store", "--preset", "fast", "--steps", "40", "--force").code == 0
    )


def test_a_large_alphabet_is_trained_published_and_answered_exactly(command: Command, tmp_path: Path) -> None:
    """500 symbols, or 3,000; mini-batches, as full ones are a row of all symbols for each context."""
    letters = [chr(0x4E00 + i) for i in range(3_000 if FULL else 500)]
    path = tmp_path / "kanji.txt"
    path.write_text("\n".join(map("".join, zip(letters[::2], letters[1::2], strict=True))), encoding="utf-8")
    options = ("--preset", "fast", "--steps", "2", "--batch-size", "32", "--force")
    outcome = command("train", path, "--store", tmp_path / "store", *options)
    assert outcome.code == 0
    stored = Store(tmp_path / "store").open("kanji")
    assert stored.table is not None
    assert f"served as {len(stored.table):,} contexts" in outcome.out
    vocabulary, ending = stored.header.vocabulary, letters[7]
    automaton = compile_constraints(Constraints(suffix=ending), vocabulary)
    sampler = Sampler(stored.table, ShapeSettings(max_length=4), automaton)
    assert 0 < sampler.probability < 1
    names = [name for drawn in sampler.draw(1, 50) for name in drawn.decode(vocabulary)]
    assert all(name.endswith(ending) and len(name) <= 4 for name in names)


def test_a_file_without_an_ascii_name_asks_for_one(command: Callable[..., Outcome], tmp_path: Path) -> None:
    for file in ("имена.txt", "名前.txt"):
        (tmp_path / file).write_text("emma\nava\n", encoding="utf-8")
        refused = command("train", tmp_path / file, "--store", tmp_path / "store")
        assert (refused.code, "choose one with --name" in refused.err) == (1, True)
    assert not (tmp_path / "store").exists()


def test_a_file_called_as_a_bundled_model_asks_for_another_name(
    command: Callable[..., Outcome], tmp_path: Path
) -> None:
    (tmp_path / "US Names.txt").write_text("emma\nava\n", encoding="utf-8")
    refused = command("train", tmp_path / "US Names.txt", "--store", tmp_path / "store")
    assert refused.code == 1
    assert "in place of the bundled model" in refused.err
    assert "--force" in refused.err


@pytest.mark.parametrize(
    ("file", "name"),
    [("US Towns 2024.txt", "us-towns-2024"), ("Prénoms.csv.gz", "prenoms"), ("...txt", "names"), ("ÅÖ.tsv", "ao")],
)
def test_a_model_is_called_as_its_file(file: str, name: str) -> None:
    assert name_from(Path(file)) == name
