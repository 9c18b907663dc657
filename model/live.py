"""A model without a table: the network itself answers, row by row, and what it said is remembered within bounds."""

from collections.abc import Sequence
from threading import Lock

import numpy as np
import torch
from cachetools import LRUCache

from model.automata import Automaton
from model.checkpoint import Checkpoint
from model.contexts import context_after, contexts_of
from model.folding import fold, separate_rows
from model.live_sampling import LiveSampler
from model.names import Listing, Names
from model.remembered import Contexts, RememberedRows, distinct
from model.shaped_rows import ShapedRows
from model.shaping import Settings, shape_distribution
from model.transitions import Floats

DEFAULT_CACHE_BYTES = 64 * 1024 * 1024
BATCH = 32
"""Contexts that the network is always given at once; a smaller batch is filled up."""
_SHAPES = 4
"""Ways of shaping whose rows are kept; samplers hold on to their own."""
_ROWS_BYTES = 16 * 1024 * 1024
"""Of rows that are looked at at once."""


class LiveEngine:
    """Implements `Engine` with the network of `checkpoint`, which is evaluated in float64, folded, on the processor.

    `max_bytes` bounds what is remembered: half of it next-character distributions, half their shaped forms. A row is
    always computed in the same way, so that no answer depends on what was remembered. Threads can share an engine.
    """

    def __init__(self, checkpoint: Checkpoint, max_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self.size, self.block_size = checkpoint.vocabulary.size, checkpoint.block_size
        self.parameters = checkpoint.stack.parameter_count
        self._stack = separate_rows(fold(checkpoint.stack.to(dtype=torch.float64, device="cpu")))
        self._max_bytes = max_bytes
        self._remembered = RememberedRows(self.block_size, self.size, np.float64, max_bytes // 2)
        self._shapes: LRUCache[object, ShapedRows] = LRUCache(_SHAPES)
        self._lock = Lock()

    def sampler(self, settings: Settings, automata: Sequence[Automaton], avoid: Listing | None = None) -> LiveSampler:
        return LiveSampler(self._shaped(settings), settings, automata, avoid)

    def next_probabilities(self, symbols: Sequence[int], settings: Settings) -> Floats:
        row = self.rows(context_after(symbols, self.block_size))
        probabilities: Floats = shape_distribution(row, settings)[0]
        return probabilities

    def log_probs(self, names: Names) -> Floats:
        contexts, following = contexts_of(names, self.block_size)
        scores = np.empty(len(following))
        at_once = max(1, _ROWS_BYTES // (8 * self.size))
        for start in range(0, len(following), at_once):
            part = slice(start, start + at_once)
            rows = self.rows(contexts[part])
            scores[part] = rows[np.arange(len(rows)), following[part]]
        return scores

    def rows(self, contexts: Contexts) -> Floats:
        """Log-probabilities (contexts, symbols) of what follows each context, from memory where they are there."""
        rows = np.empty((len(contexts), self.size))
        with self._lock:
            found = self._remembered.find(contexts)
            known = found >= 0
            rows[known] = self._remembered.rows[found[known]]
        if not known.all():
            missing, places = distinct(contexts[~known])
            computed = self._compute(missing)
            rows[~known] = computed[places]
            with self._lock:
                self._remembered.put(missing, computed)
        return rows

    @torch.no_grad()
    def _compute(self, contexts: Contexts) -> Floats:
        rows = np.empty((len(contexts), self.size))
        for start in range(0, len(contexts), BATCH):
            part = contexts[start : start + BATCH]
            batch = np.zeros((BATCH, self.block_size), dtype=np.int64)
            batch[: len(part)] = part
            log_probs = torch.log_softmax(self._stack(torch.from_numpy(batch)), dim=1)
            rows[start : start + len(part)] = log_probs.numpy()[: len(part)]
        return rows

    def _shaped(self, settings: Settings) -> ShapedRows:
        with self._lock:
            shaped = self._shapes.get(settings.shape)
            if shaped is None:
                each = self._max_bytes // 2 // _SHAPES
                shaped = self._shapes[settings.shape] = ShapedRows(
                    self.rows, self.block_size, self.size, settings, each
                )
        return shaped
