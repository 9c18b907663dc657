"""Names as long as those of a list. A context of a few letters has forgotten how long the name is: where the network
sees an end near, its mean row over names of all lengths does not."""

from dataclasses import dataclass

import numpy as np

from model.text.vocabulary import BOUNDARY, MAX_NAME_LENGTH
from model.transitions.automaton import Floats, Numbers, Transitions

_PASSES = 2
_STEP = 0.5
"""Of the difference in log-odds that a pass makes up for: contexts stand for several lengths."""
_PRIOR_NAMES = 10.0
"""With which a list of few names agrees with the model."""
_TAIL_SHARE = 0.03
"""Of the list's names that are called long, at most."""
_TAIL_FACTOR = 1.4
"""Times as many drawn names may be long."""
_LEAST_NAMES = 1_000
"""Of a list whose few long names tell how many there should be."""
_BEFORE = 3
"""Letters before the last length that is not long at which ends begin to be pushed."""
_MOST_PUSH = 8.0
_HALVINGS = 10


@dataclass(frozen=True, eq=False)
class _Chain:
    """Where each letter leads: `successors` (states, letters)."""

    successors: Numbers
    start: int

    def visits(self, rows: Floats) -> tuple[Floats, Floats]:
        """Under `rows` (states, symbols): how likely a name is in each state after so many letters (letters, states),
        and how likely it ends there (letters,)."""
        now: Floats = np.zeros(len(rows))
        now[self.start] = 1.0
        visits, ends = [], []
        for _ in range(MAX_NAME_LENGTH):
            visits.append(now)
            ends.append(float(now @ rows[:, BOUNDARY]))
            moved = now[:, None] * rows[:, 1:]
            now = np.bincount(self.successors.reshape(-1), moved.reshape(-1), len(rows)).astype(np.float64)
        return np.array(visits), np.array(ends)


def fitted(rows: Floats, transitions: Transitions, lengths: Floats) -> Floats:
    """`rows` (states, symbols) with other chances of an end. First names of each length become about as frequent as in
    a list of `lengths[n]` names of n letters, which lowers the loss, too; then ends in states that long names reach
    become likelier, until names are long at most 1.4 times as often as in the list."""
    chain = _Chain(np.maximum(transitions.successors[:, 1:], 0), transitions.start)
    counts = np.zeros(MAX_NAME_LENGTH)
    counts[: len(lengths)] = lengths[:MAX_NAME_LENGTH]
    alive = counts[::-1].cumsum()[::-1]
    for _ in range(_PASSES):
        visits, ends = chain.visits(rows)
        there = visits.sum(axis=1)
        wanted = (counts + _PRIOR_NAMES * ends / np.maximum(there, 1e-300)) / (alive + _PRIOR_NAMES)
        steps = _STEP * (_log_odds(wanted) - _log_odds(ends / np.maximum(there, 1e-300)))
        rows = _pushed(rows, _mean_at(visits, steps))
    return _without_tail(rows, chain, counts / counts.sum()) if counts.sum() >= _LEAST_NAMES else rows


def _without_tail(rows: Floats, chain: _Chain, shares: Floats) -> Floats:
    longer = 1 - np.cumsum(shares)
    last = int(np.argmax(longer <= _TAIL_SHARE))
    most = _TAIL_FACTOR * longer[last]
    visits, ends = chain.visits(rows)
    if _longer(ends, last) <= most:
        return rows
    push = _mean_at(visits, np.maximum(np.arange(MAX_NAME_LENGTH) - (last - _BEFORE), 0) / _BEFORE)
    low, high = 0.0, _MOST_PUSH
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _longer(chain.visits(_pushed(rows, middle * push))[1], last) > most:
            low = middle
        else:
            high = middle
    return _pushed(rows, high * push)


def _longer(ends: Floats, last: int) -> float:
    """The share of names with more letters."""
    return float(1 - ends[1 : last + 1].sum() / (1 - ends[0]))


def _mean_at(visits: Floats, values: Floats) -> Floats:
    """The mean (states,) of what each length has, `values` (letters,), over the names that are in a state."""
    return np.asarray((values @ visits) / np.maximum(visits.sum(axis=0), 1e-300))


def _log_odds(chances: Floats) -> Floats:
    safe = np.clip(chances, 1e-3, 1 - 1e-3)
    return np.asarray(np.log(safe / (1 - safe)))


def _pushed(rows: Floats, log_odds: Floats) -> Floats:
    """`rows` with so much (states,) added to the log-odds of an end; what is impossible or certain stays so."""
    ends = rows[:, BOUNDARY]
    odds = np.exp(log_odds)
    pushed = ends * odds / (1 - ends + ends * odds)
    others = np.where(ends < 1, (1 - pushed) / np.where(ends < 1, 1 - ends, 1.0), 1.0)
    out = rows * others[:, None]
    out[:, BOUNDARY] = pushed
    return np.asarray(out)
