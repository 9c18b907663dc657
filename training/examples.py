"""Names as training examples: each character with the characters before it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.vocabulary import BOUNDARY, Vocabulary


@dataclass(frozen=True)
class Examples:
    """`contexts` (n, block_size) and `targets` (n,) are symbol ids; `weights` (n,) count them."""

    contexts: Tensor
    targets: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Counts:
    """The same data by distinct context: `contexts` (m, block_size), `counts` (m, vocabulary size) float32.

    Losses and BatchNorm statistics over all examples need only these rows.
    """

    contexts: Tensor
    counts: Tensor


def make_examples(names: Sequence[str], weights: Sequence[float], vocabulary: Vocabulary, block_size: int) -> Examples:
    """One example a character, the end included, so a name of k letters gives k + 1."""
    encoded = [vocabulary.encode(name) for name in names]
    start = [BOUNDARY] * block_size
    padded = np.array([i for name in encoded for i in (*start, *name, BOUNDARY)], dtype=np.int64)
    lengths = np.array([len(name) + 1 for name in encoded])
    name_of = np.repeat(np.arange(len(encoded)), lengths)
    # Example k of all stands block_size further right in `padded` for each name up to its own.
    ends = np.arange(len(name_of)) + (name_of + 1) * block_size
    contexts = padded[ends[:, None] + np.arange(-block_size, 0)]
    return Examples(
        torch.from_numpy(contexts),
        torch.from_numpy(padded[ends]),
        torch.tensor(weights, dtype=torch.float64)[torch.from_numpy(name_of)],
    )


def count_examples(examples: Examples, vocabulary_size: int) -> Counts:
    contexts = examples.contexts.numpy()
    codes = np.zeros(len(contexts), dtype=np.int64)
    for column in contexts.T:  # renumbered at each step, so that no context length overflows
        codes = np.unique(codes * vocabulary_size + column, return_inverse=True)[1]
    first, rows = np.unique(codes, return_index=True, return_inverse=True)[1:]
    counts = np.zeros((len(first), vocabulary_size))
    np.add.at(counts, (rows, examples.targets.numpy()), examples.weights.numpy())
    return Counts(torch.from_numpy(contexts[first]), torch.from_numpy(counts).float())
