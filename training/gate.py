"""What a checkpoint must show before it is published."""

import math
from dataclasses import dataclass

import numpy as np

from model import checkpoint
from model.engine import TableEngine
from model.engines import engine_for
from model.errors import NamesmithError, UnsatisfiableError
from model.live import LiveEngine
from model.shaping import Settings
from model.transitions import Floats
from training.run import Result

_MIN_COMPLETION = 0.5
_SAMPLED_CONTEXTS = 2_000
_ATTEMPTS = 2_000
"""Names begun to see how many end, where a model has no table."""


class GateRefusedError(NamesmithError):
    """A trained model that should not be published."""


@dataclass(frozen=True)
class Check:
    name: str
    passed: bool
    detail: str


def examine(result: Result) -> list[Check]:
    """Reads the checkpoint back from its bytes, as the service will, and tries it out."""
    model = checkpoint.loads(result.data)
    engine = engine_for(model)
    log_probs = _distributions(engine)
    row_sums = np.exp(log_probs).sum(axis=1)
    completion = _completion(engine)
    which = "every context" if isinstance(engine, TableEngine) else f"{_SAMPLED_CONTEXTS:,} contexts"
    held_out = result.losses.train if result.losses.dev is None else result.losses.dev
    uniform = math.log(model.vocabulary.size)
    return [
        Check(
            "distributions",
            bool(np.isfinite(log_probs).all() and np.abs(row_sums - 1).max() < 1e-9),
            f"the next-character probabilities of {which} are finite and sum to 1",
        ),
        Check(
            "better than guessing",
            math.isfinite(held_out) and held_out < uniform,
            f"loss {held_out:.4f} against {uniform:.4f} for a uniform guess",
        ),
        Check(
            "names end",
            completion >= _MIN_COMPLETION,
            f"{completion:.1%} of drawn names have an end within {Settings().max_length} letters; "
            f"at least {_MIN_COMPLETION:.0%} must",
        ),
    ]


def _distributions(engine: TableEngine | LiveEngine) -> Floats:
    """Log-probabilities (contexts, symbols), of all contexts or of some taken at random."""
    if isinstance(engine, TableEngine):
        return engine.transitions.log_probs
    shape = (_SAMPLED_CONTEXTS, engine.block_size)
    return engine.rows(np.random.default_rng(0).integers(engine.size, size=shape, dtype=np.uint16))


def _completion(engine: TableEngine | LiveEngine) -> float:
    """The share of drawn names that end well: exact, or that of some attempts."""
    if isinstance(engine, LiveEngine):
        return engine.sampler(Settings(), []).accepted_share(0, _ATTEMPTS)
    try:
        return engine.sampler(Settings(), []).probability
    except UnsatisfiableError:
        return 0.0


def require(checks: list[Check]) -> None:
    """Raises GateRefusedError, with every failed check, unless all passed."""
    failed = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    if failed:
        raise GateRefusedError("the gate refused this model: " + "; ".join(failed))
