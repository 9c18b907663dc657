"""The Jensen-Shannon divergence between models, estimated from names that they give: nothing sums over it exactly.
Log-probabilities are exact, so that only the choice of names brings an error, and it is told."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.engine import TableEngine
from model.names import Names
from model.shaping import Settings
from model.transitions import Floats
from model.vocabulary import Vocabulary

_SEED = "divergence"


@dataclass(frozen=True)
class Estimate:
    value: float
    standard_error: float


@dataclass(frozen=True, eq=False)
class Drawn:
    """A model with `count` names that it gave: plain draws, of 1 to 64 letters."""

    engine: TableEngine
    vocabulary: Vocabulary
    count: int

    @cached_property
    def texts(self) -> list[str]:
        draws = self.engine.sampler(Settings(), [], None).draw(_SEED, self.count)
        return [text for names in draws for text in names.decode(self.vocabulary)]

    @cached_property
    def completion(self) -> float:
        """The chance that a name has 1 to 64 letters, as a natural logarithm."""
        return math.log(self.engine.sampler(Settings(), []).probability or 1.0)

    def log_probs(self, texts: Sequence[str]) -> Floats:
        """Of whole names (texts,), given that they end in time; minus infinity for those it cannot spell."""
        names, unknown = Names.of_texts(texts, self.vocabulary)
        log_probs = names.totals(self.engine.log_probs(names)) - self.completion
        log_probs[unknown] = -np.inf
        return log_probs


def estimate_jensen_shannon(p: Drawn, q: Drawn) -> Estimate:
    """Jensen-Shannon divergence in nats, at most log 2, from as many names of either: the mixture of two models is no
    chain, so that nothing sums over its names exactly."""
    halves = [
        0.5 * (math.log(2) - np.logaddexp(0, other.log_probs(own.texts) - own.log_probs(own.texts)))
        for own, other in ((p, q), (q, p))
    ]
    return _estimate(halves)


def _estimate(samples: Sequence[Floats]) -> Estimate:
    """The sum of the means of independent samples."""
    variance = sum(float(sample.var()) / len(sample) for sample in samples)
    return Estimate(sum(float(sample.mean()) for sample in samples), math.sqrt(variance))
