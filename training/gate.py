"""What a checkpoint must show before it is published."""

import math
from dataclasses import dataclass

import numpy as np

from model import checkpoint
from model.errors import NamesmithError, UnsatisfiableError
from model.sampling import Sampler
from model.shaping import Settings
from model.tabulation import compile_table
from model.transitions import Transitions
from training.run import Result

_MIN_COMPLETION = 0.5


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
    transitions = compile_table(model)
    row_sums = np.exp(transitions.log_probs).sum(axis=1)
    completion = _completion(transitions)
    held_out = result.losses.train if result.losses.dev is None else result.losses.dev
    uniform = math.log(model.vocabulary.size)
    return [
        Check(
            "distributions",
            bool(np.isfinite(transitions.log_probs).all() and np.abs(row_sums - 1).max() < 1e-9),
            "the next-character probabilities of every context are finite and sum to 1",
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


def _completion(transitions: Transitions) -> float:
    try:
        return Sampler(transitions, Settings()).probability
    except UnsatisfiableError:
        return 0.0


def require(checks: list[Check]) -> None:
    """Raises GateRefusedError, with every failed check, unless all passed."""
    failed = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    if failed:
        raise GateRefusedError("the gate refused this model: " + "; ".join(failed))
