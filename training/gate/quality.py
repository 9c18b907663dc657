"""What a model generates, judged as molecule generators are (MOSES, GuacaMol): validity, uniqueness, novelty, and how
far the names are from held-out ones."""

from dataclasses import asdict, dataclass
from typing import Any

from model.errors import UnsatisfiableError
from model.sampling.language_model import LanguageModel
from model.text.vocabulary import Normalization, Vocabulary
from model.transitions.shaping import ShapeSettings
from training.data.read_list import NameList
from training.data.splits import SplitRule, split
from training.gate.resemblance import WeighedNames, distances

SAMPLED = 10_000
UNIQUE_AMONG = (1_000, 10_000)
_SEED = 0


@dataclass(frozen=True)
class Reference:
    """The parts of a list that samples are held against. `dev` and `test` are both empty where nothing is held out."""

    train: WeighedNames
    dev: WeighedNames
    test: WeighedNames

    @classmethod
    def of(cls, names: NameList, rule: SplitRule) -> "Reference":
        parts = split(names.names, rule)
        return cls(
            *(
                WeighedNames([names.names[i] for i in part], names.weights[part])
                for part in (parts.train, parts.dev, parts.test)
            )
        )


@dataclass(frozen=True)
class Quality:
    """Of `count` plain draws (temperature 1, 1 to 64 letters).

    `validity` is the chance that a draw ends after 1 to 64 letters, times the share of those that are written as a list
    would hold them; `uniqueness` the share of different names among so many draws, `novelty` the share that is not in
    the train part. `distances` (see `training.gate.resemblance`) are between the dev names and the first `compared`
    draws, as many as there are test names; `noise_floor` between dev and test names, as real names differ among
    themselves. Those and `held_out_novelty`, the novelty of the test names, are None where nothing is held out.
    """

    count: int
    validity: float
    uniqueness: dict[int, float]
    novelty: float
    compared: int
    distances: dict[str, float] | None
    noise_floor: dict[str, float] | None
    held_out_novelty: float | None

    def facts(self) -> dict[str, Any]:
        """As a manifest keeps it: plain JSON."""
        return {**asdict(self), "uniqueness": {str(among): share for among, share in self.uniqueness.items()}}


def sample_quality(
    language_model: LanguageModel, vocabulary: Vocabulary, reference: Reference, count: int = SAMPLED
) -> Quality:
    """Always of the same draws. Raises UnsatisfiableError where the model gives no names."""
    draws = language_model.sampler(ShapeSettings(), [], None).draw(_SEED, count)
    names = [name for some in draws for name in some.decode(vocabulary)]
    known = set(reference.train.names)
    test = reference.test.thinned(count)
    like_test = WeighedNames.even(names[: test.effective])
    held_out = len(test) > 0
    return Quality(
        count=count,
        validity=completion(language_model) * written_well(names, vocabulary.normalization),
        uniqueness={among: len(set(names[:among])) / among for among in UNIQUE_AMONG if among <= count},
        novelty=novelty(WeighedNames.even(names), known),
        compared=len(like_test),
        distances=distances(like_test, reference.dev) if held_out else None,
        noise_floor=distances(test, reference.dev) if held_out else None,
        held_out_novelty=novelty(reference.test, known) if held_out else None,
    )


def completion(language_model: LanguageModel) -> float:
    """The share of draws that end after 1 to 64 letters, exactly."""
    try:
        return language_model.sampler(ShapeSettings(), []).probability
    except UnsatisfiableError:
        return 0.0


def written_well(names: list[str], normalization: Normalization) -> float:
    """The share of names that reading them from a list would leave as they are."""
    return sum(normalization.name(name) == name for name in names) / len(names)


def novelty(names: WeighedNames, known: set[str]) -> float:
    """The share, by weight, that is not known."""
    new = [name not in known for name in names.names]
    return float(names.weights[new].sum() / names.weights.sum())
