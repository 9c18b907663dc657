"""How strange a name is beside others of its kind: the share of known names that the model finds less likely."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from model.sampling.language_model import LanguageModel
from model.text.names import Names
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Floats

LOSS_QUANTILES = "loss_quantiles"
"""Their entry in the manifest of a version."""
_STEPS = 1_000
_DIGITS = 6


def loss_quantiles(language_model: LanguageModel, names: Names) -> Floats | None:
    """(1,001,): losses (nats a character) that 0, 1, 2 ... 1,000 thousandths of these names do not exceed; None without
    names."""
    if not len(names):
        return None
    losses = -names.totals(language_model.log_probs(names)) / (names.lengths + 1)
    quantiles: Floats = np.quantile(losses, np.linspace(0, 1, _STEPS + 1)).round(_DIGITS)
    return quantiles


def quantiles_of(language_model: LanguageModel, texts: Iterable[str], vocabulary: Vocabulary) -> Floats | None:
    """The same of normalised texts, each counted once; those that the vocabulary cannot spell are left out."""
    names, unknown = Names.of_texts(sorted({*texts} - {""}), vocabulary)
    return loss_quantiles(language_model, names.chosen(~unknown))


def parse_quantiles(entry: Any) -> Floats | None:
    """Of a manifest; None for anything else."""
    if not isinstance(entry, list) or len(entry) != _STEPS + 1 or not all(type(each) is float for each in entry):
        return None
    quantiles = np.array(entry)
    return quantiles if np.isfinite(quantiles).all() and (np.diff(quantiles) >= 0).all() else None


def share_above(quantiles: Floats, losses: Floats) -> Floats:
    """(names,): the share of the known names with a higher loss, to a thousandth or so."""
    return 1 - np.interp(losses, quantiles, np.linspace(0, 1, len(quantiles)))
