"""What is bounded at any time: answers that are streamed, bytes of bodies. More is refused at once, with 503."""

from threading import Lock

from service.http.problems import ProblemError

_RETRY = {"Retry-After": "1"}


class Admission:
    """At most `limit` units at a time; something larger than the limit is admitted alone."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.used = 0.0
        self._holders = 0
        self._lock = Lock()

    def take(self, amount: float) -> None:
        """Raises ProblemError, 503. What was taken must be given back."""
        with self._lock:
            if self._holders and self.used + amount > self.limit:
                raise ProblemError(503, "overloaded", "the service is busy; try again", headers=_RETRY)
            self.used += amount
            self._holders += 1

    def give_back(self, amount: float) -> None:
        """What one `take` took."""
        with self._lock:
            self._holders -= 1
            self.used -= amount
