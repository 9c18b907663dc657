"""Which names are trained on, which choose between settings (dev) and which are only measured on (test)."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MIN_TO_HOLD_OUT = 50
"""Distinct names below which nothing is held out: a tenth of them would measure nothing."""

_TRAIN_SHARE, _DEV_SHARE = 0.8, 0.1
_LECTURE_SEED = 42


class Side(StrEnum):
    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


class SplitRule(StrEnum):
    NAMES = "names"
    LECTURE = "lecture"


@dataclass(frozen=True)
class Split:
    """Indices into a list of names. `dev` and `test` are both empty where nothing is held out."""

    train: list[int]
    dev: list[int]
    test: list[int]


def split(names: Sequence[str], rule: SplitRule) -> Split:
    return _lecture_split(len(names)) if rule == SplitRule.LECTURE else _split_by_name(names)


def _split_by_name(names: Sequence[str]) -> Split:
    """80/10/10 by the hash of each name: repeats of a name fall on one side, and a name stays on
    its side when the list grows, so that later versions can be compared on the same held-out names."""
    everything = Split(list(range(len(names))), [], [])
    if len(set(names)) < MIN_TO_HOLD_OUT:
        return everything
    parts = Split([], [], [])
    for i, name in enumerate(names):
        getattr(parts, side_of(name)).append(i)
    return parts if parts.train and parts.dev and parts.test else everything


def side_of(name: str) -> Side:
    """The side that a name is on under `SplitRule.NAMES`, in any list that is large enough to hold names out."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return Side.TRAIN if share < _TRAIN_SHARE else Side.DEV if share < _TRAIN_SHARE + _DEV_SHARE else Side.TEST


def _lecture_split(count: int) -> Split:
    """File order, `random.seed(42)`, shuffle, 80/10/10 by line, as in Karpathy's makemore lectures.
    Repeated names can stand on both sides; only for comparison with published losses."""
    order = list(range(count))
    random.Random(_LECTURE_SEED).shuffle(order)
    first, second = int(_TRAIN_SHARE * count), int(0.9 * count)
    return Split(order[:first], order[first:second], order[second:])
