"""The ways to train. `docs/training.md` tells what was tried to find them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from model.transitions.context_tree import DEFAULT_CONTEXTS
from training.recipe.stacks import forgetful_stack, forgetful_wide_stack, tanh_stack, wide_stack

Layers = Callable[..., list[dict[str, Any]]]
"""The layer list for an alphabet of so many symbols and a context of so many characters; takes `dim` and `width`."""


@dataclass(frozen=True)
class Preset:
    """What is trained and how: layers, optimiser, schedule, batch size, number of steps, and what is taught.

    `targets` are `examples`, one next character at a time; `observed`, the shares of what followed a context;
    `smoothed`, Kneser-Ney estimates of them; or `taught`, what the ensemble of `teaching` says. `batch_size` None means
    every distinct context in each step. `matrix_rate` is Muon's rate.
    """

    name: str
    optimizer: Literal["sgd", "adamw", "muon"]
    schedule: Literal["halves", "one-cycle"]
    learning_rate: float
    batch_size: int | None
    steps: int
    evaluate_every: int
    targets: Literal["examples", "observed", "smoothed", "taught"] = "examples"
    matrix_rate: float = 0.0
    weight_decay: float = 0.01
    layers: Layers = tanh_stack
    block_size: int = 3
    contexts: int = DEFAULT_CONTEXTS
    """At most, of the tree that is served where the network has more."""
    teaching: "Teaching | None" = None

    @property
    def all_steps(self) -> int:
        """With those of the networks that teach."""
        return self.steps + (0 if self.teaching is None else self.teaching.steps)

    def facts(self) -> dict[str, Any]:
        """As a checkpoint keeps it: plain numbers and names."""
        names = ("optimizer", "schedule", "learning_rate", "batch_size", "steps", "targets")
        facts = {"preset": self.name, **{name: getattr(self, name) for name in names}}
        if self.optimizer == "muon":
            facts["matrix_rate"] = self.matrix_rate
        if self.teaching is not None:
            facts["teaching"] = self.teaching.facts()
        return facts


@dataclass(frozen=True)
class Teaching:
    """An ensemble of `networks`, each trained by `preset`, and Kneser-Ney counts of up to `counting_block_size`
    characters, which have `counting_share` of the say. Contexts count by their frequency to the power of
    `weight_power`: below 1 the rare ones, of which there are many, are learned better. `invented` names that it makes
    up are taught from too, with `invented_share` of the weight."""

    networks: int
    preset: Preset
    counting_share: float
    counting_block_size: int = 5
    weight_power: float = 1.0
    invented: int = 0
    invented_share: float = 0.5

    @property
    def steps(self) -> int:
        """Of all networks together."""
        return self.networks * self.preset.steps

    def facts(self) -> dict[str, Any]:
        names = ("networks", "counting_share", "counting_block_size", "weight_power", "invented", "invented_share")
        return {**{name: getattr(self, name) for name in names}, "each": self.preset.facts()}


_TEACHER = Preset(
    "teacher", "adamw", "one-cycle", learning_rate=0.02, batch_size=512, steps=1500, evaluate_every=1500,
    targets="observed", weight_decay=0.05, layers=forgetful_stack,
)  # fmt: skip
_WIDE_TEACHER = Preset(
    "wide teacher", "muon", "one-cycle", learning_rate=0.01, matrix_rate=0.04, batch_size=1024, steps=2000,
    evaluate_every=2000, targets="observed", weight_decay=0.05, layers=forgetful_wide_stack,
)  # fmt: skip
_LONG_TEACHER = Preset(
    "long teacher", "muon", "one-cycle", learning_rate=0.01, matrix_rate=0.04, batch_size=1024, steps=1200,
    evaluate_every=1200, targets="observed", weight_decay=0.05, layers=partial(forgetful_wide_stack, width=300),
)  # fmt: skip

_WHOLE_LIST = 150_000
"""Characters of a list from which on a preset takes all its steps."""
_LEAST_SHARE = 0.05

PRESETS = {
    preset.name: preset
    for preset in (
        # Gradient descent at 0.1, at 0.01 for the second half: the loop of Karpathy's makemore lectures.
        Preset("classic", "sgd", "halves", learning_rate=0.1, batch_size=32, steps=200_000, evaluate_every=10_000),
        # Muon (Jordan 2024) and AdamW (Loshchilov & Hutter 2019) under the one-cycle schedule (Smith & Topin 2018).
        Preset(
            "fast", "muon", "one-cycle", learning_rate=0.05, matrix_rate=0.25, batch_size=2048, steps=400,
            evaluate_every=10, targets="smoothed",
        ),
        Preset(
            "careful", "muon", "one-cycle", learning_rate=0.05, matrix_rate=0.25, batch_size=2048, steps=1500,
            evaluate_every=100, targets="taught",
            teaching=Teaching(4, _TEACHER, counting_share=0.35, weight_power=0.75),
        ),
        # The same stack with a longer memory, taught by one wide network that forgets.
        Preset(
            "standard", "muon", "one-cycle", learning_rate=0.05, matrix_rate=0.25, batch_size=2048, steps=2000,
            evaluate_every=100, targets="taught", block_size=8,
            teaching=Teaching(1, _LONG_TEACHER, counting_share=0.3, invented=20_000),
        ),
        Preset(
            "best", "muon", "one-cycle", learning_rate=0.03, matrix_rate=0.15, batch_size=1024, steps=2000,
            evaluate_every=100, targets="taught", layers=wide_stack, block_size=8, contexts=65_536,
            teaching=Teaching(2, _WIDE_TEACHER, counting_share=0.4, invented=20_000),
        ),
    )
}  # fmt: skip


def suited(preset: Preset, characters: int) -> Preset:
    """The preset for a list of so many characters, names' ends included. What teaches, and what is taught, by heart
    learns a small list before it has learned from it: steps go with the root of its size, down to a twentieth."""
    share = min(1.0, max(_LEAST_SHARE, math.sqrt(characters / _WHOLE_LIST)))
    if preset.teaching is None or share == 1:
        return preset
    teacher = preset.teaching.preset
    steps, every = (max(1, round(share * number)) for number in (teacher.steps, teacher.evaluate_every))
    fewer = replace(teacher, steps=steps, evaluate_every=every)
    teaching = replace(preset.teaching, preset=fewer, invented=round(share * preset.teaching.invented))
    return override(replace(preset, teaching=teaching), max(1, round(share * preset.steps)), None, None)


def override(preset: Preset, steps: int | None, batch_size: int | None, learning_rate: float | None) -> Preset:
    """A preset with some of its numbers replaced; Muon's rate follows the other one, and dev loss is looked at about
    as often as before."""
    rate = learning_rate or preset.learning_rate
    changed = replace(
        preset,
        steps=steps or preset.steps,
        batch_size=batch_size or preset.batch_size,
        learning_rate=rate,
        matrix_rate=preset.matrix_rate * rate / preset.learning_rate,
    )
    every = max(1, round(preset.evaluate_every * changed.steps / preset.steps))
    return replace(changed, evaluate_every=every)
