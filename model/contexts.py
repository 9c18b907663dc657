"""The contexts that names are made of."""

from collections.abc import Sequence

import numpy as np

from model.names import Names, Symbols
from model.remembered import Contexts
from model.vocabulary import BOUNDARY


def context_after(symbols: Sequence[int], block_size: int) -> Contexts:
    """(1, block_size): what these letters end in."""
    padded = [BOUNDARY] * block_size + list(symbols)
    return np.array([padded[-block_size:]], dtype=np.uint16)


def contexts_of(names: Names, block_size: int) -> tuple[Contexts, Symbols]:
    """The context of each letter and of each end (letters + names, block_size), and what follows it (letters + names,),
    name after name."""
    count, lengths = len(names), names.lengths
    framed = np.zeros(len(names.symbols) + (count + 1) * block_size, dtype=np.uint16)
    name_of_letter = np.repeat(np.arange(count), lengths)
    framed[np.arange(len(names.symbols)) + (name_of_letter + 1) * block_size] = names.symbols
    name_of_step = np.repeat(np.arange(count), lengths + 1)
    steps = np.arange(len(name_of_step))
    # Step k of name i begins its context at ends[i] + i * block_size + k, and stands at ends[i] + i + k among all.
    starts = steps + name_of_step * (block_size - 1)
    windows = np.lib.stride_tricks.sliding_window_view(framed, block_size)
    following = np.zeros(len(steps), dtype=np.uint16)
    following[np.arange(len(names.symbols)) + name_of_letter] = names.symbols
    return np.ascontiguousarray(windows[starts]), following
