"""The file of an interrupted run: whole or refused, and never in the way of the run."""

import random
import time
from pathlib import Path

import pytest
import torch

from training.learning import snapshots
from training.learning.resumable_run import ResumableRun
from training.learning.snapshots import SnapshotError, Snapshots, State

STATE: State = {
    "steps": 3,
    "seconds": 0.1 + 0.2,
    "stages": [{"stage": {"a": torch.arange(3.0), "b": [None, 1e-300, "ä", torch.tensor(2)]}, "generator": []}],
}


def test_what_is_written_comes_back_bit_by_bit() -> None:
    content = snapshots.dumps(STATE, "key")
    found = snapshots.loads(content, "key")
    assert snapshots.dumps(found, "key") == content
    assert found["seconds"] == STATE["seconds"]
    assert torch.equal(found["stages"][0]["stage"]["a"], STATE["stages"][0]["stage"]["a"])


def test_a_file_that_was_cut_off_or_changed_anywhere_is_refused() -> None:
    content = snapshots.dumps(STATE, "key")
    for length in range(len(content)):
        with pytest.raises(SnapshotError):
            snapshots.loads(content[:length], "key")
    drawn = random.Random(0)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << drawn.randrange(8)
        with pytest.raises(SnapshotError):
            snapshots.loads(bytes(changed), "key")


def test_a_file_of_another_run_under_this_one_s_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key.snapshot").write_bytes(snapshots.dumps(STATE, "other"))
    with pytest.raises(SnapshotError, match=r"key\.snapshot is damaged; leave out --resume"):
        Snapshots(tmp_path, "key").read()


@pytest.mark.parametrize(
    "state", [{}, {"steps": 1}, {**STATE, "more": 1}, {**STATE, "steps": "x"}, {**STATE, "stages": [{}]}, []]
)
def test_a_whole_file_that_says_something_else_is_refused(state: State, tmp_path: Path) -> None:
    """A file of this form that no run of this program wrote."""
    kept = Snapshots(tmp_path, "key")
    kept.path.write_bytes(snapshots.dumps(state, "key"))
    with pytest.raises(SnapshotError):
        ResumableRun(kept, kept.read()).enter(_Nothing())


class _Nothing:
    step = 0

    def state(self) -> State:
        return {"step": 0}

    def load_state(self, state: State) -> None:
        assert state


def test_nothing_but_the_newest_snapshot_lies_in_the_directory(tmp_path: Path) -> None:
    kept = Snapshots(tmp_path / "new" / "runs", "key", every=0)
    for _ in range(3):
        kept.write(STATE)
        assert [path.name for path in kept.path.parent.iterdir()] == ["key.snapshot"]
    kept.path.with_name(f".{kept.path.name}-123").write_bytes(b"what a killed process was writing")
    kept.remove()
    assert list(kept.path.parent.iterdir()) == []


def test_a_run_that_cannot_write_says_so_once_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the directory should be")
    said: list[str] = []
    kept = Snapshots(tmp_path / "runs", "key", every=0, warn=said.append)
    course = ResumableRun(kept)
    for _ in range(3):
        course.keep(_Nothing())
    kept.remove()
    assert len(said) == 1
    assert "the run continues without them" in said[0]


def test_on_a_slow_disk_snapshots_are_rarer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def slow(*_: object) -> None:
        now[0] += 2.0

    monkeypatch.setattr(snapshots, "replace_file", slow)
    kept = Snapshots(tmp_path, "key", every=10)
    now[0] = 10.0
    assert kept.due()
    kept.write(STATE)
    now[0] = 211.0
    assert not kept.due()
    now[0] = 212.0
    assert kept.due()
