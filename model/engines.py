"""The engine that suits a model: its table where that fits the budget, else the network itself."""

from model.checkpoint import Checkpoint
from model.engine import TableEngine
from model.errors import TableTooLargeError
from model.live import DEFAULT_CACHE_BYTES, LiveEngine
from model.tabulation import compile_table
from model.transitions import DEFAULT_BUDGET_BYTES


def engine_for(
    checkpoint: Checkpoint, budget_bytes: int = DEFAULT_BUDGET_BYTES, cache_bytes: int = DEFAULT_CACHE_BYTES
) -> TableEngine | LiveEngine:
    """An engine whose table takes at most `budget_bytes`, or that remembers at most `cache_bytes` of what its network
    said."""
    try:
        return TableEngine(compile_table(checkpoint, budget_bytes))
    except TableTooLargeError:
        return LiveEngine(checkpoint, cache_bytes)
