"""The engine that answers for a model: its table, or where that would be over the budget its network."""

import numpy as np

from model.engine import Engine, TableEngine
from model.errors import NamesmithError, TableTooLargeError
from model.stored import Stored
from service.tables import Tabulator

_TRIED = 256
"""Contexts that a network is tried out on."""


def make_engine(stored: Stored, tabulator: Tabulator, cache_bytes: int) -> tuple[Engine, int]:
    """An engine and the number of the model's parameters. A table that came with the version is taken as it is. An
    engine without a table brings PyTorch into this process and remembers up to `cache_bytes`. Raises CheckpointError,
    and NamesmithError where there is no table for another reason or the model's probabilities are not finite."""
    try:
        if stored.table is not None and stored.parameters is not None:
            tabulator.check_budget(stored)
            return TableEngine(stored.table), stored.parameters
        tabulated = tabulator.tabulate(stored)
    except TableTooLargeError:
        return _live(stored, cache_bytes)
    _check(tabulated.transitions.log_probs, stored)
    return TableEngine(tabulated.transitions), tabulated.parameters


def _live(stored: Stored, cache_bytes: int) -> tuple[Engine, int]:
    import torch  # 200 MB, 1.5 s: only where a model needs it

    from model import checkpoint
    from model.live import LiveEngine

    torch.set_num_threads(1)  # requests have threads of their own, and the networks are small
    engine = LiveEngine(checkpoint.loads(stored.data), cache_bytes)
    shape = (_TRIED, engine.block_size)
    _check(engine.rows(np.random.default_rng(0).integers(engine.size, size=shape, dtype=np.uint16)), stored)
    return engine, engine.parameters


def _check(log_probs: np.ndarray[tuple[int, ...], np.dtype[np.float64]], stored: Stored) -> None:
    if not np.isfinite(log_probs).all():
        raise NamesmithError(f"model {stored.name} gives probabilities that are not finite")
