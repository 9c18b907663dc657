"""Names without repeats, in the order in which repeated draws would bring them.

Each name has the Gumbel-perturbed log-probability that makes the order of the greatest ones a sample without
replacement; the tree of beginnings is searched best first, each beginning holding the greatest value below it
(Kool, van Hoof & Welling 2019). Nothing is drawn twice, so that a set that runs out is noticed at once.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.kernels.arcs import after
from model.kernels.arrays import Floats, Ints, Numbers
from model.kernels.compilation import inlined, kernel
from model.kernels.conditional import weigh
from model.kernels.lookup import is_listed
from model.kernels.rows import word


@kernel
def sift_up(heap, values, place):
    while place > 0:
        parent = (place - 1) >> 1
        if values[heap[parent]] >= values[heap[place]]:
            break
        heap[parent], heap[place] = heap[place], heap[parent]
        place = parent


@kernel
def sift_down(heap, values, count):
    place = 0
    while True:
        child = 2 * place + 1
        if child >= count:
            break
        if child + 1 < count and values[heap[child + 1]] > values[heap[child]]:
            child += 1
        if values[heap[place]] >= values[heap[child]]:
            break
        heap[place], heap[child] = heap[child], heap[place]
        place = child


_ROOT = np.uint64(0x9E3779B97F4A7C15)


@inlined
def _gumbel(key, symbol):
    random = word(key, symbol + 1) >> np.uint64(11)
    return -math.log(-math.log((np.float64(random) + 0.5) * 2.0**-53))


@kernel
def _perturb(log_masses, key, greatest, perturbed):
    """Gumbel values (symbols,) with locations `log_masses`, their maximum being `greatest`."""
    maximum = -np.inf
    for symbol in range(len(log_masses)):
        if log_masses[symbol] > -np.inf:
            perturbed[symbol] = log_masses[symbol] + _gumbel(key, symbol)
            maximum = max(maximum, perturbed[symbol])
        else:
            perturbed[symbol] = -np.inf
    for symbol in range(len(log_masses)):
        value = perturbed[symbol]
        if value == maximum:
            perturbed[symbol] = greatest
        elif value > -np.inf:
            v = greatest - value + math.log1p(-math.exp(value - maximum))
            perturbed[symbol] = greatest - max(v, 0.0) - math.log1p(math.exp(-abs(v)))


class _Records(NamedTuple):
    """Beginnings that were opened, each (records,): the one before it and its last symbol, its letters, its key, its
    log-probability so far, its cell; the values (records, symbols) of the ways on from it, and the greatest one not
    yet taken, by which it waits in the heap."""

    parents: Numbers
    symbols: Numbers
    letters: Numbers
    keys: NDArray[np.uint64]
    log_chances: Floats
    cells: Ints
    ways: Floats
    values: Floats
    taken: Numbers
    heap: Numbers


@kernel
def _room(count, size):
    return _Records(
        np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32),
        np.empty(count, dtype=np.uint64), np.empty(count), np.empty(count, dtype=np.int64), np.empty((count, size)),
        np.empty(count), np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32),
    )  # fmt: skip


@kernel
def _open(records, new, plan, lengths, shortest, greatest, weights, cells):
    """Fills the ways on from record `new`, whose greatest is to be `greatest`; `weights` and `cells` (symbols,) are
    room to work in."""
    layers = plan.layers
    last_layer = len(layers) - 1
    depth, ways = np.int64(records.letters[new]), records.ways[new]
    weigh(plan, records.cells[new] - layers[min(depth, last_layer), 0], depth, weights, cells)
    for way in range(len(weights)):
        weights[way] = records.log_chances[new] + math.log(weights[way]) if weights[way] > 0.0 else -np.inf
    _perturb(weights, records.keys[new], greatest, ways)
    # Only now are ways left out that lead to no name of an allowed length: they had their share in `greatest`.
    if depth < lengths[0]:
        ways[0] = -np.inf
    for way in range(1, len(weights)):
        if weights[way] > -np.inf:
            following = cells[way] - layers[min(depth + 1, last_layer), 0]
            if depth + 1 + shortest[following] > lengths[1]:
                ways[way] = -np.inf


@kernel
def _wait(records, current, waiting):
    """A record waits for its greatest way to be taken, if it has one left. Returns how many records wait."""
    ways = records.ways[current]
    following = 0
    for way in range(1, len(ways)):
        if ways[way] > ways[following]:
            following = way
    if ways[following] == -np.inf:
        return waiting
    records.values[current] = ways[following]
    records.taken[current] = following
    records.heap[waiting] = current
    sift_up(records.heap, records.values, waiting)
    return waiting + 1


@kernel
def _spell(records, current, name):
    """The letters of a record, into `name`. Returns how many."""
    length = records.letters[current]
    for place in range(length - 1, -1, -1):
        name[place] = records.symbols[current]
        current = records.parents[current]
    return length


@kernel
def draw_distinct(key, count, max_records, plan, lengths, shortest, avoid, symbols, ends, size):
    """Writes up to `count` different names to `symbols` and `ends` (count + 1,) and returns how many; -1 where it would
    take more than `max_records` beginnings. `shortest` (nodes,) is the least number of letters that are missing to an
    acceptable end. Names of `avoid` are left out (see `is_listed`). `size` is the number of symbols."""
    records = _room(max_records, size)
    weights, cells = np.empty(size), np.empty(size, dtype=np.int64)
    name = np.empty(lengths[1] + 1, dtype=symbols.dtype)
    last_layer = len(plan.layers) - 1
    found, end = 0, 0
    ends[0] = 0
    records.parents[0], records.symbols[0], records.letters[0], records.cells[0] = -1, 0, 0, 1
    records.keys[0], records.log_chances[0] = word(key ^ _ROOT, 1), 0.0
    _open(records, 0, plan, lengths, shortest, 0.0, weights, cells)
    opened = 1
    waiting = _wait(records, 0, 0)
    while found < count and waiting > 0:
        # The greatest way of all is taken; the next one of the same record waits in its place.
        current = records.heap[0]
        waiting -= 1
        records.heap[0] = records.heap[waiting]
        sift_down(records.heap, records.values, waiting)
        way = records.taken[current]
        greatest = records.ways[current, way]
        records.ways[current, way] = -np.inf
        waiting = _wait(records, current, waiting)
        depth = np.int64(records.letters[current])
        if way == 0:
            length = _spell(records, current, name)
            if not (len(avoid.keys) and is_listed(name, 0, length, avoid)):
                symbols[end : end + length] = name[:length]
                end += length
                found += 1
                ends[found] = end
            continue
        if opened == max_records:
            return -1
        node = records.cells[current] - plan.layers[min(depth, last_layer), 0]
        weigh(plan, node, depth, weights, cells)
        records.parents[opened], records.symbols[opened] = current, way
        records.letters[opened], records.cells[opened] = depth + 1, cells[way]
        chance = after(plan.arcs, plan.nodes.states[node], way)[0]
        records.log_chances[opened] = records.log_chances[current] + math.log(chance)
        records.keys[opened] = word(records.keys[current] ^ np.uint64(way), 1)
        _open(records, opened, plan, lengths, shortest, greatest, weights, cells)
        waiting = _wait(records, opened, waiting)
        opened += 1
    return found
