"""Bounded work: what would have to wait too long is refused at once, with 503, before it takes memory.

Work is measured in milliseconds of one processor, estimated from the request. The sum of what is admitted and not done
yet is bounded, so that what is admitted is done soon.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from service.problems import ProblemError

_RETRY = {"Retry-After": "1"}


class Admission:
    """At most `limit` units at a time of `what`; something larger than the limit is admitted alone."""

    def __init__(self, limit: float, what: str) -> None:
        self.limit = limit
        self.used = 0.0
        self._holders = 0
        self._what = what
        self._lock = Lock()

    def take(self, amount: float) -> None:
        """Raises ProblemError, 503. What was taken must be given back."""
        with self._lock:
            if self._holders and self.used + amount > self.limit:
                raise ProblemError(
                    503, "overloaded", f"the service has as {self._what} as it takes; try again", headers=_RETRY
                )
            self.used += amount
            self._holders += 1

    def give_back(self, amount: float) -> None:
        """What one `take` took."""
        with self._lock:
            self._holders -= 1
            self.used = self.used - amount if self._holders else 0.0  # sums of fractions do not come back to nothing

    @contextmanager
    def admitted(self, amount: float) -> Iterator[None]:
        """Raises ProblemError, 503."""
        self.take(amount)
        try:
            yield
        finally:
            self.give_back(amount)
