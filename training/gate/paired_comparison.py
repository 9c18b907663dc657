"""Two models on the same names, which neither was trained on: the difference of their losses, and how sure it is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.network.checkpoint import Checkpoint
from model.sampling.language_model import LanguageModel
from model.text.names import Names
from model.transitions.automaton import Floats, Transitions
from training.data.counted_list import MOST_SURPRISE
from training.data.read_list import NameList
from training.data.splits import Side, SplitRule, side_of, split
from training.gate.resemblance import WeighedNames


@dataclass(frozen=True, eq=False)
class Rival:
    """A model, and the distinct names of the list it comes from, where that is known."""

    checkpoint: Checkpoint
    transitions: Transitions
    listed: frozenset[str] | None

    @cached_property
    def language_model(self) -> LanguageModel:
        return LanguageModel(self.transitions)

    def may_have_seen(self, names: NameList) -> set[str]:
        """The names of a list that the model may have been trained on: exactly those that it was trained on if this is
        its own list, and on the safe side elsewhere. Where it split by name, a held-out name stays held out in any
        list; where it split line by line, all its names count as seen."""
        rule, fingerprint, held_out = self._training()
        if rule is not None and fingerprint == names.fingerprint():
            return {names.names[i] for i in split(names.names, rule).train}
        possible = set(names.names) if self.listed is None else set(names.names) & self.listed
        if rule == SplitRule.NAMES and held_out:
            return {name for name in possible if side_of(name) == Side.TRAIN}
        return possible

    def _training(self) -> tuple[SplitRule | None, object, bool]:
        """Split, fingerprint of the list and whether names were held out, as the checkpoint tells: its facts may be
        anybody's."""
        config, data = (self.checkpoint.facts.get(key) for key in ("config", "data"))
        if not (isinstance(config, dict) and isinstance(data, dict)) or config.get("split") not in list(SplitRule):
            return None, None, False
        return SplitRule(config["split"]), data.get("fingerprint"), bool(data.get("dev"))


@dataclass(frozen=True)
class PairedDifference:
    """Losses of two models, nats a character, on the same `names` distinct names; `difference` is the first's minus the
    second's, with its standard error over names. Left out were `seen` names that a model may have been trained on, and
    `unspelled` ones with letters that a model lacks."""

    first: float
    second: float
    difference: float
    standard_error: float
    names: int
    seen: int
    unspelled: int


def paired_difference(first: Rival, second: Rival, held_out: WeighedNames, names: NameList) -> PairedDifference | None:
    """On those of the `held_out` names of a list that are fair to both; None where they are fewer than two."""
    weights = held_out.totals
    unseen = sorted(weights.keys() - first.may_have_seen(names) - second.may_have_seen(names))
    fair = [name for name in unseen if all(_spells(rival, name) for rival in (first, second))]
    if len(fair) < 2:
        return None
    losses, others = (_surprises(rival, fair) for rival in (first, second))
    weight = np.array([weights[name] for name in fair])
    characters = np.array([len(name) + 1 for name in fair])
    total = float(weight @ characters)
    difference = float(weight @ (losses - others)) / total
    residuals = weight * (losses - others - difference * characters)  # of a ratio of two means, to first order
    return PairedDifference(
        float(weight @ losses) / total,
        float(weight @ others) / total,
        difference,
        float(np.sqrt(len(fair) / (len(fair) - 1) * (residuals**2).sum())) / total,
        len(fair),
        len(weights) - len(unseen),
        len(unseen) - len(fair),
    )


def _spells(rival: Rival, name: str) -> bool:
    return set(rival.checkpoint.vocabulary.letters).issuperset(name)


def _surprises(rival: Rival, names: list[str]) -> Floats:
    """Negative log-probabilities (names,) of whole names, each character's bounded as in losses."""
    encoded, _ = Names.of_texts(names, rival.checkpoint.vocabulary)
    return -encoded.totals(np.maximum(rival.language_model.log_probs(encoded), -MOST_SURPRISE))
