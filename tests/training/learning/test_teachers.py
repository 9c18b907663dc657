"""The ensemble: what it says, what it makes up, how much each lesson counts, and whole runs that it teaches."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from model.compiler.compile_model import compile_model
from model.network import checkpoint
from model.network.stack import Stack
from model.sampling.language_model import LanguageModel
from model.store.store import Store
from model.text.vocabulary import Vocabulary
from model.transitions.shaping import ShapeSettings
from tests.training.conftest import Outcome, hurried
from training.data.counted_list import CountedList, count_list
from training.data.evaluation import probabilities
from training.data.read_list import NameList
from training.data.splits import SplitRule
from training.learning import teachers
from training.learning.lessons import Lessons, counting, observed
from training.learning.resumable_run import ResumableRun
from training.learning.teachers import Ensemble, taught
from training.recipe.presets import PRESETS, Teaching
from training.recipe.stacks import tanh_stack
from training.run.run import Config, fit

Command = Callable[..., Outcome]
TAUGHT = {"careful": [("4", "4")], "standard": [("1", "1")], "best": [("2", "2")]}
"""The last step of the teachers, and how many they take: as many as there are networks, where a small list leaves each
a seventeenth of its 20."""
BLOCK_SIZE = 3


@pytest.fixture(scope="module")
def data(tiny: NameList) -> CountedList:
    return count_list(tiny, SplitRule.NAMES, Vocabulary.from_names(tiny.names), BLOCK_SIZE)


@pytest.fixture(scope="module")
def ensemble(data: CountedList) -> Ensemble:
    """Two untrained networks and counts of two characters."""
    symbols = data.vocabulary.size
    networks = [Stack.build(tanh_stack(symbols, BLOCK_SIZE, dim=4, width=8)) for _ in range(2)]
    for seed, network in enumerate(networks):
        network.reset_parameters(torch.Generator().manual_seed(seed))
    return Ensemble(networks, counting(data.counts_of(2)), 2, 0.35)


def test_what_the_ensemble_says_is_the_weighted_mean_of_its_parts(ensemble: Ensemble, data: CountedList) -> None:
    contexts = data.train.contexts.long()
    found = ensemble(contexts)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.sum(1), torch.ones(len(contexts), dtype=torch.float64), rtol=1e-12, atol=0)
    first, second = (probabilities(network, contexts) for network in ensemble.networks)
    counted = torch.from_numpy(ensemble.counts(contexts[:, -2:].numpy()))
    torch.testing.assert_close(found, 0.65 * (first + second) / 2 + 0.35 * counted, rtol=1e-12, atol=1e-15)


def test_both_parts_of_the_lessons_have_their_share_of_the_weight() -> None:
    weights = teachers._together(torch.tensor([3.0, 1.0]).double(), torch.tensor([50.0]).double(), 0.25)
    assert weights.tolist() == pytest.approx([3 * 0.75, 0.75, 0.25 * 4])


class Scripted:
    """Says that after the boundary comes a, after a one of b and the end, after b the end."""

    symbols = 3

    def __call__(self, contexts: Tensor) -> Tensor:
        says = torch.tensor([[0.0, 1.0, 0.0], [0.25, 0.0, 0.75], [1.0, 0.0, 0.0]], dtype=torch.float64)
        return says[contexts[:, -1]]


def teaching_of(invented: int) -> Teaching:
    return Teaching(1, PRESETS["fast"], counting_share=0.5, invented=invented)


@pytest.mark.parametrize("at_once", [100_000, 300])
def test_names_are_made_up_from_their_beginning_and_contexts_counted_as_often_as_they_came_up(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teachers, "rows_at_once", lambda _: at_once)
    count, generator = 4_000, torch.Generator().manual_seed(1)
    contexts, times = teachers._invented(Scripted(), teaching_of(count), 2, generator)  # type: ignore[arg-type]
    weights = dict(zip(map(tuple, contexts.tolist()), times.tolist(), strict=True))
    assert set(weights) == {(0, 0), (0, 1), (1, 2)}
    assert weights[0, 0] == weights[0, 1] == count
    assert weights[1, 2] == pytest.approx(0.75 * count, abs=5 * (count * 0.75 * 0.25) ** 0.5)


def test_names_that_never_end_are_made_up_to_a_bound() -> None:
    class Endless:
        symbols = 2

        def __call__(self, contexts: Tensor) -> Tensor:
            return torch.tensor([[0.0, 1.0]], dtype=torch.float64).expand(len(contexts), -1)

    _, times = teachers._invented(Endless(), teaching_of(3), 2, torch.Generator())  # type: ignore[arg-type]
    assert float(times.sum()) == 3 * teachers.MAX_LETTERS


def test_made_up_contexts_can_be_reached_one_from_another(ensemble: Ensemble) -> None:
    contexts, _ = teachers._invented(ensemble, teaching_of(200), BLOCK_SIZE, torch.Generator().manual_seed(3))
    known = Counter(map(tuple, contexts.tolist()))
    beginnings = {(0,) * BLOCK_SIZE}
    for context in known:
        assert context in beginnings or any(before[1:] == context[:-1] for before in known)
        assert context in beginnings or context[-1] != 0  # nothing follows an end


def lessons_of(data: CountedList, teaching: Teaching) -> Lessons:
    course = ResumableRun()
    course.generator.manual_seed(1)
    return taught(data, teaching, course, "cpu", lambda *_: None)


@pytest.mark.parametrize("power", [1.0, 0.75, 0.0])
def test_contexts_count_by_a_power_of_their_frequency_and_as_much_in_all(data: CountedList, power: float) -> None:
    teaching = hurried("careful", 2).teaching
    assert teaching
    lessons = lessons_of(data, replace(teaching, networks=1, weight_power=power))
    counts = observed(data.train).weights
    assert torch.equal(lessons.contexts, data.train.contexts)
    expected = counts**power / (counts**power).sum() * counts.sum()
    torch.testing.assert_close(lessons.weights, expected)
    torch.testing.assert_close(lessons.targets[torch.arange(len(counts))].sum(1), torch.ones(len(counts)))


@pytest.mark.parametrize("invented", [0, 50])
def test_what_is_taught_is_what_the_ensemble_says(
    ensemble: Ensemble, data: CountedList, invented: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teachers, "_trained", lambda *_: ensemble)
    lessons = lessons_of(data, teaching_of(invented))
    assert (len(lessons.contexts) > len(data.train.contexts)) == (invented > 0)
    targets = lessons.targets[torch.arange(len(lessons.contexts))]
    torch.testing.assert_close(targets, ensemble(lessons.contexts.long()).float(), rtol=1e-6, atol=1e-7)


def test_made_up_names_are_taught_beside_the_list(data: CountedList) -> None:
    teaching = hurried("best", 2).teaching
    assert teaching
    lessons = lessons_of(data, teaching)
    total, own = float(observed(data.train).weights.sum()), len(data.train.contexts)
    assert len(lessons.contexts) > own
    assert float(lessons.weights.sum()) == pytest.approx(total)
    assert float(lessons.weights[own:].sum()) == pytest.approx(total * teaching.invented_share)


def test_progress_counts_the_steps_of_all_teachers_and_their_time_is_training(tiny: NameList) -> None:
    told: list[int] = []
    preset = hurried("careful", 3)
    assert preset.teaching
    result = fit(tiny, Config(preset), teaching_progress=lambda step, *_: told.append(step))
    assert told == [3, 6, 9, 12]
    assert told[-1] == preset.teaching.steps
    alone = fit(tiny, Config(replace(preset, teaching=None)))
    assert result.history.points[0].seconds > alone.history.points[0].seconds
    assert result.history.seconds <= result.seconds


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("count", [2, 50])
@pytest.mark.parametrize("weighted", [False, True])
def test_lists_of_any_size_are_trained_on(count: int, weighted: bool, preset: str) -> None:
    names = [f"{a}{b}" for a in "abcdefghij" for b in "klmno"][:count]
    weights = np.linspace(0.1, 3, count) if weighted else np.ones(count)
    chosen = hurried(preset, 4)
    list_of_names = NameList(names, weights / weights.mean(), "some.txt")
    result = fit(list_of_names, Config(chosen, block_size=chosen.block_size))
    assert np.isfinite(result.losses.train)
    assert (result.losses.dev is None) == (count < 50)
    assert checkpoint.loads(result.data).block_size == chosen.block_size


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_trained_published_and_sampled_from(
    preset: str, command: Command, tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, preset, hurried(preset, 20))
    store = tmp_path / "store"
    where = ("--store", store, "--device", "cpu", "--force")
    outcome = command("train", tiny_file, "--preset", preset, "--steps", "20", *where)
    assert outcome.code == 0
    assert "step 20 of 20" in outcome.out
    told = re.findall(r"teachers: step (\d+) of (\d+)", outcome.out)
    assert told[-1:] == TAUGHT.get(preset, [])
    model = Store(store).load("tiny").checkpoint
    assert model.block_size == PRESETS[preset].block_size
    drawn = LanguageModel(compile_model(model, None)).sampler(ShapeSettings(), [], None).draw(0, 20)
    assert sum(len(draws.decode(model.vocabulary)) for draws in drawn) == 20
