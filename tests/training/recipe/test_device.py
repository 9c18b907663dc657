"""`--device`: what is chosen, and a run on a GPU where there is one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from model.errors import NamesmithError
from model.store.store import Store
from tests.training.conftest import Outcome
from training.console.device import Device, chosen_device

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize(("available", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_cuda_where_there_is_one(available: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert chosen_device(Device.auto) == expected
    assert chosen_device(Device.cpu) == "cpu"


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NamesmithError, match="--device cpu"):
        chosen_device(Device.cuda)


@needs_cuda
@pytest.mark.parametrize("options", [(), ("--batch-size", "64")], ids=["all contexts", "mini-batches"])
def test_a_gpu_reaches_the_losses_of_the_processor(
    options: tuple[str, ...], command: Callable[..., Outcome], tiny_file: Path, tmp_path: Path
) -> None:
    """Within 0.02 nats a character after 60 steps: sums are rounded in another order, and steps add that up."""
    losses = {}
    for device in ("cpu", "auto"):
        result, store = tmp_path / f"{device}.json", tmp_path / device
        arguments = (
            "--preset",
            "fast",
            "--steps",
            "60",
            "--device",
            device,
            "--store",
            store,
            "--json",
            result,
            *options,
        )
        assert command("train", tiny_file, *arguments).code == 0
        losses[device] = json.loads(result.read_text(encoding="utf-8"))
        assert all(tensor.device.type == "cpu" for tensor in Store(store).load("tiny").checkpoint.stack.parameters())
    for part in ("train_loss", "dev_loss", "test_loss"):
        assert losses["auto"][part] == pytest.approx(losses["cpu"][part], abs=0.02)
