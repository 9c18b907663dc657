"""Examples and counts against the plain loop of the makemore lectures."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.text.vocabulary import Vocabulary
from tests.training.counting import told
from training.data.examples import count_examples, make_examples

NAMES = st.lists(st.text("abcz\u00e9", min_size=1, max_size=12), min_size=1, max_size=20)
BLOCK_SIZES = st.sampled_from([1, 2, 3, 5, 8, 32])


def naive_examples(names: list[str], block_size: int) -> tuple[list[list[int]], list[int]]:
    letters = sorted(set("".join(names)))
    ids = {letter: i + 1 for i, letter in enumerate(letters)} | {".": 0}
    contexts, targets = [], []
    for name in names:
        context = [0] * block_size
        for char in name + ".":
            contexts.append(context)
            targets.append(ids[char])
            context = [*context[1:], ids[char]]
    return contexts, targets


@settings(deadline=None)
@given(NAMES, BLOCK_SIZES)
def test_examples_are_those_of_the_plain_loop(names: list[str], block_size: int) -> None:
    examples = make_examples(names, [1.0] * len(names), Vocabulary.from_names(names), block_size)
    contexts, targets = naive_examples(names, block_size)
    assert examples.contexts.tolist() == contexts
    assert examples.targets.tolist() == targets
    assert examples.contexts.dtype == examples.targets.dtype == torch.uint8
    assert len(examples) == sum(len(name) + 1 for name in names)


@settings(deadline=None)
@given(NAMES, BLOCK_SIZES)
def test_counts_are_those_of_a_counter(names: list[str], block_size: int) -> None:
    vocabulary = Vocabulary.from_names(names)
    counts = count_examples(make_examples(names, [1.0] * len(names), vocabulary, block_size), vocabulary.size)
    contexts, targets = naive_examples(names, block_size)
    expected = Counter((*context, target) for context, target in zip(contexts, targets, strict=True))
    found = {(*context, target): n for context, row in told(counts).items() for target, n in row.items()}
    assert found == dict(expected)
    assert len(counts.contexts) == len({tuple(context) for context in contexts})


def test_every_example_carries_the_weight_of_its_name() -> None:
    names, weights = ["ab", "c", "abc"], [0.25, 2.0, 1.5]
    examples = make_examples(names, weights, Vocabulary.from_names(names), 2)
    assert examples.weights.tolist() == [0.25] * 3 + [2.0] * 2 + [1.5] * 4


def test_a_weight_counts_like_that_many_repeats() -> None:
    names, weights = ["ab", "ca", "b"], [3, 1, 2]
    vocabulary = Vocabulary.from_names(names)
    repeated = [name for name, weight in zip(names, weights, strict=True) for _ in range(weight)]
    weighed = count_examples(make_examples(names, [float(w) for w in weights], vocabulary, 3), vocabulary.size)
    counted = count_examples(make_examples(repeated, [1.0] * len(repeated), vocabulary, 3), vocabulary.size)
    assert torch.equal(weighed.contexts, counted.contexts)
    assert told(weighed) == told(counted)


@pytest.mark.parametrize("block_size", [3, 32])
def test_a_long_context_over_a_large_alphabet_is_not_mixed_up_with_another(block_size: int) -> None:
    letters = [chr(0x4E00 + i) for i in range(3_000)]
    names = [first + second for first, second in zip(letters, letters[::-1], strict=True)]
    vocabulary = Vocabulary.from_names(names)
    counts = count_examples(make_examples(names, [1.0] * len(names), vocabulary, block_size), vocabulary.size)
    assert len(counts.contexts) == 1 + 2 * len(names)
    assert float(counts.following.values.sum()) == float(counts.weights.sum()) == 3 * len(names)
