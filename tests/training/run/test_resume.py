"""A run that is stopped anywhere and goes on comes to the bytes of one that was not."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from training.data.read_list import NameList
from training.data.splits import SplitRule
from training.diagnosis import diagnostics
from training.diagnosis.recorder import Recorder
from training.learning.resumable_run import ResumableRun
from training.learning.snapshots import Snapshots
from training.recipe.presets import PRESETS, Preset
from training.run.run import Config, Result, fit
from training.run.run_key import run_key

STEPS, TEACHER_STEPS = 5, 4


class Stopped(Exception):  # noqa: N818
    """Stands for Ctrl-C."""


def short(name: str) -> Preset:
    """A preset, a few steps of it, told of each; small networks where it has large ones."""
    preset = replace(PRESETS[name], steps=STEPS, evaluate_every=1, block_size=3)
    preset = replace(preset, layers=partial(preset.layers, dim=4, width=12))
    if preset.teaching is None:
        return preset
    each = preset.teaching.preset
    each = replace(each, steps=TEACHER_STEPS, evaluate_every=1, layers=partial(each.layers, dim=4, width=12))
    networks, invented = min(2, preset.teaching.networks), min(50, preset.teaching.invented)
    return replace(preset, teaching=replace(preset.teaching, preset=each, networks=networks, invented=invented))


def run(
    names: NameList, config: Config, course: ResumableRun | None = None, stop_at: int | None = None
) -> tuple[Result, bytes]:
    """The result and the diagnostics, unless it is stopped when it tells of step `stop_at`, teachers' steps counted."""
    preset = config.preset
    taught = preset.all_steps - preset.steps

    def told(before: int, step: int, *_: float | None) -> None:
        if before + step == stop_at:
            raise Stopped

    recorder = Recorder(preset.steps)
    result = fit(names, config, recorder.beside(partial(told, taught)), recorder, partial(told, 0), course)
    return result, diagnostics.dumps(recorder.result())


@pytest.fixture
def snapshots(tmp_path: Path) -> Callable[[], Snapshots]:
    """The same file each time, written after every step."""
    return lambda: Snapshots(tmp_path / "runs", "key", every=0)


@pytest.mark.parametrize("name", PRESETS)
def test_a_run_stopped_anywhere_goes_on_to_the_same_bytes(
    name: str, tiny: NameList, snapshots: Callable[[], Snapshots]
) -> None:
    """In a teacher, between two networks, in the student, in its last step, and after it."""
    config = Config(short(name), seed=3)
    whole = run(tiny, config)
    total = config.preset.all_steps
    for stop_at in range(2, total + 1):
        with pytest.raises(Stopped):
            run(tiny, config, ResumableRun(snapshots()), stop_at)
        found = snapshots().read()
        assert found is not None
        assert found["steps"] == stop_at - 1
        resumed = run(tiny, config, ResumableRun(snapshots(), found))
        assert resumed[0].data == whole[0].data
        assert resumed[1] == whole[1]
        assert [point.step for point in resumed[0].history.points] == list(range(1, STEPS + 1))
        last = snapshots().read()
        assert last is not None
        assert last["steps"] == total
        assert run(tiny, config, ResumableRun(snapshots(), last))[0].data == whole[0].data
        snapshots().remove()


def test_a_run_may_be_stopped_again_and_again(tiny: NameList, snapshots: Callable[[], Snapshots]) -> None:
    config = Config(short("careful"))
    for stop_at in range(1, config.preset.all_steps + 1):
        with pytest.raises(Stopped):
            run(tiny, config, ResumableRun(snapshots(), snapshots().read()), stop_at)
    assert run(tiny, config, ResumableRun(snapshots(), snapshots().read()))[0].data == run(tiny, config)[0].data


def test_seconds_of_all_parts_are_added_up(tiny: NameList, snapshots: Callable[[], Snapshots]) -> None:
    config = Config(short("careful"))
    with pytest.raises(Stopped):
        run(tiny, config, ResumableRun(snapshots()), 6)
    found = snapshots().read()
    assert found is not None
    found["seconds"] += 1000.0
    result, _ = run(tiny, config, ResumableRun(None, found))
    seconds = [point.seconds for point in result.history.points]
    assert seconds == sorted(seconds)
    assert 1000 < result.history.seconds < 1060
    assert 1000 < result.seconds < 1060


def test_progress_begins_where_the_run_goes_on(tiny: NameList, snapshots: Callable[[], Snapshots]) -> None:
    config = Config(short("careful"))
    with pytest.raises(Stopped):
        run(tiny, config, ResumableRun(snapshots()), 2 * TEACHER_STEPS + 3)
    told: list[int] = []
    teaching: list[int] = []
    course = ResumableRun(snapshots(), snapshots().read())
    fit(tiny, config, lambda step, *_: told.append(step), None, lambda step, *_: teaching.append(step), course)
    assert teaching == [TEACHER_STEPS, 2 * TEACHER_STEPS]
    assert told == [2, 3, 4, 5]


def test_snapshots_change_no_result_and_are_written_only_now_and_then(tiny: NameList, tmp_path: Path) -> None:
    config = Config(short("fast"))
    rarely = Snapshots(tmp_path / "runs", "key", every=1000)
    assert run(tiny, config, ResumableRun(rarely))[0].data == run(tiny, config)[0].data
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"split": SplitRule.LECTURE},
        {"block_size": 4},
        {"gain": 1.0},
        {"device": "cuda"},
        {"layers": [{"type": "Flatten"}]},
        {"preset": short("best")},
        {"preset": replace(short("careful"), steps=6)},
        {"preset": replace(short("careful"), weight_decay=0.5)},
        {"preset": replace(short("careful"), layers=short("best").layers)},
    ],
    ids=["seed", "split", "block size", "gain", "device", "layer list", "preset", "steps", "decay", "layers"],
)
def test_another_configuration_is_another_run(other: dict[str, object], tiny: NameList) -> None:
    config = Config(short("careful"))
    assert run_key(tiny, config) == run_key(tiny, Config(short("careful")))
    assert run_key(tiny, replace(config, **other)) != run_key(tiny, config)  # type: ignore[arg-type]


def test_another_list_or_teacher_is_another_run(tiny: NameList) -> None:
    config = Config(short("careful"))
    others = [
        NameList(tiny.names[::-1], tiny.weights, tiny.source),
        NameList(tiny.names, tiny.weights * 2, tiny.source),
        NameList(tiny.names, tiny.weights, "other.txt"),
    ]
    teaching = config.preset.teaching
    assert teaching is not None
    for changed in (
        replace(teaching, counting_share=0.1),
        replace(teaching, preset=replace(teaching.preset, learning_rate=0.5)),
        replace(teaching, preset=replace(teaching.preset, layers=partial(teaching.preset.layers, width=13))),
    ):
        assert run_key(tiny, Config(replace(config.preset, teaching=changed))) != run_key(tiny, config)
    assert all(run_key(other, config) != run_key(tiny, config) for other in others)
