"""The Jensen-Shannon divergence of two models, estimated from names that they give: the mixture of two models is no
chain, so that nothing sums over its names. Log-probabilities are exact, so that only the choice of names brings an
error, and it is told."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.sampling.language_model import LanguageModel
from model.sampling.sampler import Sampler
from model.text.names import Names
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Floats
from model.transitions.shaping import ShapeSettings

_SEED = "divergence"


@dataclass(frozen=True)
class Estimate:
    value: float
    standard_error: float


@dataclass(frozen=True, eq=False)
class Drawn:
    """A model with `count` names that it gave: plain draws, of 1 to 64 letters."""

    language_model: LanguageModel
    vocabulary: Vocabulary
    count: int

    @cached_property
    def _sampler(self) -> Sampler:
        return self.language_model.sampler(ShapeSettings(), [])

    @cached_property
    def texts(self) -> list[str]:
        return [text for names in self._sampler.draw(_SEED, self.count) for text in names.decode(self.vocabulary)]

    def log_probs(self, texts: Sequence[str]) -> Floats:
        """Of whole names (texts,), given that they end in time; minus infinity for those it cannot spell."""
        names, unknown = Names.of_texts(texts, self.vocabulary)
        log_probs = names.totals(self.language_model.log_probs(names)) - math.log(self._sampler.probability)
        log_probs[unknown] = -np.inf
        return log_probs


def estimate_jensen_shannon(p: Drawn, q: Drawn) -> Estimate:
    """In nats, at most log 2, from as many names of either. Raises UnsatisfiableError where one gives no names."""
    halves = [
        0.5 * (math.log(2) - np.logaddexp(0, other.log_probs(own.texts) - own.log_probs(own.texts)))
        for own, other in ((p, q), (q, p))
    ]
    variance = sum(float(half.var()) / len(half) for half in halves)
    return Estimate(sum(float(half.mean()) for half in halves), math.sqrt(variance))
