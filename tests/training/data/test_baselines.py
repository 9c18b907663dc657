"""Losses of counting against probabilities computed name by name, and against the figures of the lectures' list."""

import math
import os
from collections import Counter
from pathlib import Path

import pytest

from model.text.vocabulary import Vocabulary
from training.data.baselines import LEAST_CONTEXT, ORDERS, baseline_losses
from training.data.counted_list import count_list
from training.data.examples import names_as_ngrams
from training.data.read_list import read_names
from training.data.splits import SplitRule

TRAIN = ["ab", "abba", "cab", "bac", "a", "ba", "cabba"]
HELD_OUT = ["ac", "bb", "cc", "abc"]
VOCABULARY = Vocabulary(("a", "b", "c"))


def losses(block_size: int) -> dict[str, float]:
    train, held_out = (
        names_as_ngrams(names, [1.0] * len(names), VOCABULARY, LEAST_CONTEXT) for names in (TRAIN, HELD_OUT)
    )
    return baseline_losses(train, {"dev": held_out}, block_size)["dev"]


@pytest.mark.parametrize("block_size", [1, 2, 3])
def test_unigrams_and_bigrams_are_those_of_a_dictionary(block_size: int) -> None:
    found = losses(block_size)
    pairs = Counter(pair for name in TRAIN for pair in zip("." + name, name + ".", strict=True))
    singles = Counter(char for name in TRAIN for char in name + ".")
    surprises: dict[str, list[float]] = {"unigram": [], "bigram": []}
    for name in HELD_OUT:
        for before, char in zip("." + name, name + ".", strict=True):
            surprises["unigram"].append(-math.log((singles[char] + 1) / (singles.total() + 4)))
            total = sum(pairs[before, other] for other in ".abc")
            surprises["bigram"].append(-math.log((pairs[before, char] + 1) / (total + 4)))
    for way, values in surprises.items():
        assert found[way] == pytest.approx(math.fsum(values) / len(values), rel=1e-12)


def test_longer_contexts_never_leave_a_held_out_name_without_a_chance() -> None:
    for block_size in (1, 2, 3, 5):
        assert all(0 < loss < 5 for loss in losses(block_size).values())


def test_an_order_says_the_same_as_a_network_with_one_symbol_of_context_less() -> None:
    found = losses(3)
    assert found["kneser_ney"] == found["kneser_ney_4"]
    assert len({found[f"kneser_ney_{order}"] for order in ORDERS}) > 1


@pytest.mark.parametrize(("block_size", "dev_loss", "test_loss"), [(3, 2.0560, 2.0575), (5, 1.9740, 1.9766)])
def test_kneser_ney_reaches_what_is_known_of_the_lectures_list(
    block_size: int, dev_loss: float, test_loss: float
) -> None:
    path = os.environ.get("NAMESMITH_MAKEMORE")
    if not path:
        pytest.skip("NAMESMITH_MAKEMORE does not name the lectures' names.txt")
    names = read_names(Path(path))
    vocabulary = Vocabulary.from_names(names.names)
    data = count_list(names, SplitRule.LECTURE, vocabulary, block_size)
    parts = {"dev": data.parts.dev, "test": data.parts.test}
    ngrams = {name: data.ngrams(part, LEAST_CONTEXT) for name, part in parts.items()}
    found = baseline_losses(data.ngrams(data.parts.train, LEAST_CONTEXT), ngrams, block_size)
    assert found["dev"]["kneser_ney"] == pytest.approx(dev_loss, abs=0.005)
    assert found["test"]["kneser_ney"] == pytest.approx(test_loss, abs=0.005)
    assert found["dev"]["bigram"] == pytest.approx(2.453, abs=0.002)
