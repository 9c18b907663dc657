"""What a training step lowers: batches drawn as promised, and all contexts at once equal to all examples."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor

from model.network.batch_norm import BatchNorm1d
from model.network.stack import Stack
from model.text.vocabulary import Vocabulary
from tests.training.counting import as_tensor, counts_of_rows
from training.data.examples import Counts, Examples, count_examples, count_names, make_examples
from training.learning.lessons import Computed, Lessons, counting, observed, smoothed
from training.learning.objectives import MiniBatches, SoftTargets
from training.recipe.stacks import tanh_stack

BLOCK_SIZE = 3


class Recorder(Stack):
    """Keeps the contexts it is given; all logits are 0."""

    def __init__(self, symbols: int) -> None:
        super().__init__([])
        self.symbols = symbols
        self.seen: list[Tensor] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        return torch.zeros(len(x), self.symbols)


def new_stack(symbols: int) -> Stack:
    stack = Stack.build(tanh_stack(symbols, BLOCK_SIZE, dim=4, width=12))
    stack.reset_parameters(torch.Generator().manual_seed(3))
    stack = stack.to(dtype=torch.float64).train()
    for tensor in stack.parameters():
        tensor.requires_grad_()
    return stack


def numbered_examples(weights: list[float]) -> Examples:
    """Examples whose context is their own number."""
    count = len(weights)
    numbers = torch.arange(count)
    return Examples(numbers[:, None], numbers, torch.tensor(weights, dtype=torch.float64))


def test_the_loss_of_a_batch_is_the_cross_entropy_of_the_examples_drawn(tiny_names: list[str]) -> None:
    vocabulary = Vocabulary.from_names(tiny_names)
    examples = make_examples(tiny_names, [1.0] * len(tiny_names), vocabulary, BLOCK_SIZE)
    stack, twin = new_stack(vocabulary.size), new_stack(vocabulary.size)
    objective = MiniBatches(examples, 16, torch.Generator().manual_seed(7))
    generator = torch.Generator().manual_seed(7)
    for _ in range(3):
        drawn = torch.randint(0, len(examples), (16,), generator=generator)
        expected = F.cross_entropy(twin(examples.contexts[drawn].long()), examples.targets[drawn].long())
        assert float(objective(stack).detach()) == float(expected.detach())


def test_the_targets_of_a_batch_belong_to_its_contexts() -> None:
    examples = numbered_examples([1.0, 5.0, 2.0, 9.0])
    stack = Recorder(4)
    stack_loss = MiniBatches(examples, 64, torch.Generator().manual_seed(0))(stack)
    assert float(stack_loss) == pytest.approx(np.log(4), abs=1e-6)
    assert stack.seen[0].shape == (64, 1)


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param([1.0] * 10, id="all one"),
        pytest.param([2.5] * 10, id="all equal"),
        pytest.param([1.0, 2.0, 3.0, 4.0, 0.5, 0.25, 10.0], id="weighted"),
        pytest.param([1e-3, 1.0, 1e3], id="far apart"),
    ],
)
def test_examples_are_drawn_in_proportion_to_their_weights(weights: list[float]) -> None:
    stack, draws = Recorder(len(weights)), 200_000
    MiniBatches(numbered_examples(weights), draws, torch.Generator().manual_seed(11))(stack)
    found = np.bincount(stack.seen[0][:, 0].numpy(), minlength=len(weights))
    expected = draws * np.array(weights) / sum(weights)
    common = expected >= 5  # where the chi-square approximation holds
    assert found[~common].sum() <= 5 * max(1.0, expected[~common].sum())
    scaled = expected[common] * found[common].sum() / expected[common].sum()
    assert stats.chisquare(found[common], scaled).pvalue > 1e-4


def held(lessons: Lessons) -> Tensor:
    """All targets."""
    return lessons.targets[torch.arange(len(lessons.contexts))]


def in_float64(counts: Counts) -> SoftTargets:
    """The objective of all contexts at once with the shares observed, its tensors in float64 like the stack's."""
    weights = as_tensor(counts).sum(1)
    shares = as_tensor(counts) / weights[:, None]
    lessons = Lessons(counts.contexts, shares, weights)
    torch.testing.assert_close(held(observed(counts)).double(), shares, rtol=1e-6, atol=0)
    objective = SoftTargets(lessons, None, torch.Generator())
    objective._row_weights = weights
    return objective


@pytest.mark.parametrize("weights", [[1] * 6, [3, 1, 2, 1, 5, 1]], ids=["unweighted", "weighted"])
def test_all_contexts_with_observed_shares_equal_one_pass_over_all_examples(weights: list[int]) -> None:
    """Loss and running statistics within 1e-12, gradients within 1e-10, in float64."""
    names = ["anna", "ana", "anna", "hana", "nahan", "a"]
    vocabulary = Vocabulary.from_names(names)
    weighed = make_examples(names, [float(weight) for weight in weights], vocabulary, BLOCK_SIZE)
    repeated = [name for name, weight in zip(names, weights, strict=True) for _ in range(weight)]
    examples = make_examples(repeated, [1.0] * len(repeated), vocabulary, BLOCK_SIZE)
    counts = count_examples(weighed, vocabulary.size)
    assert len(counts.contexts) < len(examples)

    stack, oracle = new_stack(vocabulary.size), new_stack(vocabulary.size)
    loss = in_float64(counts)(stack)
    expected = F.cross_entropy(oracle(examples.contexts.long()), examples.targets.long())
    loss.backward()  # type: ignore[no-untyped-call]
    expected.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-12)
    for tensor, other in zip(stack.parameters(), oracle.parameters(), strict=True):
        torch.testing.assert_close(tensor.grad, other.grad, rtol=0, atol=1e-10)
    pairs = zip(stack.layers, oracle.layers, strict=True)
    norms = [(a, b) for a, b in pairs if isinstance(a, BatchNorm1d) and isinstance(b, BatchNorm1d)]
    assert len(norms) == 6
    for norm, other_norm in norms:
        torch.testing.assert_close(norm.running_mean, other_norm.running_mean, rtol=0, atol=1e-12)
        torch.testing.assert_close(norm.running_var, other_norm.running_var, rtol=1e-12, atol=1e-12)


def test_smoothed_targets_leave_no_context_without_loss(tiny_names: list[str]) -> None:
    vocabulary = Vocabulary.from_names(tiny_names)
    examples = make_examples(tiny_names, [1.0] * len(tiny_names), vocabulary, BLOCK_SIZE)
    stack = Stack.build(tanh_stack(vocabulary.size, BLOCK_SIZE, dim=4, width=12))
    stack.reset_parameters(torch.Generator().manual_seed(3))
    lessons = smoothed(count_examples(examples, vocabulary.size))
    loss = SoftTargets(lessons, None, torch.Generator())(stack)
    assert float(loss.detach()) == pytest.approx(np.log(vocabulary.size), abs=0.1)  # an untrained stack nearly guesses


SYMBOLS = 5


class Told(Stack):
    """Gives for context number i the logits of row i; keeps the contexts it is given."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__([])
        self.logits = logits
        self.seen: list[Tensor] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        return self.logits[x[:, 0]]


def numbered_lessons(weights: list[float]) -> Lessons:
    """Lessons whose context is their own number, with targets drawn by chance."""
    targets = torch.rand(len(weights), SYMBOLS, generator=torch.Generator().manual_seed(2))
    targets /= targets.sum(1, keepdim=True)
    return Lessons(torch.arange(len(weights))[:, None], targets, torch.tensor(weights, dtype=torch.float64))


def by_hand(lessons: Lessons, logits: Tensor, row: int) -> float:
    """Minus the sum of target times log of softmax, one lesson."""
    numbers: list[float] = logits[row].double().tolist()
    total = math.log(sum(math.exp(number) for number in numbers))
    targets: list[float] = held(lessons)[row].tolist()
    return -sum(p * (number - total) for p, number in zip(targets, numbers, strict=True))


@pytest.mark.parametrize("batch_size", [None, 16])
def test_the_loss_of_lessons_is_a_cross_entropy_written_out(batch_size: int | None) -> None:
    """Of all of them by their weights, or the mean over those drawn; within 1e-6."""
    weights = [1.0, 3.0, 0.5, 7.0]
    lessons = numbered_lessons(weights)
    stack = Told(torch.randn(len(weights), SYMBOLS, generator=torch.Generator().manual_seed(4)))
    loss = float(SoftTargets(lessons, batch_size, torch.Generator().manual_seed(5))(stack))
    rows = stack.seen[0][:, 0].tolist()
    assert len(rows) == (batch_size or len(weights))
    counted = [1.0] * len(rows) if batch_size else weights
    terms = [count * by_hand(lessons, stack.logits, row) for count, row in zip(counted, rows, strict=True)]
    assert loss == pytest.approx(sum(terms) / sum(counted), abs=1e-6)


@pytest.mark.parametrize("weights", [[1.0] * 6, [1.0, 2.0, 3.0, 4.0, 0.5, 10.0]], ids=["even", "weighted"])
def test_lessons_are_drawn_in_proportion_to_their_weights(weights: list[float]) -> None:
    stack, draws = Told(torch.zeros(len(weights), SYMBOLS)), 200_000
    SoftTargets(numbered_lessons(weights), draws, torch.Generator().manual_seed(12))(stack)
    found = np.bincount(stack.seen[0][:, 0].numpy(), minlength=len(weights))
    assert stats.chisquare(found, draws * np.array(weights) / sum(weights)).pvalue > 1e-4


def test_lessons_are_what_was_observed_or_its_kneser_ney_estimate_with_the_counts_as_weights() -> None:
    rows = torch.tensor([[0.0, 3.0, 1.0], [2.0, 0.0, 2.0], [1.0, 1.0, 0.0]])
    counts = counts_of_rows(torch.tensor([[0], [1], [2]]), rows)
    plain, estimated = observed(counts), smoothed(counts)
    torch.testing.assert_close(held(plain), torch.tensor([[0.0, 0.75, 0.25], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]))
    expected = counting(counts)(counts.contexts.numpy())
    torch.testing.assert_close(held(estimated), torch.from_numpy(expected).float())
    for lessons in (plain, estimated):
        assert torch.equal(lessons.contexts, counts.contexts)
        assert lessons.weights.tolist() == [4.0, 4.0, 2.0]


@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("taught", [observed, smoothed])
def test_targets_that_are_too_many_to_hold_are_computed_for_each_batch(
    tiny_names: list[str], monkeypatch: pytest.MonkeyPatch, taught: Callable[[Counts], Lessons], batch_size: int | None
) -> None:
    vocabulary = Vocabulary.from_names(tiny_names)
    counts = count_names(tiny_names, [1.0] * len(tiny_names), vocabulary, BLOCK_SIZE)
    at_once = taught(counts)
    monkeypatch.setattr("training.learning.lessons.MOST_HELD", 10)
    later = taught(counts)
    assert isinstance(at_once.targets, Tensor)
    assert isinstance(later.targets, Computed)
    assert torch.equal(held(later), at_once.targets)
    losses = [
        SoftTargets(lessons, batch_size, torch.Generator().manual_seed(5))(
            new_stack(vocabulary.size).to(dtype=torch.float32)
        )
        for lessons in (at_once, later)
    ]
    assert torch.equal(*losses)
