"""Exact facts of a model, from its table: backward passes over all names at once (see `model.kernels.states`).

They hold for plain draws: temperature 1, names of 1 to 64 letters, nothing blocked.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from model.automata import anything
from model.errors import UnsatisfiableError
from model.groups import Groups, find_groups, lone_rows
from model.kernels import listing as kernels
from model.kernels import states
from model.names import Listing
from model.shaping import Settings, Shaped
from model.transitions import Floats, Transitions
from model.vocabulary import MAX_NAME_LENGTH

EXACT = "exact"
"""Their entry in the manifest of a version, so that whoever serves it need not compute them."""
MAX_DRAWS = 10_000_000
"""Further than this a repeat is not looked for."""
_STEP_BY_STEP = 4_096
"""Draws up to which the chance of a repeat is found one draw after the other."""
_NEGLIGIBLE = 1e-12
_MAX_POWER = 64


@dataclass(frozen=True)
class Facts:
    """`entropy` of a name in nats, and its `expected_length` in letters; `training_mass` is the chance that a draw is
    one of the training names, None where no list is known; `repeat_after` the least number of draws of which two are
    equal with probability 1/2 or more, None where that is over MAX_DRAWS or cannot be told (see `first_repeat`)."""

    entropy: float
    expected_length: float
    training_mass: float | None
    repeat_after: int | None


def facts(transitions: Transitions, listing: Listing | None, max_length: int = MAX_NAME_LENGTH) -> Facts:
    """Exact but for rounding. Raises UnsatisfiableError where the table has no name of 1 to `max_length` letters."""
    shaped = Shaped.of(transitions, Settings())
    groups, rows = find_groups(shaped, [], max_length), shaped.rows
    rows[0, 0, 0] = 0  # the end before the first letter: no name is empty
    with np.errstate(divide="ignore", invalid="ignore"):
        surprises = np.where(rows > 0, rows * np.log(rows), 0.0)
    mass, weighted = np.zeros((2, len(groups), rows.shape[2]))
    up_to = []  # the chance of a name of so many letters at most
    for _ in range(max_length + 1):
        weighted = _step(surprises, groups, mass) + _step(rows, groups, weighted, may_end=False)
        mass = _step(rows, groups, mass)
        up_to.append(float(mass[0, 0]))
    whole = up_to[-1]
    if whole == 0:
        raise UnsatisfiableError(f"no name of 1 to {max_length} letters is possible")
    training_mass = None if listing is None else min(1.0, _mass_of(listing, rows, max_length) / whole)
    rows[:, 0] /= whole  # each name ends once: from here on chances are conditional ones
    most_probable = min(1.0, _total(rows, groups, max_length, best=True))
    return Facts(
        entropy=max(0.0, math.log(whole) - float(weighted[0, 0]) / whole),
        expected_length=1 + math.fsum(whole - value for value in up_to[1:]) / whole,
        training_mass=training_mass,
        repeat_after=first_repeat(lambda power: _total(rows**power, groups, max_length), most_probable),
    )


def first_repeat(power_sum: Callable[[int], float], most_probable: float) -> int | None:
    """The least n such that of n independent draws two are equal with probability 1/2 or more; `power_sum(k)` is the
    sum of the k-th powers of all chances, `most_probable` the greatest of them.

    The chance that n draws all differ is n! times the coefficient of z^n in the product of 1 + P z over all names.
    The most probable name keeps its factor, for the series of the others then converges fast. Up to 4,096 draws
    their coefficients follow from Newton's identities, to some 1e-8; beyond, they come from the saddle point of the
    generating function, which is off by less than 1e-6, so that n can be one off. None where n would be over
    MAX_DRAWS, or where powers over the 64th matter: a very few names then have almost all the repeats to themselves,
    each of a small chance.
    """

    @cache
    def rest(power: int) -> float:
        """The sum over all names but the most probable one."""
        total = power_sum(power) if power > 1 else 1.0
        left = total - most_probable**power
        return left if left > _NEGLIGIBLE * total else 0.0

    pairs = rest(2) + most_probable**2
    if pairs * MAX_DRAWS**2 < 1:  # the chance of a repeat is at most n^2 / 2 * pairs
        return None
    try:
        found = _one_after_the_other(rest, most_probable) if pairs * _STEP_BY_STEP**2 >= 1 else None
        return found or _by_saddle_points(rest, most_probable, pairs)
    except _TooManyPowersError:
        return None


class _TooManyPowersError(Exception):
    pass


def _one_after_the_other(rest: Callable[[int], float], most_probable: float) -> int | None:
    differ = [1.0]  # the n-th: that n draws all differ and none is the most probable name
    for n in range(1, _STEP_BY_STEP + 1):
        chance, ways = 0.0, 1.0
        for power in range(1, n + 1):
            term = ways * rest(power)
            if term < _NEGLIGIBLE:
                break
            if power > _MAX_POWER:
                raise _TooManyPowersError
            chance += term * differ[n - power] * (1 if power % 2 else -1)
            ways *= n - power
        differ.append(chance)
        if chance + n * most_probable * differ[n - 1] <= 0.5:
            return n
    return None


def _by_saddle_points(rest: Callable[[int], float], most_probable: float, pairs: float) -> int | None:
    low, high = _STEP_BY_STEP, min(MAX_DRAWS, math.ceil(1.7 / math.sqrt(pairs)) + 2)
    if _log_all_differ(high, rest, most_probable) > -math.log(2):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if _log_all_differ(middle, rest, most_probable) > -math.log(2):
            low = middle
        else:
            high = middle
    return high


def _log_all_differ(n: int, rest: Callable[[int], float], most_probable: float) -> float:
    """Logarithm of the chance that n draws all differ. Stirling's formula for n! makes up for most of the error."""
    radius = float(n)
    for _ in range(100):
        odds = most_probable * radius
        logarithm, mean, variance = math.log1p(odds), odds / (1 + odds), odds / (1 + odds) ** 2
        for power in range(1, _MAX_POWER + 2):
            term = rest(power) * radius**power
            if term < _NEGLIGIBLE:
                break
            if power > _MAX_POWER:
                raise _TooManyPowersError
            term = term if power % 2 else -term
            logarithm, mean, variance = logarithm + term / power, mean + term, variance + power * term
        change = (n - mean) / variance
        if abs(change) < 1e-13:
            break
        radius *= math.exp(max(-1.0, min(1.0, change)))
    return n * math.log(n / radius) - n + logarithm + 0.5 * math.log(n / variance)


def _mass_of(listing: Listing, rows: Floats, max_length: int) -> float:
    free = anything(rows.shape[1])
    moves, accepting = np.array(free.moves, order="C"), np.array(free.accepting)
    lengths = np.array([1, max_length], dtype=np.int64)
    chances = np.zeros(len(listing))
    kernels.listed_chances(listing.symbols, listing.ends, rows, moves, moves, accepting, accepting, lengths, chances)
    return float(chances.sum())


def _total(rows: Floats, groups: Groups, max_length: int, best: bool = False) -> float:
    """The sum over all names of the products of `rows`, or the greatest product."""
    sums = np.zeros((len(groups), rows.shape[2]))
    for _ in range(max_length + 1):
        before, sums = sums, _step(rows, groups, sums, best=best)
        if (before == sums).all():
            break
    return float(sums[0, 0])


def _step(rows: Floats, groups: Groups, after: Floats, may_end: bool = True, best: bool = False) -> Floats:
    """What `after` (groups, width) was one letter later."""
    out, whole = np.zeros_like(after), (0, len(groups))
    lone = lone_rows(rows, groups.tails, groups.only_first)
    where = (lone, groups.successors, groups.tails, groups.only_first, groups.accepting)
    states.sweep(rows, *where, after, *whole, out, *whole, may_end, best)
    return out
