"""The loop against one written out by hand, and what it reports."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from model.network.batch_norm import BatchNorm1d
from model.network.layers import Embedding, Linear
from model.network.stack import Stack
from model.text.vocabulary import Vocabulary
from tests.training.conftest import hurried
from training.data.evaluation import cross_entropy
from training.data.examples import Counts, Examples, count_examples, make_examples
from training.data.read_list import NameList
from training.learning.lessons import smoothed
from training.learning.loop import TrainingError, recalibrate, train
from training.learning.objectives import MiniBatches, SoftTargets
from training.recipe.presets import PRESETS, Preset, override
from training.recipe.stacks import tanh_stack
from training.run.run import Config, fit

BLOCK_SIZE = 3
CLASSIC = PRESETS["classic"]


def new_stack(symbols: int) -> Stack:
    stack = Stack.build(tanh_stack(symbols, BLOCK_SIZE, dim=4, width=12))
    stack.reset_parameters(torch.Generator().manual_seed(3))
    return stack


@pytest.fixture(scope="module")
def examples(tiny_names: list[str]) -> Examples:
    return make_examples(tiny_names, [1.0] * len(tiny_names), Vocabulary.from_names(tiny_names), BLOCK_SIZE)


@pytest.fixture(scope="module")
def symbols(tiny_names: list[str]) -> int:
    return Vocabulary.from_names(tiny_names).size


@pytest.fixture(scope="module")
def counts(examples: Examples, symbols: int) -> Counts:
    return count_examples(examples, symbols)


@pytest.mark.parametrize("steps", [2, 10, 20])
def test_the_classic_run_equals_the_loop_of_the_lectures(examples: Examples, symbols: int, steps: int) -> None:
    """Learning rate 0.1, and 0.01 for the second half; equal parameters within 1e-6."""
    stack, twin = new_stack(symbols), new_stack(symbols)
    objective = MiniBatches(examples, 32, torch.Generator().manual_seed(9))
    train(stack, objective, None, override(CLASSIC, steps, None, None))

    generator = torch.Generator().manual_seed(9)
    parameters = [tensor.requires_grad_() for tensor in twin.train().parameters()]
    for i in range(steps):
        drawn = torch.randint(0, len(examples), (32,), generator=generator)
        loss = F.cross_entropy(twin(examples.contexts[drawn].long()), examples.targets[drawn].long())
        for p in parameters:
            p.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        lr = 0.1 if i < steps // 2 else 0.01
        for p in parameters:
            assert p.grad is not None
            p.data += -lr * p.grad
    for (name, tensor), other in zip(stack.state().items(), twin.state().values(), strict=True):
        torch.testing.assert_close(tensor, other, rtol=0, atol=1e-6, msg=name)


def all_contexts(counts: Counts) -> SoftTargets:
    return SoftTargets(smoothed(counts), None, torch.Generator())


def recalibrate_on(stack: Stack, counts: Counts) -> None:
    recalibrate(stack, counts.contexts, counts.weights)


@pytest.mark.parametrize("preset", [override(CLASSIC, 200, None, None), override(PRESETS["fast"], 30, None, None)])
def test_training_lowers_the_loss(examples: Examples, counts: Counts, symbols: int, preset: Preset) -> None:
    stack = new_stack(symbols)
    recalibrate_on(stack, counts)
    before = cross_entropy(stack, counts)
    batches = MiniBatches(examples, 32, torch.Generator().manual_seed(1))
    train(stack, batches if preset.targets == "examples" else all_contexts(counts), None, preset)
    recalibrate_on(stack, counts)
    after = cross_entropy(stack, counts)
    assert before == pytest.approx(math.log(symbols), abs=0.1)
    assert after < before - 0.3


def test_training_leaves_evaluation_mode_and_no_gradients(counts: Counts, symbols: int) -> None:
    stack = new_stack(symbols)
    train(stack, all_contexts(counts), None, override(PRESETS["fast"], 3, None, None))
    assert not any(layer.training for layer in stack.layers)
    assert not any(tensor.requires_grad for tensor in stack.parameters())


@pytest.mark.parametrize("evaluate_every", [1, 10, 1_000])
def test_a_loss_that_is_not_a_number_stops_the_run_and_names_the_step(
    examples: Examples, symbols: int, evaluate_every: int
) -> None:
    stack = Stack.build([layer for layer in tanh_stack(symbols, 3, 4, 12) if layer["type"] != "BatchNorm1d"])
    stack.reset_parameters(torch.Generator().manual_seed(3))
    preset = replace(CLASSIC, learning_rate=1e38, steps=150, evaluate_every=evaluate_every)
    with pytest.raises(TrainingError, match=r"the loss became (nan|inf) by step \d+: lower the learning rate"):
        train(stack, MiniBatches(examples, 32, torch.Generator()), None, preset)


def test_the_history_holds_a_point_after_each_interval_and_the_last_step(counts: Counts, symbols: int) -> None:
    stack = new_stack(symbols)
    preset = replace(PRESETS["fast"], steps=25, evaluate_every=10)
    calls: list[tuple[int, float, float | None]] = []
    history = train(stack, all_contexts(counts), counts, preset, lambda *args: calls.append(args))
    assert [point.step for point in history.points] == [10, 20, 25]
    assert history.points[-1].dev_loss == pytest.approx(cross_entropy(stack, counts), abs=1e-6)
    seconds = [point.seconds for point in history.points]
    assert seconds == sorted(seconds)
    assert history.seconds == seconds[-1] > 0
    assert calls == [(point.step, point.train_loss, point.dev_loss) for point in history.points]


def test_without_held_out_names_the_points_have_no_dev_loss(counts: Counts, symbols: int) -> None:
    history = train(new_stack(symbols), all_contexts(counts), None, override(PRESETS["fast"], 3, None, None))
    assert history.points
    assert all(point.dev_loss is None and math.isfinite(point.train_loss) for point in history.points)


def test_looking_at_the_dev_loss_does_not_change_the_result(examples: Examples, counts: Counts, symbols: int) -> None:
    stacks = [new_stack(symbols), new_stack(symbols)]
    for stack, dev, every in zip(stacks, (counts, None), (1, 20), strict=True):
        preset = replace(CLASSIC, steps=20, evaluate_every=every)
        train(stack, MiniBatches(examples, 32, torch.Generator().manual_seed(1)), dev, preset)
    for tensor, other in zip(stacks[0].state().values(), stacks[1].state().values(), strict=True):
        assert torch.equal(tensor, other)


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_recalibration_gives_the_exact_statistics_of_all_data_layer_by_layer(
    tiny_names: list[str], symbols: int, weight: float
) -> None:
    """Against numpy in float64 over every example, repeats included; within 1e-5."""
    vocabulary = Vocabulary.from_names(tiny_names)
    weights = [weight if i % 3 == 0 else 1.0 for i in range(len(tiny_names))]
    weighed = make_examples(tiny_names, weights, vocabulary, BLOCK_SIZE)
    repeated = [name for name, times in zip(tiny_names, weights, strict=True) for _ in range(int(times))]
    examples = make_examples(repeated, [1.0] * len(repeated), vocabulary, BLOCK_SIZE)
    stack = new_stack(symbols)
    batches = MiniBatches(weighed, 32, torch.Generator().manual_seed(1))
    train(stack, batches, None, override(CLASSIC, 30, None, None))
    recalibrate_on(stack, count_examples(weighed, symbols))

    def array(tensor: torch.Tensor) -> NDArray[np.float64]:
        return tensor.double().numpy()

    x: NDArray[np.float64] = np.empty(0)
    for layer in stack.layers:
        if isinstance(layer, Embedding):
            x = array(layer.weight)[examples.contexts.numpy()]
        elif isinstance(layer, Linear):
            x = x @ array(layer.weight)
        elif isinstance(layer, BatchNorm1d):
            mean, var = x.mean(axis=0), x.var(axis=0, ddof=1)
            np.testing.assert_allclose(array(layer.running_mean), mean, rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(array(layer.running_var), var, rtol=1e-5, atol=1e-5)
            x = array(layer.gamma) * (x - mean) / np.sqrt(var + layer.eps) + array(layer.beta)
        elif type(layer).__name__ == "Flatten":
            x = x.reshape(len(x), -1)
        else:
            x = np.tanh(x)
    assert x.shape == (len(examples), symbols)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_seed_gives_one_digest_and_another_seed_another(tiny: NameList, preset: str) -> None:
    config = Config(hurried(preset, 5), seed=4, block_size=PRESETS[preset].block_size)
    first, second = fit(tiny, config), fit(tiny, config)
    assert first.digest == second.digest
    assert first.data == second.data
    assert fit(tiny, replace(config, seed=5)).digest != first.digest


@pytest.mark.parametrize("preset", PRESETS)
def test_the_global_random_state_neither_matters_nor_changes(tiny: NameList, preset: str) -> None:
    config = Config(hurried(preset, 5))
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = fit(tiny, config).digest
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert fit(tiny, config).digest == first
