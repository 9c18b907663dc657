"""What was tried for the presets: one thing changed at a time, and what that does to the losses. Takes long.

Presets are chosen by dev loss; the test loss stands beside it only to show that it moves along.
"""

import statistics
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.training.presets import SEEDS, list_and_split
from training.recipe.presets import PRESETS, Preset
from training.recipe.stacks import forgetful_stack
from training.run.run import Config, fit

Variant = tuple[str, Preset]


def main(quick: bool) -> None:
    names, split = list_and_split()
    seeds = SEEDS[:1] if quick else SEEDS
    print(f"{names.source}, split {split}, mean of {len(seeds)} seeds, nats a character")
    print("| what | train | dev | test |")
    print("|---|---|---|---|")
    for label, preset in (*_fast(), *_careful()):
        losses = [fit(names, Config(preset, seed, split)).losses for seed in seeds]
        means = [statistics.fmean(loss.by_part()[part] or 0.0 for loss in losses) for part in ("train", "dev", "test")]
        print(f"| {label} | {' | '.join(f'{mean:.4f}' for mean in means)} |", flush=True)


def _fast() -> Iterator[Variant]:
    fast = PRESETS["fast"]
    adamw = replace(fast, optimizer="adamw")
    yield "**fast**", fast
    yield "shares as they were counted, not smoothed", replace(fast, targets="observed")
    yield "AdamW alone, at 0.03", replace(adamw, learning_rate=0.03)
    yield (
        "AdamW alone, every context in each step, 300 steps at 0.03",
        replace(adamw, learning_rate=0.03, batch_size=None, steps=300, evaluate_every=300),
    )
    yield (
        "AdamW alone, one next character at a time, 1,500 steps at 0.01",
        replace(adamw, targets="examples", learning_rate=0.01, steps=1500, evaluate_every=1500),
    )
    yield "every context in each step", replace(fast, batch_size=None)
    yield "batches of 512, 1,600 steps", replace(fast, batch_size=512, steps=1600, evaluate_every=1600)
    yield "rates of two fifths", replace(fast, learning_rate=0.02, matrix_rate=0.1)
    yield "rates doubled", replace(fast, learning_rate=0.1, matrix_rate=0.5)
    yield "1,500 steps", replace(fast, steps=1500, evaluate_every=1500)


def _careful() -> Iterator[Variant]:
    careful = PRESETS["careful"]
    teaching = careful.teaching
    assert teaching is not None

    def taught(**changed: Any) -> Preset:
        return replace(careful, teaching=replace(teaching, **changed))

    yield "**careful**", careful
    yield "networks without counting", taught(counting_share=0.0)
    yield "one network instead of four", taught(networks=1)
    yield (
        "teachers that forget nothing",
        taught(preset=replace(teaching.preset, layers=partial(_remembering, forgetful_stack))),
    )
    yield "contexts by their plain frequency", taught(weight_power=1.0)
    yield "with 20,000 names made up by the teachers", taught(invented=20_000, invented_share=0.1)


def _remembering(layers: Any, *sizes: int) -> list[dict[str, Any]]:
    return [layer for layer in layers(*sizes) if layer["type"] != "SymbolDropout"]
