"""Which names are trained on, which choose between settings (dev) and which are only measured on (test)."""

import hashlib
import random
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

MIN_TO_HOLD_OUT = 50
"""Distinct names below which nothing is held out: a tenth of them would measure nothing."""

_TRAIN_SHARE, _DEV_SHARE = 0.8, 0.1
_LECTURE_SEED = 42

Indices = NDArray[np.int64]


class Side(StrEnum):
    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


class SplitRule(StrEnum):
    NAMES = "names"
    LECTURE = "lecture"


@dataclass(frozen=True, eq=False)
class Split:
    """Indices into a list of names. `dev` and `test` are both empty where nothing is held out."""

    train: Indices
    dev: Indices
    test: Indices


def split(names: Sequence[str], rule: SplitRule) -> Split:
    return _lecture_split(len(names)) if rule == SplitRule.LECTURE else _split_by_name(names)


def _split_by_name(names: Sequence[str]) -> Split:
    """80/10/10 by the hash of each name: repeats of a name fall on one side, and a name stays on
    its side when the list grows, so that later versions can be compared on the same held-out names."""
    if _enough(names):
        numbers = {side: number for number, side in enumerate(Side)}
        sides = np.fromiter((numbers[side_of(name)] for name in names), dtype=np.uint8, count=len(names))
        train, dev, test = (np.flatnonzero(sides == number) for number in numbers.values())
        if len(train) and len(dev) and len(test):
            return Split(train, dev, test)
    nothing = np.arange(0)
    return Split(np.arange(len(names)), nothing, nothing)


def _enough(names: Iterable[str]) -> bool:
    """Whether the list has `MIN_TO_HOLD_OUT` distinct names."""
    seen: set[str] = set()
    for name in names:
        seen.add(name)
        if len(seen) == MIN_TO_HOLD_OUT:
            return True
    return False


def side_of(name: str) -> Side:
    """The side that a name is on under `SplitRule.NAMES`, in any list that is large enough to hold names out."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return Side.TRAIN if share < _TRAIN_SHARE else Side.DEV if share < _TRAIN_SHARE + _DEV_SHARE else Side.TEST


def _lecture_split(count: int) -> Split:
    """File order, `random.seed(42)`, shuffle, 80/10/10 by line, as in Karpathy's makemore lectures.
    Repeated names can stand on both sides; only for comparison with published losses."""
    shuffled = array("q", range(count))
    random.Random(_LECTURE_SEED).shuffle(shuffled)
    order = np.array(shuffled, dtype=np.int64)
    first, second = int(_TRAIN_SHARE * count), int(0.9 * count)
    return Split(order[:first], order[first:second], order[second:])
