"""Losses against a count by hand."""

import math

import numpy as np
import pytest
import torch

from model.compiler.dense_table import compile_table
from model.network.checkpoint import Checkpoint
from model.network.stack import Stack
from model.text.vocabulary import Vocabulary
from model.transitions.scoring import character_log_probs
from tests.training.counting import as_tensor, counts_of_rows
from training.data.evaluation import cross_entropy
from training.data.examples import Counts, count_examples, make_examples
from training.recipe.stacks import tanh_stack

BLOCK_SIZE = 3
NAMES = ["lako", "kala", "lako", "mi", "nolani"]
VOCABULARY = Vocabulary.from_names(NAMES)


def random_stack() -> Stack:
    """Untrained, with an output far from uniform and running statistics of its own."""
    stack = Stack.build(tanh_stack(VOCABULARY.size, BLOCK_SIZE, dim=4, width=12))
    generator = torch.Generator().manual_seed(5)
    stack.reset_parameters(generator)
    for name, tensor in stack.state().items():
        if name.endswith(("gamma", "running_var")):
            tensor.uniform_(0.5, 2.0, generator=generator)
        elif name.endswith(("beta", "running_mean")):
            tensor.normal_(generator=generator)
    return stack


def counts_of(names: list[str], weights: list[float]) -> Counts:
    return count_examples(make_examples(names, weights, VOCABULARY, BLOCK_SIZE), VOCABULARY.size)


def counted_by_hand(stack: Stack, names: list[str], weights: list[float]) -> float:
    """One character at a time, softmax in plain Python."""
    stack.eval()
    total, characters = 0.0, 0.0
    for name, weight in zip(names, weights, strict=True):
        context = [0] * BLOCK_SIZE
        for symbol in [*VOCABULARY.encode(name), 0]:
            logits = [float(logit) for logit in stack(torch.tensor([context]))[0]]
            total -= weight * (logits[symbol] - math.log(sum(math.exp(logit) for logit in logits)))
            characters += weight
            context = [*context[1:], symbol]
    return total / characters


@pytest.mark.parametrize("weights", [[1.0] * 5, [0.5, 2.0, 1.0, 0.25, 4.0]], ids=["unweighted", "weighted"])
def test_cross_entropy_equals_a_count_character_by_character(weights: list[float]) -> None:
    stack = random_stack()
    expected = counted_by_hand(stack, NAMES, weights)
    assert cross_entropy(stack, counts_of(NAMES, weights)) == pytest.approx(expected, abs=1e-6)
    assert abs(expected - math.log(VOCABULARY.size)) > 0.05


def test_cross_entropy_does_not_depend_on_repeats_being_merged() -> None:
    stack = random_stack()
    examples = make_examples(NAMES, [1.0] * len(NAMES), VOCABULARY, BLOCK_SIZE)
    unmerged = counts_of_rows(
        examples.contexts.long(), torch.nn.functional.one_hot(examples.targets.long(), VOCABULARY.size).float()
    )
    merged = counts_of(NAMES, [1.0] * len(NAMES))
    assert len(merged.contexts) < len(unmerged.contexts)
    assert cross_entropy(stack, merged) == pytest.approx(cross_entropy(stack, unmerged), abs=1e-6)


def test_cross_entropy_of_many_rows_is_the_same_in_pieces() -> None:
    stack = random_stack()
    once = counts_of(NAMES, [1.0] * len(NAMES))
    often = counts_of_rows(once.contexts.repeat(3_000, 1), as_tensor(once).repeat(3_000, 1))
    assert len(often.contexts) > 2 * 16_384
    assert cross_entropy(stack, often) == pytest.approx(cross_entropy(stack, once), abs=1e-6)


def test_cross_entropy_leaves_the_running_statistics_alone_and_evaluation_mode_on() -> None:
    stack = random_stack().train()
    before = {name: tensor.clone() for name, tensor in stack.state().items()}
    cross_entropy(stack, counts_of(NAMES, [1.0] * len(NAMES)))
    assert all(torch.equal(before[name], tensor) for name, tensor in stack.state().items())
    assert not any(layer.training for layer in stack.layers)


def test_cross_entropy_equals_the_mean_of_the_scores_that_are_served() -> None:
    stack = random_stack().eval()
    transitions = compile_table(Checkpoint(stack, BLOCK_SIZE, VOCABULARY))
    scores = character_log_probs(transitions, [VOCABULARY.encode(name) for name in NAMES])
    expected = -float(np.concatenate(scores).mean())
    assert cross_entropy(stack, counts_of(NAMES, [1.0] * len(NAMES))) == pytest.approx(expected, abs=1e-5)
