"""When to ask again. Every call of the service can be repeated: none changes anything there."""

from dataclasses import dataclass
from typing import TypedDict

from namesmith_client.errors import ConnectionFailedError, ProblemError

_PASSING = {429, 502, 503, 504}
_FIRST_WAIT, _LONGEST_WAIT, _JITTER = 0.1, 5.0, 0.5


class StaminaOptions(TypedDict):
    attempts: int
    timeout: float
    wait_initial: float
    wait_max: float
    wait_jitter: float


@dataclass(frozen=True)
class Retrying:
    """How often to try in all, and for how long, seconds."""

    attempts: int = 4
    seconds: float = 30.0

    @property
    def stamina(self) -> StaminaOptions:
        return {
            "attempts": self.attempts,
            "timeout": self.seconds,
            "wait_initial": _FIRST_WAIT,
            "wait_max": _LONGEST_WAIT,
            "wait_jitter": _JITTER,
        }

    def wait(self, error: Exception) -> bool | float:
        """Whether to ask again, or the seconds after which the service wants to be asked. Longer than it is tried at
        all is not waited for."""
        if isinstance(error, ConnectionFailedError):
            return True
        if not isinstance(error, ProblemError) or error.status not in _PASSING:
            return False
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= self.seconds else False

    def never(self, _: Exception) -> bool:
        """For calls that are not repeated."""
        return False
