"""A refusal of the gate by command: exit code 3, one line, and a store that is as it was."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import model.store.store
from model.store.store import Store
from model.store.version_files import MODEL_FILE

Command = Callable[..., tuple[int, str, str]]
GOOD, WORSE = ("--preset", "fast", "--steps", "60"), ("--preset", "fast", "--steps", "2")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "store"


@pytest.fixture
def store(command: Command, tiny_file: Path, kept: Path, tmp_path: Path) -> Path:
    """With a model called tiny, which is trained once."""
    if not kept.exists():
        assert command("train", tiny_file, "--store", kept, *GOOD)[0] == 0
    return shutil.copytree(kept, tmp_path / "store")


def snapshot(root: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Inode, mode, time of change and content of everything below."""
    found = {}
    for path in (root, *root.rglob("*")):
        stat = path.stat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (stat.st_ino, stat.st_mode, stat.st_mtime_ns, content)
    return found


def test_a_worse_version_is_refused_in_one_line_and_the_store_stays_as_it_was(
    command: Command, tiny_file: Path, store: Path
) -> None:
    before = snapshot(store)
    code, out, err = command("train", tiny_file, "--store", store, *WORSE)
    assert code == 3
    assert "published" not in out
    (line,) = err.splitlines()
    assert line.startswith("error: the gate refused this model: not worse than the current version: loss ")
    assert Store(store).current("tiny")[:12] in line
    assert snapshot(store) == before


def test_force_publishes_it_and_writes_down_who_overrode_what(command: Command, tiny_file: Path, store: Path) -> None:
    assert command("train", tiny_file, "--store", store, "--force", *WORSE)[0] == 0
    facts = Store(store).load("tiny").manifest["facts"]
    assert facts["forced"] is True
    assert facts["override"].keys() == {"by", "at", "checks"}
    assert facts["override"]["checks"] == ["not worse than the current version"]
    assert "@" in facts["override"]["by"]


def test_force_that_was_not_needed_is_not_written_down(command: Command, tiny_file: Path, tmp_path: Path) -> None:
    assert command("train", tiny_file, "--store", tmp_path / "store", "--force", *GOOD)[0] == 0
    facts = Store(tmp_path / "store").load("tiny").manifest["facts"]
    assert (facts["forced"], facts["override"]) == (False, None)


def test_a_margin_can_be_given(command: Command, tiny_file: Path, store: Path) -> None:
    assert command("train", tiny_file, "--store", store, "--margin", "9", *WORSE)[0] == 0
    assert command("train", tiny_file, "--store", store, "--margin", "-1", *WORSE)[0] == 2


def test_a_current_version_that_is_damaged_is_no_hindrance_and_is_told(
    command: Command, tiny_file: Path, store: Path
) -> None:
    (store / "tiny" / "versions" / Store(store).current("tiny") / MODEL_FILE).write_bytes(b"damaged")
    code, out, _ = command("train", tiny_file, "--store", store, *WORSE)
    assert code == 0
    assert "it cannot be read" in out


def test_a_bundled_model_of_the_name_is_the_current_version_of_a_store_without_one(
    command: Command, tiny_file: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.store.store, "BUNDLED", store)
    own = tmp_path / "own"
    code, _, err = command("train", tiny_file, "--name", "tiny", "--store", own, *WORSE)
    assert code == 3
    assert Store(store).current("tiny")[:12] in err
    assert not own.exists()


def test_the_result_tells_nothing_of_a_refused_model(command: Command, tiny_file: Path, store: Path) -> None:
    result = tiny_file.with_name("result.json")
    assert command("train", tiny_file, "--store", store, "--json", result, *WORSE)[0] == 3
    assert not result.exists()
    assert command("train", tiny_file, "--store", store, "--json", result, *GOOD)[0] == 0
    assert json.loads(result.read_text(encoding="utf-8"))["digest"] == Store(store).current("tiny")
