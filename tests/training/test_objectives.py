"""What a training step lowers: batches drawn as promised, and all contexts at once equal to all examples."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from model.batch_norm import BatchNorm1d
from model.stack import Stack
from model.vocabulary import Vocabulary
from training import objectives
from training.examples import Counts, Examples, count_examples, make_examples
from training.objectives import AllContexts, MiniBatches
from training.stacks import tanh_stack

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
    observed = np.bincount(stack.seen[0][:, 0].numpy(), minlength=len(weights))
    expected = draws * np.array(weights) / sum(weights)
    common = expected >= 5  # where the chi-square approximation holds
    assert observed[~common].sum() <= 5 * max(1.0, expected[~common].sum())
    scaled = expected[common] * observed[common].sum() / expected[common].sum()
    assert stats.chisquare(observed[common], scaled).pvalue > 1e-4


def relative_frequencies(_: NDArray[np.int64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    frequencies: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
    return frequencies


def unsmoothed(counts: Counts, monkeypatch: pytest.MonkeyPatch) -> AllContexts:
    """The objective without smoothing, its tensors in float64 like the stack's."""
    monkeypatch.setattr(objectives, "kneser_ney", relative_frequencies)
    objective = AllContexts(counts)
    exact = relative_frequencies(counts.contexts.numpy(), counts.counts.double().numpy())
    torch.testing.assert_close(objective._targets.double(), torch.from_numpy(exact), rtol=1e-6, atol=0)
    objective._targets = torch.from_numpy(exact)
    objective._row_weights = objective._row_weights.double()
    objective._shares = objective._row_weights / objective._row_weights.sum()
    return objective


@pytest.mark.parametrize("weights", [[1] * 6, [3, 1, 2, 1, 5, 1]], ids=["unweighted", "weighted"])
def test_all_contexts_without_smoothing_equal_one_pass_over_all_examples(
    weights: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss and running statistics within 1e-12, gradients within 1e-10, in float64."""
    names = ["anna", "ana", "anna", "hana", "nahan", "a"]
    vocabulary = Vocabulary.from_names(names)
    weighed = make_examples(names, [float(weight) for weight in weights], vocabulary, BLOCK_SIZE)
    repeated = [name for name, weight in zip(names, weights, strict=True) for _ in range(weight)]
    examples = make_examples(repeated, [1.0] * len(repeated), vocabulary, BLOCK_SIZE)
    counts = count_examples(weighed, vocabulary.size)
    assert len(counts.contexts) < len(examples)

    stack, oracle = new_stack(vocabulary.size), new_stack(vocabulary.size)
    loss = unsmoothed(counts, monkeypatch)(stack)
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
    loss = AllContexts(count_examples(examples, vocabulary.size))(stack)
    assert float(loss.detach()) == pytest.approx(np.log(vocabulary.size), abs=0.1)  # an untrained stack nearly guesses
