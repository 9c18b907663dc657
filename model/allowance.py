"""What a request to a model without a table may take, so that conditions that names hardly ever meet come to an end."""

from dataclasses import dataclass

import numpy as np

from model.errors import TooRareError
from model.transitions import Ints


def letters_allowed(names: Ints) -> Ints:
    """Letters and ends, those of failed attempts too, that the first `names` names of a request may take together.

    It never falls as names are added, and each beginning of a request must keep to it: a request fails only where every
    longer one of the same seed would fail too. One name may take 52,100 letters, 100 names
    2,600 each, 10,000 names 305 each.
    """
    return 50_000 + 2_000 * np.minimum(names, 1_000) + 100 * names


@dataclass
class Tally:
    """What a request has taken so far."""

    names: int = 0
    letters: int = 0
    attempts: int = 0

    def left(self, names: int) -> int:
        """Letters that so many names more may take."""
        return int(letters_allowed(np.array(self.names + names))) - self.letters

    def add(self, steps: Ints, attempts: int) -> None:
        """Counts whole names. Raises TooRareError where a beginning of the request has taken too many letters."""
        together = self.letters + np.cumsum(steps)
        over = together > letters_allowed(self.names + np.arange(1, len(steps) + 1))
        self.names, self.letters, self.attempts = self.names + len(steps), int(together[-1]), self.attempts + attempts
        if over.any():
            raise TooRareError(self.attempts, self.names)
