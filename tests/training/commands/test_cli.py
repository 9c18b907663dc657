"""The command line: exit codes, one line a failure, and what a run leaves on disk."""

import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Never

import numpy as np
import pytest
import torch

from model.store.store import BUNDLED, Store
from model.store.version_files import MODEL_FILE
from training import cli
from training.commands import train, training_run
from training.console.console import warn_of_a_short_list
from training.data.counted_list import Losses
from training.data.read_list import NameList
from training.recipe.stacks import tanh_stack
from training.run import run

ROOT = Path(__file__).parents[3]
QUICK = ("--preset", "fast", "--steps", "20")
UNTRAINED = ("--preset", "classic", "--steps", "1", "--learning-rate", "1e-9")


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


def run_process(*arguments: str | Path) -> Outcome:
    """`python -m training ARGUMENTS` in a process of its own."""
    command = [sys.executable, "-m", "training", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def assert_one_error_line(outcome: Outcome, code: int) -> str:
    assert outcome.code == code
    assert "Traceback" not in outcome.out + outcome.err
    lines = outcome.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


def forbidden(*_: object, **__: object) -> Never:
    raise AssertionError("this must not be called")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


# In processes of their own


def test_train_publishes_a_model_that_the_store_loads_and_writes_the_result_as_json(
    tiny_file: Path, store: Path, tmp_path: Path
) -> None:
    result_file = tmp_path / "result.json"
    done = run_process("train", tiny_file, "--store", store, "--json", result_file, *QUICK)
    assert done.code == 0
    assert done.err.splitlines()[0].startswith("the list has fewer than 200 distinct names: the model knows its list")
    assert len(done.err.splitlines()) == 1
    assert "100 names, 100 distinct" in done.out
    assert "step 20 of 20" in done.out
    assert all(f"{part} loss" in done.out for part in ("train", "dev", "test"))

    result = json.loads(result_file.read_text(encoding="utf-8"))
    version = Store(store).load("tiny")
    assert result["digest"] == version.digest
    assert result["parameters"] == version.checkpoint.stack.parameter_count
    losses = {part: result[f"{part}_loss"] for part in ("train", "dev", "test")}
    assert losses == version.checkpoint.facts["losses"]
    assert result["seconds"] > 0
    assert [point["step"] for point in result["curve"]][-1] == 20
    assert all({"seconds", "dev_loss"} <= point.keys() for point in result["curve"])
    assert version.training_names == frozenset(tiny_file.read_text(encoding="utf-8").split())
    assert version.manifest["facts"]["forced"] is False
    assert all(check["passed"] for check in version.manifest["facts"]["gate"])


def test_bad_input_is_one_line_on_stderr_and_leaves_the_store_alone(tmp_path: Path, store: Path) -> None:
    (tmp_path / "bad.txt").write_bytes("zoé\nnoé\n".encode() + b"zo\xeb\n")
    line = assert_one_error_line(run_process("train", tmp_path / "bad.txt", "--store", store), 1)
    assert "bad.txt: line 3: not UTF-8" in line
    assert not store.exists()


def test_bad_usage_exits_with_2(tiny_file: Path, store: Path) -> None:
    done = run_process("train", tiny_file, "--preset", "slow", "--store", store)
    assert done.code == 2
    assert "slow" in done.err
    assert "Traceback" not in done.err
    assert not store.exists()


def test_a_refusal_of_the_gate_exits_with_3(tiny_file: Path, store: Path) -> None:
    assert_one_error_line(run_process("train", tiny_file, "--store", store, *UNTRAINED), 3)
    assert not store.exists()


def test_an_interrupt_leaves_nothing_and_says_so(tiny_file: Path, store: Path) -> None:
    arguments = ("train", tiny_file, "--preset", "classic", "--store", store)
    command = [sys.executable, "-m", "training", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert "100 names" in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=300)
        finally:
            process.kill()
    line = assert_one_error_line(Outcome(process.returncode, out, err), 1)
    assert "interrupted; nothing was published" in line
    assert not store.exists()


# In this process


@pytest.mark.parametrize("called", ["read_names", "fit", "submit"])
def test_an_interrupt_at_any_time_is_one_line(
    called: str, command: Command, tiny_file: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr(train if called == "read_names" else training_run, called, interrupt)
    assert_one_error_line(command("train", tiny_file, "--store", store, *QUICK), 1)
    assert not store.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing"),
        pytest.param(["fly"], id="unknown command"),
        pytest.param(["train"], id="no data"),
        pytest.param(["train", "x.txt", "--wings"], id="unknown option"),
        pytest.param(["train", "x.txt", "--preset", "slow"], id="unknown preset"),
        pytest.param(["train", "x.txt", "--split", "half"], id="unknown split"),
        pytest.param(["train", "x.txt", "--device", "abacus"], id="unknown device"),
        pytest.param(["train", "x.txt", "--steps", "0"], id="no steps"),
        pytest.param(["train", "x.txt", "--steps", "many"], id="steps in words"),
        pytest.param(["train", "x.txt", "--batch-size", "1"], id="batch of one"),
        pytest.param(["train", "x.txt", "--block-size", "33"], id="long context"),
        pytest.param(["train", "x.txt", "--seed", "-1"], id="negative seed"),
        pytest.param(["train", "x.txt", "--learning-rate", "nan"], id="learning rate not a number"),
        pytest.param(["train", "x.txt", "--where", "sex"], id="rows without a value"),
        pytest.param(["train", "x.txt", "--where", "=F"], id="rows without a column"),
        pytest.param(["train", "x.txt", "--description", " "], id="empty description"),
        pytest.param(["train", "x.txt", "--description", "x" * 201], id="long description"),
        pytest.param(["train", "x.txt", "--description", "two\nlines"], id="description of two lines"),
        pytest.param(["train", "x.txt", "--description", "turned \u202e round"], id="description that turns round"),
        pytest.param(["evaluate", "tiny"], id="evaluate without data"),
        pytest.param(["publish", "x.safetensors"], id="publish without name"),
    ],
)
def test_bad_usage_of_every_kind_exits_with_2(arguments: list[str], command: Command) -> None:
    outcome = command(*arguments)
    assert outcome.code == 2
    assert "Traceback" not in outcome.out + outcome.err


def test_help_is_given_for_every_command(command: Command) -> None:
    for name in ("train", "evaluate", "compare", "report", "publish", "sweep", "list"):
        assert name in command("--help").out
        outcome = command(name, "--help")
        assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.parametrize(
    ("file", "content", "options", "said"),
    [
        pytest.param("missing.txt", None, [], "missing.txt: No such file", id="missing file"),
        pytest.param("[red]x[/].txt", None, [], "[red]x[/].txt: No such file", id="markup in a path"),
        pytest.param("empty.txt", "", [], "0 distinct", id="empty file"),
        pytest.param("columns.csv", "first,sex\nemma,F\n", [], "first, sex", id="no name column"),
        pytest.param("weights.csv", "name,weight\nemma,x\nava,1\n", [], "line 2", id="weight not a number"),
        pytest.param("ok.txt", "emma\nava\n", ["--weight-column", "births"], "no columns", id="weights of a text file"),
        pytest.param("ok.txt", "emma\nava\n", ["--where", "sex=F"], "no columns", id="rows of a text file"),
        pytest.param("ok.csv", "name,sex\nemma,F\nava,F\n", ["--where", "sex=M"], "no row has 'M'", id="no rows"),
        pytest.param("ok.txt", "emma\nava\n", ["--name", "A b"], "'A b' cannot name a model", id="bad model name"),
        pytest.param("ok.txt", "emma\nava\n", ["--name", "../x"], "cannot name a model", id="path as model name"),
        pytest.param("ok.txt", "emma\nava\n", ["--layers", "none.json"], "none.json", id="missing layer list"),
    ],
)
def test_bad_input_of_every_kind_is_one_line(
    file: str, content: str | None, options: list[str], said: str, command: Command, tmp_path: Path, store: Path
) -> None:
    path = tmp_path / file
    if content is not None:
        path.write_text(content, encoding="utf-8")
    line = assert_one_error_line(command("train", path, "--store", store, *QUICK, *options), 1)
    assert said in line
    assert not store.exists()


@pytest.mark.parametrize(
    "text", ["{", "3", '["Tanh"]', "[]", '[{"type": "Tanh"}]', '[{"type": "Fly"}]', "[" * 100_000, "\udcff"]
)
def test_a_bad_layer_list_is_one_line(text: str, command: Command, tiny_file: Path, store: Path) -> None:
    layers = tiny_file.with_name("layers.json")
    layers.write_bytes(text.encode(errors="surrogateescape"))
    assert_one_error_line(command("train", tiny_file, "--store", store, "--layers", layers, *QUICK), 1)
    assert not store.exists()


def test_a_layer_list_from_a_file_is_used(command: Command, tiny_file: Path, store: Path) -> None:
    layers = tiny_file.with_name("layers.json")
    layers.write_text(json.dumps(tanh_stack(8, 3, dim=4, width=16)), encoding="utf-8")
    assert command("train", tiny_file, "--store", store, "--layers", layers, *QUICK).code == 0
    assert Store(store).load("tiny").checkpoint.stack.describe()[2]["out_features"] == 16


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_one_line(command: Command, tiny_file: Path, store: Path) -> None:
    assert "CUDA" in assert_one_error_line(command("train", tiny_file, "--store", store, "--device", "cuda"), 1)


def test_a_diverging_run_is_one_line_and_publishes_nothing(command: Command, tiny_file: Path, store: Path) -> None:
    layers = [layer for layer in tanh_stack(8, 3, dim=4, width=16) if layer["type"] != "BatchNorm1d"]
    layers_file = tiny_file.with_name("layers.json")
    layers_file.write_text(json.dumps(layers).replace("Tanh", "ReLU"), encoding="utf-8")
    options = ("--preset", "classic", "--steps", "120", "--learning-rate", "1e6", "--layers", layers_file)
    assert "lower the learning rate" in assert_one_error_line(
        command("train", tiny_file, "--store", store, *options), 1
    )
    assert not store.exists()


def test_force_publishes_what_the_gate_refused_and_records_it(command: Command, tiny_file: Path, store: Path) -> None:
    line = assert_one_error_line(command("train", tiny_file, "--store", store, *UNTRAINED), 3)
    assert "better than guessing" in line
    assert not store.exists()
    outcome = command("train", tiny_file, "--store", store, "--force", *UNTRAINED)
    assert outcome.code == 0
    assert "refused" in outcome.err
    facts = Store(store).load("tiny").manifest["facts"]
    assert facts["forced"] is True
    assert [check["name"] for check in facts["gate"] if not check["passed"]] == ["better than guessing"]


def test_a_refusal_leaves_the_current_version_in_place(command: Command, tiny_file: Path, store: Path) -> None:
    assert command("train", tiny_file, "--store", store, *QUICK).code == 0
    digest = Store(store).current("tiny")
    assert command("train", tiny_file, "--store", store, *UNTRAINED).code == 3
    assert Store(store).digests("tiny") == [Store(store).current("tiny")] == [digest]


@pytest.mark.parametrize("subcommand", ["train", "evaluate"])
@pytest.mark.parametrize("where", ["missing/result.json", ".", "tiny.txt/result.json"])
def test_a_json_file_that_cannot_be_written_fails_before_any_work(
    where: str, subcommand: str, command: Command, tiny_file: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_run, "fit", forbidden)
    monkeypatch.setattr(run, "measure", forbidden)
    subject = [tiny_file, "--store", store] if subcommand == "train" else ["us-names", tiny_file]
    outcome = command(subcommand, *subject, "--json", tiny_file.parent / where)
    assert "cannot write" in assert_one_error_line(outcome, 1)
    assert not store.exists()


def test_a_store_that_cannot_be_written_is_one_line(command: Command, tiny_file: Path) -> None:
    before = tiny_file.read_bytes()
    line = assert_one_error_line(command("train", tiny_file, "--store", tiny_file, *QUICK), 1)
    assert str(tiny_file) in line
    assert tiny_file.read_bytes() == before


def test_the_name_of_the_model_comes_from_the_file(command: Command, tiny_file: Path, store: Path) -> None:
    renamed = tiny_file.rename(tiny_file.with_name("My Names (2).txt"))
    assert command("train", renamed, "--store", store, *QUICK).code == 0
    assert Store(store).names() == ["my-names-2"]


def test_the_store_can_come_from_the_environment(
    command: Command, tiny_file: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAMESMITH_STORE", str(store))
    assert command("train", tiny_file, *QUICK, "--name", "mine").code == 0
    assert Store(store).names() == ["mine"]


def test_skipped_lines_and_small_lists_are_told(command: Command, tmp_path: Path, store: Path) -> None:
    path = tmp_path / "few.txt"
    path.write_text("emma\nav\x07a\n\nmia\nemma\n", encoding="utf-8")
    outcome = command("train", path, "--store", store, "--skip-bad-lines", *QUICK)
    assert outcome.code == 0
    assert "3 names, 2 distinct" in outcome.out
    assert "1 empty line" in outcome.out
    assert "line 2: control character" in outcome.err
    assert "too small to hold names out" in outcome.err


def test_a_list_is_called_short_by_its_names_and_by_its_losses(capsys: pytest.CaptureFixture[str]) -> None:
    def told(distinct: int, train: float, dev: float | None) -> str:
        names = [f"n{number}" for number in range(distinct)]
        warn_of_a_short_list(NameList(names, np.ones(distinct), "x.txt"), Losses(train, dev, dev))
        return capsys.readouterr().err

    assert told(200, 1.0, 1.5) == told(200, 1.0, None) == ""
    assert told(199, 1.0, None).startswith("the list has fewer than 200 distinct names: ")
    assert told(200, 1.0, 1.51).startswith("the dev loss is 0.51 above the train loss: ")
    assert "fewer than 200 distinct names and the dev loss is 1.00 above the train loss: " in told(199, 1.0, 2.0)


def test_a_model_of_some_rows_with_a_description_says_both(
    command: Command, tiny_file: Path, tiny_names: list[str], store: Path
) -> None:
    """Every command that reads a list reads the same rows of it."""
    both = tiny_file.with_name("both.csv")
    rows = [f"{name},F" for name in tiny_names] + [f"other{name},M" for name in tiny_names]
    both.write_text("name,sex\n" + "\n".join(rows) + "\n", encoding="utf-8")
    chosen = (both, "--where", "sex=F", "--store", store)
    described = ("--name", "girls", "--description", "Names of  <b>girls</b>.")
    assert command("train", *chosen, *described, *QUICK).code == 0
    version = Store(store).load("girls")
    assert version.training_names == frozenset(tiny_names)
    assert version.checkpoint.facts["description"] == "Names of  <b>girls</b>."
    data = version.checkpoint.facts["data"]
    assert (data["where"], data["names"], data["source"]) == ("sex=F", 100, "both.csv")

    result = tiny_file.with_name("result.json")
    assert command("evaluate", "girls", *chosen, "--json", result).code == 0
    losses = json.loads(result.read_text(encoding="utf-8"))
    assert losses["dev_loss"] == pytest.approx(version.checkpoint.facts["losses"]["dev"], abs=1e-6)
    assert command("compare", "girls", "girls", *chosen, "--json", result).code == 0
    assert command("report", "girls", *chosen, "--output", tiny_file.with_name("report.html")).code == 0
    file = store / "girls" / "versions" / version.digest / MODEL_FILE
    other = (*chosen[1:3], "--store", tiny_file.with_name("other"))
    assert command("publish", file, "--name", "copy", "--data", both, *other).code == 0
    assert Store(tiny_file.with_name("other")).load("copy").training_names == frozenset(tiny_names)
    assert_one_error_line(command("evaluate", "girls", both, "--where", "sex=X", "--store", store), 1)


def test_a_version_without_a_description_or_chosen_rows_says_neither(
    command: Command, tiny_file: Path, store: Path
) -> None:
    assert command("train", tiny_file, "--store", store, *QUICK).code == 0
    facts = Store(store).load("tiny").checkpoint.facts
    assert "description" not in facts
    assert "where" not in facts["data"]


def test_evaluate_measures_what_training_measured(command: Command, tiny_file: Path, store: Path) -> None:
    """Within 1e-6."""
    trained, evaluated = tiny_file.with_name("trained.json"), tiny_file.with_name("evaluated.json")
    assert command("train", tiny_file, "--store", store, "--json", trained, *QUICK).code == 0
    assert command("evaluate", "tiny", tiny_file, "--store", store, "--json", evaluated).code == 0
    expected: dict[str, Any] = json.loads(trained.read_text(encoding="utf-8"))
    found: dict[str, Any] = json.loads(evaluated.read_text(encoding="utf-8"))
    assert found["digest"] == expected["digest"]
    for field in ("train_loss", "dev_loss", "test_loss"):
        assert found[field] == pytest.approx(expected[field], abs=1e-6)
    assert found["quality"]["count"] == 10_000
    assert 0 < found["quality"]["uniqueness"]["10000"] <= found["quality"]["uniqueness"]["1000"] <= 1
    assert found["quality"]["distances"].keys() == found["quality"]["noise_floor"].keys()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "no model named nobody"),
        (["../tiny"], "cannot name a model"),
        (["tiny", "--digest", "0" * 64], "0000"),
        (["tiny", "--digest", "abc"], "not a digest"),
    ],
)
def test_evaluate_says_what_it_does_not_find(
    arguments: list[str], said: str, command: Command, tiny_file: Path, store: Path
) -> None:
    assert command("train", tiny_file, "--store", store, *QUICK).code == 0
    name, *options = arguments
    line = assert_one_error_line(command("evaluate", name, tiny_file, "--store", store, *options), 1)
    assert said in line


def test_evaluate_names_a_character_that_the_model_does_not_know(
    command: Command, tiny_file: Path, store: Path
) -> None:
    assert command("train", tiny_file, "--store", store, *QUICK).code == 0
    other = tiny_file.with_name("other.txt")
    other.write_text("lako\nzulu\n", encoding="utf-8")
    line = assert_one_error_line(command("evaluate", "tiny", other, "--store", store), 1)
    assert "'z'" in line


def test_a_checkpoint_file_is_published_under_a_name_with_its_list(
    command: Command, tiny_file: Path, store: Path, tmp_path: Path
) -> None:
    assert command("train", tiny_file, "--store", store, *QUICK).code == 0
    digest = Store(store).current("tiny")
    file = store / "tiny" / "versions" / digest / MODEL_FILE
    other = tmp_path / "other"
    assert command("publish", file, "--name", "copy", "--data", tiny_file, "--store", other).code == 0
    version = Store(other).load("copy")
    assert version.digest == digest
    assert version.training_names == Store(store).load("tiny").training_names
    assert command("publish", file, "--name", "bare", "--store", other).code == 0
    assert Store(other).load("bare").training_names is None


def test_a_pickled_file_is_refused_and_nothing_written(command: Command, tmp_path: Path, store: Path) -> None:
    file = tmp_path / "model.pt"
    torch.save({"weight": torch.zeros(3)}, file)
    line = assert_one_error_line(command("publish", file, "--name", "pickled", "--store", store), 1)
    assert "pickled files are never read" in line
    assert not store.exists()


@pytest.mark.parametrize("content", [None, b"", b"\x00" * 7, b"{}" * 100])
def test_a_file_that_is_no_checkpoint_is_refused(
    content: bytes | None, command: Command, tmp_path: Path, store: Path
) -> None:
    file = tmp_path / "model.safetensors"
    if content is not None:
        file.write_bytes(content)
    assert str(file) in assert_one_error_line(command("publish", file, "--name", "broken", "--store", store), 1)
    assert not store.exists()


def test_publish_refuses_a_bad_name_and_writes_nothing(command: Command, store: Path) -> None:
    digest = Store(BUNDLED).current("us-names")
    file = BUNDLED / "us-names" / "versions" / digest / MODEL_FILE
    assert_one_error_line(command("publish", file, "--name", "../escape", "--store", store), 1)
    assert not store.exists()
    assert not store.with_name("escape").exists()


def test_list_shows_own_and_bundled_models(command: Command, tiny_file: Path, store: Path) -> None:
    assert command("train", tiny_file, "--store", store, *QUICK).code == 0
    outcome = command("list", "--store", store)
    assert outcome.code == 0
    assert "tiny" in outcome.out
    assert Store(store).current("tiny")[:12] in outcome.out
    assert "us-names" in outcome.out


def test_list_of_an_empty_store_shows_the_bundled_models(command: Command, store: Path) -> None:
    outcome = command("list", "--store", store)
    assert (outcome.code, outcome.err) == (0, "")
    assert "us-names" in outcome.out
    assert not store.exists()


def test_list_shows_a_damaged_version_among_the_others(command: Command, tiny_file: Path, store: Path) -> None:
    assert command("train", tiny_file, "--store", store, *QUICK).code == 0
    (store / "tiny" / "versions" / Store(store).current("tiny") / MODEL_FILE).write_bytes(b"damaged")
    outcome = command("list", "--store", store)
    assert (outcome.code, outcome.err) == (0, "")
    assert re.search(r"tiny .*damaged", outcome.out)
    assert "us-names" in outcome.out


def test_a_terminal_that_knows_fewer_letters_gets_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    monkeypatch.setattr(cli, "app", lambda: sys.stdout.write("only in a: é, ü\n"))
    cli.main()
    sys.stdout.flush()
    assert written.getvalue() == b"only in a: \\xe9, \\xfc\n"
