"""What a preset does differently where the alphabet is large: the time and memory of a step grow with the batch times
the number of symbols, and thousands of symbols want longer vectors than letters do."""

from dataclasses import replace
from functools import partial

from training.recipe.presets import Preset

LARGE = 1_024
"""Symbols up to which nothing changes."""
_PER_STEP = 2_048 * LARGE
"""Probabilities that a batch has at most: those of the largest batch that a preset asks for, over `LARGE` symbols."""
_LEAST_BATCH = 256
_DIM = 32
"""Numbers of a symbol's vector: about the fourth root of an alphabet times four, 34 for 5,500 symbols."""
_EVALUATIONS = 10
"""Times that the dev loss is looked at, each of which takes as long as some steps."""


def suited(preset: Preset, symbols: int) -> Preset:
    """The preset as it is used for an alphabet of so many symbols: with smaller batches, longer vectors and fewer looks
    at the dev loss where they are more than `LARGE`. The networks that teach are suited alike."""
    if symbols <= LARGE:
        return preset
    at_most = max(_LEAST_BATCH, _PER_STEP // symbols)
    teaching = preset.teaching
    return replace(
        preset,
        batch_size=None if preset.batch_size is None else min(preset.batch_size, at_most),
        evaluate_every=max(preset.evaluate_every, preset.steps // _EVALUATIONS),
        layers=partial(preset.layers, dim=_DIM),
        teaching=None if teaching is None else replace(teaching, preset=suited(teaching.preset, symbols)),
    )
