"""A run that gets too little memory, whoever says so: one line, and nothing half-written."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.training.conftest import Outcome
from training.run.memory import ShortOfMemoryError, enough_memory

Command = Callable[..., Outcome]
TORCH_SAYS = "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError(TORCH_SAYS), torch.OutOfMemoryError("CUDA")])
def test_a_run_without_enough_memory_is_one_line_and_leaves_nothing(
    error: Exception, command: Command, tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise error

    store = tmp_path / "store"
    with monkeypatch.context() as patch:
        patch.setattr("training.run.run.count_list", fails)
        outcome = command("train", tiny_file, "--store", store)
        assert outcome.code == 1
        (line,) = outcome.err.splitlines()
        assert line.startswith("error: not enough memory for this run; nothing was published.")
        lists = tmp_path / "lists"
        lists.mkdir()
        (lists / "some.txt").write_bytes(tiny_file.read_bytes())
        told = command("train-all", lists, "--store", store)
        assert told.code == 1
        assert "some.txt: failed: not enough memory" in " ".join(told.err.split())
    assert not store.exists()


def test_other_errors_are_told_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="something else"), enough_memory():
        raise RuntimeError("something else")
    with pytest.raises(ShortOfMemoryError), enough_memory():
        raise MemoryError


def test_an_alphabet_beyond_16_bits_is_refused_in_one_line(command: Command, tmp_path: Path) -> None:
    """One rare line, as of a file that is no list."""
    letters = [chr(code) for code in (*range(0x3400, 0xA48D), *range(0x20000, 0x2A6E0))]
    path, store = tmp_path / "strange.txt", tmp_path / "store"
    lines = ["".join(letters[start : start + 60]) for start in range(0, len(letters), 60)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    outcome = command("train", path, "--store", store)
    assert outcome.code == 1
    (line,) = outcome.err.splitlines()
    assert line.startswith("error: a vocabulary holds at most 65,535 different letters, not 7")
    assert not store.exists()
