"""`train-all` in one process: every list has its fate, and none stops another."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from model.store.store import Store
from tests.training.conftest import Outcome
from training.commands import train_all
from training.data.read_list import read_names
from training.gate import submission
from training.gate.checks import Check
from training.gate.gate import Examination, examine
from training.recipe.presets import PRESETS, override
from training.run.run import Config, fit

Command = Callable[..., Outcome]


@pytest.fixture
def folder(tiny_names: list[str], tmp_path: Path) -> Path:
    folder = tmp_path / "lists"
    folder.mkdir()
    for name, names in (("First Names.txt", tiny_names), ("short.txt", tiny_names[:60])):
        (folder / name).write_text("\n".join(names) + "\n", encoding="utf-8")
    (folder / "notes.md").write_text("not a list", encoding="utf-8")
    return folder


def test_each_list_becomes_the_model_of_its_name_and_a_second_run_makes_none_again(
    command: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    outcome = command("train-all", folder, "--preset", "fast", "--steps", "20", "--store", store)
    assert (outcome.code, outcome.err) == (0, "")
    assert Store(store).names() == ["first-names", "short"]
    alone = fit(read_names(folder / "short.txt"), Config(override(PRESETS["fast"], 20, None, None)))
    assert Store(store).current("short") == alone.digest
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}
    with monkeypatch.context() as patched:
        patched.setattr(submission, "fit", lambda *_: pytest.fail("nothing is to be trained"))
        assert command("train-all", folder, "--preset", "fast", "--steps", "20", "--store", store).code == 0
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()} == before
    with (folder / "short.txt").open("a", encoding="utf-8") as file:
        file.write("kalo\nmina\n")
    result = tmp_path / "result.json"
    assert (
        command("train-all", folder, "--preset", "fast", "--steps", "20", "--store", store, "--json", result).code == 0
    )
    fates = {found["model"]: found["fate"] for found in json.loads(result.read_text(encoding="utf-8"))}
    assert fates == {"first-names": "unchanged", "short": "published"}


def test_what_train_published_is_not_trained_again(command: Command, folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    (folder / "First Names.txt").unlink()
    assert command("train", folder / "short.txt", "--preset", "fast", "--steps", "20", "--store", store).code == 0
    outcome = command("train-all", folder, "--preset", "fast", "--steps", "20", "--store", store)
    assert outcome.code == 0
    assert "short.txt: unchanged" in outcome.out


@pytest.mark.parametrize(("bad", "code"), [(False, 3), (True, 1)])
def test_a_refusal_is_told_and_stops_no_other(
    bad: bool, code: int, command: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusals alone end with the code of a refusal."""
    if bad:
        (folder / "bad.csv").write_text("town\nemma\n", encoding="utf-8")

    def strict(result: object, names: object, *others: object) -> Examination:
        if getattr(names, "source", "") == "short.txt":
            return Examination([Check("luck", False, "none today")], None)
        return examine(result, names, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(submission, "examine", strict)
    outcome = command("train-all", folder, "--preset", "fast", "--steps", "20", "--store", tmp_path / "store")
    assert outcome.code == code
    assert "short.txt: refused: the gate refused this model: luck: none today" in outcome.err
    assert ("bad.csv: failed: " in outcome.err) == bad
    assert Store(tmp_path / "store").names() == ["first-names"]


def test_lists_of_one_name_and_folders_without_lists_are_refused_before_any_run(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    (folder / "short.csv").write_text("name\nemma\nava\n", encoding="utf-8")
    for where, said in ((folder, "would both be 'short'"), (tmp_path, "no lists"), (tmp_path / "none", "cannot read")):
        outcome = command("train-all", where, "--store", tmp_path / "store")
        assert outcome.code == 1
        assert said in outcome.err
        assert len(outcome.err.splitlines()) == 1


def test_a_run_that_is_interrupted_keeps_what_it_has_published(
    command: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def interrupting(path: Path, *others: object) -> object:
        if path.name == "short.txt":
            raise KeyboardInterrupt
        return read_names(path, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(train_all, "read_names", interrupting)
    outcome = command("train-all", folder, "--preset", "fast", "--steps", "20", "--store", tmp_path / "store")
    assert outcome.code == 1
    assert "interrupted after 1 of 2 lists; models already published stay" in outcome.err
    assert Store(tmp_path / "store").names() == ["first-names"]
