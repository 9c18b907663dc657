"""Names without repeats, in the order in which repeated draws would bring them.

Each name has the Gumbel-perturbed log-probability that makes the order of the greatest ones a sample without
replacement; the tree of beginnings is searched best first, each beginning holding the greatest value below it
(Kool, van Hoof & Welling 2019). Nothing is drawn twice, so that a set that runs out is noticed at once.
"""

import math

import numpy as np

from model.kernels.arcs import after
from model.kernels.compilation import inlined, kernel
from model.kernels.conditional import weigh
from model.kernels.heap import sift_down, sift_up
from model.kernels.lookup import is_listed
from model.kernels.rows import word

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


@kernel
def draw_distinct(key, count, max_records, plan, lengths, shortest, avoid, symbols, ends, size):
    """Writes up to `count` different names to `symbols` and `ends` (count + 1,) and returns how many; -1 where it would
    take more than `max_records` beginnings. `shortest` (nodes,) is the least number of letters that are missing to an
    acceptable end. Names of `avoid` are left out (see `is_listed`). `size` is the number of symbols.

    A record is a beginning that was opened: the values of the ways on from it, of which the greatest not yet
    taken waits in the heap.
    """
    layers = plan.layers
    parents = np.empty(max_records, dtype=np.int32)
    last_symbols = np.empty(max_records, dtype=np.int32)
    letters = np.empty(max_records, dtype=np.int32)
    record_keys = np.empty(max_records, dtype=np.uint64)
    log_chances = np.empty(max_records)
    record_cells = np.empty(max_records, dtype=np.int64)
    ways = np.empty((max_records, size))
    values = np.empty(max_records)
    taken = np.empty(max_records, dtype=np.int32)
    heap = np.empty(max_records, dtype=np.int32)
    weights = np.empty(size)
    cells = np.empty(size, dtype=np.int64)
    log_masses = np.empty(size)
    name = np.empty(lengths[1] + 1, dtype=symbols.dtype)
    last_layer = len(layers) - 1
    waiting = 0
    records = 0
    found = 0
    end = 0
    ends[0] = 0
    # What is to be opened next: a beginning, described as a record before it is one.
    parent, symbol, depth, cell = -1, 0, 0, np.int64(1)
    record_key, log_chance, greatest = word(key ^ _ROOT, 1), 0.0, 0.0
    opening = True
    while found < count:
        if opening:
            if records == max_records:
                return -1
            node = cell - layers[min(depth, last_layer), 0]
            weigh(plan, node, depth, weights, cells)
            for way in range(size):
                log_masses[way] = log_chance + math.log(weights[way]) if weights[way] > 0.0 else -np.inf
            _perturb(log_masses, record_key, greatest, ways[records])
            # Only now are ways left out that lead to no name of an allowed length: they had their share in `greatest`.
            if depth < lengths[0]:
                ways[records, 0] = -np.inf
            for way in range(1, size):
                if weights[way] > 0.0:
                    following_node = cells[way] - layers[min(depth + 1, last_layer), 0]
                    if depth + 1 + shortest[following_node] > lengths[1]:
                        ways[records, way] = -np.inf
            parents[records], last_symbols[records], letters[records] = parent, symbol, depth
            record_keys[records], log_chances[records], record_cells[records] = record_key, log_chance, cell
            current = records
            records += 1
        else:
            current = heap[0]
            # The way that waited is taken; the next one of the same record waits in its place.
            waiting -= 1
            heap[0] = heap[waiting]
            sift_down(heap, values, waiting)
            way = taken[current]
            greatest = ways[current, way]
            ways[current, way] = -np.inf
        following = 0
        for other in range(1, size):
            if ways[current, other] > ways[current, following]:
                following = other
        if ways[current, following] > -np.inf:
            values[current] = ways[current, following]
            taken[current] = following
            heap[waiting] = current
            waiting += 1
            sift_up(heap, values, waiting - 1)
        if opening:
            opening = False
            if waiting == 0:
                break
            continue
        if way == 0:
            length = letters[current]
            walk = current
            for place in range(length - 1, -1, -1):
                name[place] = last_symbols[walk]
                walk = parents[walk]
            if not (len(avoid.keys) and is_listed(name, 0, length, avoid)):
                for place in range(length):
                    symbols[end + place] = name[place]
                end += length
                found += 1
                ends[found] = end
            if waiting == 0:
                break
            continue
        # Open the way taken.
        parent, symbol, depth = current, way, np.int64(letters[current]) + 1
        node = record_cells[current] - layers[min(letters[current], last_layer), 0]
        weigh(plan, node, np.int64(letters[current]), weights, cells)
        cell = cells[way]
        log_chance = log_chances[current] + math.log(after(plan.arcs, plan.nodes.states[node], way)[0])
        record_key = word(record_keys[current] ^ np.uint64(way), 1)
        opening = True
    return found
