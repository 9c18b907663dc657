"""Two automata read side by side: the pairs of states that a name can come to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.errors import TableTooLargeError
from model.transitions.automaton import NOWHERE, Floats, Ints, Numbers, Transitions

MAX_NUMBERS = 24_000_000
"""Pairs times symbols, each with two probabilities and a successor: some 500 MB."""


@dataclass(frozen=True, eq=False)
class Product:
    """Of each pair the log-probabilities of both models (pairs, symbols), and the pair after each symbol. Pair 0 is
    that of the empty name."""

    log_p: Floats
    log_q: Floats
    successors: Numbers


def product(
    p: Transitions, q: Transitions, ids: Ints, lacking: NDArray[np.bool_], *, of_either: bool = False
) -> Product:
    """Of all names that `p` can give, or with `of_either` of all that there are. The symbols of `p` have `ids`
    (symbols,) in `q`, but for those that are `lacking` there: what follows them has no meaning. Raises
    TableTooLargeError where there are too many pairs."""
    size, states = p.vocabulary_size, len(q)
    limit = MAX_NUMBERS // size
    found = np.array([p.start * states + q.start])
    numbers = {int(found[0]): 0}
    rows: list[tuple[Floats, Floats, Ints]] = []
    here = found
    while len(here):
        log_p, after_p = p.rows(here // states)
        log_q, after_q = q.rows(here % states)
        log_q, after_q = np.where(lacking, -np.inf, log_q[:, ids]), np.where(lacking, q.start, after_q[:, ids])
        follows = (np.isfinite(log_p) | of_either) & (after_p != NOWHERE) & (after_q != NOWHERE)
        keys = np.where(follows, after_p.astype(np.int64) * states + after_q, NOWHERE)
        rows.append((log_p, log_q, keys))
        kinds = np.unique(keys)
        here = np.array([key for key in kinds.tolist() if key != NOWHERE and key not in numbers], dtype=np.int64)
        if len(numbers) + len(here) > limit:
            raise TableTooLargeError(f"together, the two models have more than {limit:,} contexts")
        numbers.update(zip(here.tolist(), range(len(numbers), len(numbers) + len(here)), strict=True))
    everything = [np.concatenate(parts) for parts in zip(*rows, strict=True)]
    order = np.array(sorted(numbers), dtype=np.int64)
    places = np.array([numbers[key] for key in order.tolist()], dtype=np.int32)
    at = np.searchsorted(order, everything[2])
    successors = np.where(everything[2] == NOWHERE, NOWHERE, places[np.minimum(at, len(order) - 1)])
    return Product(everything[0], everything[1], successors.astype(np.int32))
