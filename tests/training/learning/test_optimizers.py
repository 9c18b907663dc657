"""Who trains what, and how the rates run."""

import math
from dataclasses import replace

import pytest
import torch
from torch.optim import SGD, AdamW

from model.network.layers import Linear
from model.network.stack import Stack
from training.learning.muon import Muon
from training.learning.optimizers import optimizers, schedule
from training.recipe.presets import PRESETS, Layers, Preset
from training.recipe.stacks import forgetful_stack, forgetful_wide_stack, tanh_stack, wide_stack

STACKS = [tanh_stack, wide_stack, forgetful_stack, forgetful_wide_stack]
FAST = PRESETS["fast"]
KINDS = [PRESETS["classic"], replace(FAST, optimizer="adamw"), FAST]


def new_stack(layers: Layers) -> Stack:
    stack = Stack.build(layers(7, 3, dim=4, width=8))
    stack.reset_parameters(torch.Generator().manual_seed(1))
    return stack


@pytest.mark.parametrize("preset", KINDS, ids=lambda preset: preset.optimizer)
@pytest.mark.parametrize("layers", STACKS)
def test_every_parameter_belongs_to_one_optimiser(layers: Layers, preset: Preset) -> None:
    stack = new_stack(layers)
    held = [
        id(p) for optimizer in optimizers(stack, preset) for group in optimizer.param_groups for p in group["params"]
    ]
    assert sorted(held) == sorted(map(id, stack.parameters()))


@pytest.mark.parametrize("layers", STACKS)
def test_muon_gets_the_weights_of_the_hidden_linear_layers_alone(layers: Layers) -> None:
    stack = new_stack(layers)
    adam, muon = optimizers(stack, FAST)
    assert isinstance(adam, AdamW)
    assert isinstance(muon, Muon)
    linears = [layer.weight for layer in stack.layers if isinstance(layer, Linear)]
    assert [id(p) for group in muon.param_groups for p in group["params"]] == list(map(id, linears[:-1]))
    assert adam.param_groups[0]["lr"] == FAST.learning_rate
    assert muon.param_groups[0]["lr"] == FAST.matrix_rate


def test_without_muon_there_is_one_optimiser() -> None:
    stack = new_stack(tanh_stack)
    (plain,) = optimizers(stack, PRESETS["classic"])
    (adam,) = optimizers(stack, replace(FAST, optimizer="adamw"))
    assert isinstance(plain, SGD)
    assert isinstance(adam, AdamW)
    assert adam.param_groups[0]["weight_decay"] == FAST.weight_decay


def test_a_network_without_hidden_layers_is_trained_too() -> None:
    stack = Stack.build([{"type": "Linear", "in_features": 3, "out_features": 3}])
    (adam,) = optimizers(stack, FAST)
    assert isinstance(adam, AdamW)


def rates(preset: Preset, which: int = 0) -> list[float]:
    """The rate of each step."""
    used = optimizers(new_stack(tanh_stack), preset)
    schedules = [schedule(optimizer, preset) for optimizer in used]
    found: list[float] = []
    for _ in range(preset.steps):
        found.append(used[which].param_groups[0]["lr"])
        for optimizer, its_schedule in zip(used, schedules, strict=True):
            optimizer.step()
            its_schedule.step()
    return found


def halves(step: int, steps: int) -> float:
    return 1.0 if step < steps / 2 else 0.1


def one_cycle(step: int, steps: int) -> float:
    """Half a cosine from 1/25 up to the peak at a fifth, another down to 1/250,000 at the step after the last."""
    peak, end = 0.2 * (steps + 1) - 1, steps
    if step <= peak:
        return 1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * step / peak)) / 2
    least = 1 / 25 / 1e4
    return least + (1 - least) * (1 + math.cos(math.pi * (step - peak) / (end - peak))) / 2


@pytest.mark.parametrize("steps", [1, 2, 7, 40])
def test_the_rate_of_the_lectures_is_a_tenth_in_the_second_half(steps: int) -> None:
    preset = replace(PRESETS["classic"], steps=steps)
    assert rates(preset) == pytest.approx([0.1 * halves(step, steps) for step in range(steps)])


@pytest.mark.parametrize("steps", [20, 99, 400])
@pytest.mark.parametrize("which", [0, 1], ids=["AdamW", "Muon"])
def test_a_one_cycle_rate_rises_for_a_fifth_of_the_steps_and_falls_to_next_to_nothing(which: int, steps: int) -> None:
    preset = replace(FAST, steps=steps)
    most = (FAST.learning_rate, FAST.matrix_rate)[which]
    assert rates(preset, which) == pytest.approx([most * one_cycle(step, steps) for step in range(steps)], rel=1e-6)


@pytest.mark.parametrize("steps", range(1, 12))
def test_a_run_of_a_few_steps_has_rates_too(steps: int) -> None:
    found = rates(replace(FAST, steps=steps))
    assert all(0 < rate <= FAST.learning_rate for rate in found)


def test_each_step_lowers_a_simple_loss() -> None:
    """Both optimisers are stepped, each with its own rate."""
    stack = new_stack(tanh_stack)
    for tensor in stack.parameters():
        tensor.requires_grad_()
    before = [tensor.detach().clone() for tensor in stack.parameters()]

    def loss() -> torch.Tensor:
        return torch.stack([(p**2).sum() for p in stack.parameters()]).sum()

    first = loss()
    first.backward()  # type: ignore[no-untyped-call]
    for optimizer in optimizers(stack, replace(FAST, matrix_rate=0.01)):
        optimizer.step()
    assert float(loss().detach()) < float(first.detach())
    pairs = zip(stack.parameters(), before, strict=True)
    assert all(not torch.equal(tensor, old) for tensor, old in pairs if bool(old.any()))
