"""Every published version has its report, a run that fails can have one, and `report` draws one anew."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.store.store import BUNDLED, Store
from model.store.version_files import DIAGNOSTICS_FILE, REPORT_FILE
from training.diagnosis import diagnostics
from training.recipe.stacks import tanh_stack

Command = Callable[..., Any]
QUICK = ("--preset", "fast", "--steps", "20")
UNTRAINED = ("--preset", "classic", "--steps", "1", "--learning-rate", "1e-9")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_published_version_carries_its_report(command: Command, tiny_file: Path, store: Path) -> None:
    written = tiny_file.with_name("report.html")
    assert command("train", tiny_file, "--store", store, "--report", written, *QUICK).code == 0
    stored = Store(store).open("tiny")
    report = stored.read(REPORT_FILE)
    assert report == written.read_bytes()
    assert report
    assert stored.digest.encode() in report
    kept = stored.read(DIAGNOSTICS_FILE)
    assert kept
    assert diagnostics.loads(kept).steps == 20
    assert stored.manifest["facts"]["baselines"]["dev"].keys() >= {"unigram", "bigram", "kneser_ney_8"}


def test_the_quality_that_the_gate_measured_is_kept_and_shown(command: Command, tiny_file: Path, store: Path) -> None:
    assert command("train", tiny_file, "--store", store, *QUICK).code == 0
    stored = Store(store).open("tiny")
    quality = stored.manifest["facts"]["quality"]
    measured = tiny_file.with_name("measured.json")
    assert command("evaluate", "tiny", tiny_file, "--store", store, "--json", measured).code == 0
    assert quality == json.loads(measured.read_text(encoding="utf-8"))["quality"]
    text = (stored.read(REPORT_FILE) or b"").decode()
    shares = [quality["novelty"], quality["held_out_novelty"], *quality["uniqueness"].values()]
    distances = [*quality["distances"].values(), *quality["noise_floor"].values()]
    assert all(f"{share:.1%}" in text for share in shares)
    assert all(f"{distance:.4f}" in text for distance in distances)


def test_report_draws_the_same_page_and_leaves_the_version_alone(
    command: Command, tiny_file: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("train", tiny_file, "--store", store, *QUICK).code == 0
    before = files(store)
    monkeypatch.chdir(tmp_path)
    outcome = command("report", "tiny", "--store", store)
    assert outcome.code == 0
    digest = Store(store).current("tiny")
    assert (tmp_path / f"tiny-{digest[:12]}.html").read_bytes() == Store(store).open("tiny").read(REPORT_FILE)
    assert files(store) == before


def test_report_measures_anew_where_it_is_given_the_list(command: Command, tiny_file: Path, store: Path) -> None:
    assert command("train", tiny_file, "--store", store, *QUICK).code == 0
    page = tiny_file.with_name("page.html")
    assert command("report", "tiny", tiny_file, "--store", store, "--output", page).code == 0
    assert page.read_bytes() == Store(store).open("tiny").read(REPORT_FILE)


def test_a_version_without_diagnostics_is_reported_as_far_as_it_is_known(command: Command, tmp_path: Path) -> None:
    page, bundled = tmp_path / "page.html", Store(BUNDLED).open("us-names")
    Store(tmp_path / "own").publish("plain", bundled.data, bundled.training_names, {})
    outcome = command("report", "plain", "--store", tmp_path / "own", "--output", page)
    assert outcome.code == 0
    assert "no diagnostics" in outcome.out
    text = page.read_text(encoding="utf-8")
    assert "without diagnostics" in text
    assert "Linear(in_features=80" in text


def test_a_run_that_diverges_leaves_a_report(command: Command, tiny_file: Path, store: Path) -> None:
    layers = [layer for layer in tanh_stack(8, 3, dim=4, width=16) if layer["type"] != "BatchNorm1d"]
    layers_file, page = tiny_file.with_name("layers.json"), tiny_file.with_name("page.html")
    layers_file.write_text(json.dumps(layers).replace("Tanh", "ReLU"), encoding="utf-8")
    options = ("--preset", "classic", "--steps", "120", "--learning-rate", "1e6", "--layers", layers_file)
    assert command("train", tiny_file, "--store", store, "--report", page, *options).code == 1
    text = page.read_text(encoding="utf-8")
    assert "The run did not produce a model" in text
    assert "lower the learning rate" in text
    assert not store.exists()


def test_a_model_that_the_gate_refuses_leaves_a_report(command: Command, tiny_file: Path, store: Path) -> None:
    page = tiny_file.with_name("page.html")
    assert command("train", tiny_file, "--store", store, "--report", page, *UNTRAINED).code == 3
    text = page.read_text(encoding="utf-8")
    assert "refused: loss" in text
    assert "Steps too small" in text
    assert not store.exists()


def test_a_report_that_cannot_be_written_fails_before_any_work(command: Command, tiny_file: Path, store: Path) -> None:
    outcome = command("train", tiny_file, "--store", store, "--report", tiny_file.parent / "no" / "page.html", *QUICK)
    assert outcome.code == 1
    assert "cannot write" in outcome.err
    assert not store.exists()


def test_the_gain_is_an_option_and_kept(command: Command, tiny_file: Path, store: Path) -> None:
    assert command("train", tiny_file, "--store", store, "--gain", "1", *QUICK).code == 0
    assert Store(store).load("tiny").checkpoint.facts["config"]["gain"] == 1.0
    assert b"the gain is missing" in (Store(store).open("tiny").read(REPORT_FILE) or b"")
