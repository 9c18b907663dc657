"""A model's distributions as a request shapes them, ready to draw from, remembered within bounds."""

from collections.abc import Callable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from model.contexts import contexts_of
from model.names import Names
from model.remembered import Contexts, RememberedRows, distinct
from model.shaping import Settings, shape_distribution
from model.transitions import Floats, Ints

PARTS = 2**32 - 1
"""What a distribution is divided into; the last number of 32 bits counts with the one before it."""
_ROWS_BYTES = 16 * 1024 * 1024


class ShapedRows:
    """`model_rows` (contexts, block_size) -> (contexts, symbols) log-probabilities, shaped by `settings`, whose lengths
    do not matter here. Threads can share it; they hold `lock` while they look at `remembered`, the thresholds
    (symbols,) of each context: whole parts, up to and with each symbol."""

    def __init__(
        self,
        model_rows: Callable[[Contexts], Floats],
        block_size: int,
        size: int,
        settings: Settings,
        max_bytes: int,
    ) -> None:
        self.block_size, self.size = block_size, size
        self.remembered = RememberedRows(block_size, size, np.uint32, max_bytes)
        self.lock = Lock()
        self._model_rows = model_rows
        self._settings = settings
        self._at_once = max(1, _ROWS_BYTES // (8 * size))

    @property
    def nbytes(self) -> int:
        return self.remembered.nbytes

    def probabilities(self, contexts: Contexts) -> Floats:
        """(contexts, symbols); rows sum to 1."""
        return shape_distribution(self._model_rows(contexts), self._settings)

    def log_probs(self, names: Names) -> Floats:
        """Natural log-probability of each whole name (names,), its end included."""
        contexts, following = contexts_of(names, self.block_size)
        scores = np.empty(len(following))
        for start in range(0, len(following), self._at_once):
            part = slice(start, start + self._at_once)
            kinds, places = distinct(contexts[part])
            with np.errstate(divide="ignore"):
                scores[part] = np.log(self.probabilities(kinds)[places, following[part]])
        return np.add.reduceat(scores, names.ends[:-1] + np.arange(len(names))) if len(names) else scores

    def thresholds(self, contexts: Contexts) -> tuple[Contexts, NDArray[np.uint32]]:
        """Those of the different ones among `contexts`, or of as many of them as can be remembered at once."""
        kinds = distinct(contexts)[0][: min(self.remembered.room, self._at_once)]
        return kinds, thresholds_of(self.probabilities(kinds))


def thresholds_of(probabilities: Floats) -> NDArray[np.uint32]:
    """(rows, symbols) as whole parts, summed up."""
    sums = np.cumsum(probabilities, axis=1)
    parts = np.minimum(sums / sums[:, -1:] * PARTS + 0.5, PARTS).astype(np.uint32)
    last: Ints = probabilities.shape[1] - 1 - np.argmax(probabilities[:, ::-1] > 0, axis=1)
    parts[np.arange(probabilities.shape[1]) >= last[:, None]] = PARTS
    return parts
