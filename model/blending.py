"""Blends of tables: models of one vocabulary, mixed by weight."""

from collections.abc import Sequence

import numpy as np

from model.errors import BlendError
from model.transitions import Transitions


def blend(tables: Sequence[Transitions], weights: Sequence[float]) -> Transitions:
    """The table in which the chance of each next symbol is the weighted mean of its chances in `tables` (linear
    interpolation; Jelinek & Mercer 1980). It is a table like any other, so that all that is exact for one is exact
    for a blend. Weights are over 0; only their proportions matter. Raises BlendError for tables of different shapes."""
    if len({(table.log_probs.shape, table.block_size) for table in tables}) != 1:
        raise BlendError("models can be blended that have the same alphabet and as many characters of context")
    shares = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    mean = np.zeros_like(tables[0].log_probs)
    for table, share in zip(tables, shares, strict=True):
        mean += share * np.exp(table.log_probs)
    with np.errstate(divide="ignore"):  # what no model of them gives a chance has none
        log_probs = np.log(mean, out=mean)
    log_probs.flags.writeable = False
    return Transitions(log_probs, tables[0].block_size)
