"""The optimisers of a preset and how their rates run."""

from collections.abc import Callable

from torch import Tensor
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from model.network.layers import Linear
from model.network.stack import Stack
from training.learning.muon import Muon
from training.learning.snapshots import State
from training.recipe.presets import Preset

_SECOND_HALF_FACTOR = 0.1
_RISE = 0.2
"""The share of the steps in which the rate of a one-cycle schedule rises; one step at the least."""


def optimizers(stack: Stack, preset: Preset) -> list[Optimizer]:
    """Each parameter belongs to one of them. With Muon (Jordan 2024) that is the weights of the hidden Linear layers,
    whose updates it orthogonalises; embedding, output and vectors are AdamW's."""
    if preset.optimizer == "sgd":
        return [SGD(stack.parameters(), lr=preset.learning_rate)]
    hidden = _hidden_weights(stack) if preset.optimizer == "muon" else []
    others = [tensor for tensor in stack.parameters() if not any(tensor is weight for weight in hidden)]
    found: list[Optimizer] = []
    if others:
        found.append(AdamW(others, lr=preset.learning_rate, weight_decay=preset.weight_decay))
    if hidden:
        found.append(Muon(hidden, lr=preset.matrix_rate))
    return found


def schedule(optimizer: Optimizer, preset: Preset) -> LRScheduler:
    """To be stepped once after each training step."""
    if preset.schedule == "halves":
        return LambdaLR(optimizer, _halves(preset.steps))
    # One step more than is taken: the scheduler is also asked for the rate after the last one.
    rates = [group["lr"] for group in optimizer.param_groups]
    total = preset.steps + 1
    rise = max(_RISE, 2 / total)  # torch takes a step off, and divides by what is left: zero for 4 steps
    return OneCycleLR(optimizer, max_lr=rates, total_steps=total, pct_start=rise)


def load_optimizer(optimizer: Optimizer, state: State) -> None:
    """Takes its `state_dict`, also as it comes back from JSON: numbers of parameters as text, pairs as lists."""
    groups = [
        {key: tuple(value) if isinstance(value, list) and key != "params" else value for key, value in group.items()}
        for group in state["param_groups"]
    ]
    numbered = {int(number): tensors for number, tensors in state["state"].items()}
    optimizer.load_state_dict({"state": numbered, "param_groups": groups})


def set_step(its_schedule: LRScheduler, step: int) -> None:
    """As if stepped so often: the rate depends on nothing else. The optimiser's own is left as it is."""
    its_schedule.load_state_dict({**its_schedule.state_dict(), "last_epoch": step, "_step_count": step + 1})


def _halves(steps: int) -> Callable[[int], float]:
    return lambda step: 1.0 if step < steps / 2 else _SECOND_HALF_FACTOR


def _hidden_weights(stack: Stack) -> list[Tensor]:
    linears = [layer for layer in stack.layers if isinstance(layer, Linear)]
    return [layer.weight for layer in linears[:-1]]
