"""What `train --tensorboard` logs, and what it says where TensorBoard is missing."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.conftest import Outcome

Command = Callable[..., Outcome]


def test_without_tensorboard_one_line_says_what_to_install(
    command: Command, tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    logs, store = tmp_path / "logs", tmp_path / "store"
    outcome = command("train", tiny_file, "--preset", "fast", "--steps", "2", "--store", store, "--tensorboard", logs)
    assert outcome.code == 1
    assert "pip install tensorboard" in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert not logs.exists()
    assert not store.exists()


@pytest.mark.filterwarnings("ignore")
def test_losses_and_settings_are_logged_as_the_result_has_them(
    command: Command, tiny_file: Path, tmp_path: Path
) -> None:
    """Within 1e-6: TensorBoard keeps single precision."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs, result = tmp_path / "logs", tmp_path / "result.json"
    options = (
        "--preset",
        "fast",
        "--steps",
        "30",
        "--store",
        tmp_path / "store",
        "--tensorboard",
        logs,
        "--json",
        result,
    )
    assert command("train", tiny_file, *options).code == 0
    facts = json.loads(result.read_text(encoding="utf-8"))
    (run,) = logs.iterdir()
    events = EventAccumulator(str(run))
    events.Reload()
    dev = events.Scalars("loss/dev")
    assert [event.step for event in dev] == [point["step"] for point in facts["curve"]]
    assert [event.value for event in dev] == pytest.approx([point["dev_loss"] for point in facts["curve"]], abs=1e-6)
    assert {event.step for event in events.Scalars("loss/train")} >= {event.step for event in dev}
    for part in ("train", "dev", "test"):
        (final,) = events.Scalars(f"final/{part}_loss")
        assert final.value == pytest.approx(facts[f"{part}_loss"], abs=1e-6)
