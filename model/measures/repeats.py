"""How many draws it takes until two names are likely to be equal."""

import math
from collections.abc import Callable
from functools import cache

MAX_DRAWS = 10_000_000
"""Further than this a repeat is not looked for."""
_STEP_BY_STEP = 4_096
"""Draws up to which the chance of a repeat is found one draw after the other."""
_NEGLIGIBLE = 1e-12
_MAX_POWER = 64


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
