"""Counts written out, with a column a symbol."""

import numpy as np
import torch
from torch import Tensor

from model.kernels.arrays import Floats
from training.data.compressed_rows import CompressedRows
from training.data.examples import Counts


def written_out(counts: Counts) -> Floats:
    """(contexts, symbols)"""
    dense = np.zeros((len(counts.contexts), counts.symbols))
    counts.following.add_to(dense, np.arange(len(dense)))
    return dense


def counts_of_rows(contexts: Tensor, rows: Tensor) -> Counts:
    """Of contexts (m, block_size) and what followed them (m, symbols)."""
    at, symbols = np.nonzero(rows.numpy())
    values = rows.numpy()[at, symbols]
    return Counts(contexts, CompressedRows.of(at, symbols, values, *rows.shape))


def told(counts: Counts) -> dict[tuple[int, ...], dict[int, float]]:
    """What followed each context how often."""
    rows = zip(counts.contexts.tolist(), written_out(counts).tolist(), strict=True)
    return {tuple(context): {symbol: count for symbol, count in enumerate(row) if count} for context, row in rows}


def as_tensor(counts: Counts) -> Tensor:
    return torch.from_numpy(written_out(counts))
