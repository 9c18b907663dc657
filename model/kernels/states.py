"""Finds the groups of a plan, and gives each its chance. See `model.plan` for what they are."""

import numpy as np

from model.kernels.compilation import kernel

DEAD = -1
MANY = -2
"""In `only_first`: more than one first symbol is possible."""
_HASH = np.int64(-7046029254386353131)  # 2^64 / golden ratio, as a signed integer


@kernel
def discover(moves, others, possible, max_depth, max_groups):
    """Breadth-first search over (state, other state, tail).

    `moves` and `others` (states, symbols) are two automata; `possible` (tails, symbols) tells which symbols can
    follow a tail. Returns `states` (groups, 2), `tails`, `depths`, `only_first` (groups,) and `successors` (groups,
    symbols), DEAD for nowhere. No more than `max_groups` are looked for: one more is then returned.
    """
    tail_count, size = possible.shape
    bits = 4
    while (1 << bits) < 2 * (max_groups + 2):
        bits += 1
    mask = np.int64((1 << bits) - 1)
    keys = np.full(1 << bits, -1, dtype=np.int64)
    numbers = np.empty(1 << bits, dtype=np.int32)
    room = max_groups + 1
    states = np.empty((room, 2), dtype=np.int32)
    tails = np.empty(room, dtype=np.int32)
    depths = np.empty(room, dtype=np.int32)
    only_first = np.empty(room, dtype=np.int32)
    successors = np.full((room, size), DEAD, dtype=np.int32)
    states[0, 0] = 0
    states[0, 1] = 0
    tails[0] = 0
    depths[0] = 0
    only_first[0] = 0
    keys[0] = 0  # the start has key 0, which hashes to 0
    numbers[0] = 0
    count = 1
    group = 0
    while group < count and depths[group] < max_depth:
        tail = np.int64(tails[group])
        for symbol in range(1, size):
            if not possible[tail, symbol]:
                continue
            state = np.int64(moves[states[group, 0], symbol])
            other = np.int64(others[states[group, 1], symbol])
            if state < 0 or other < 0:
                continue
            after = (tail * size + symbol) % tail_count
            first = np.int32((tail * size + symbol) // tail_count)
            key = (state * len(others) + other) * tail_count + after
            place = ((key * _HASH) >> np.int64(20)) & mask
            while keys[place] != -1 and keys[place] != key:
                place = (place + 1) & mask
            if keys[place] == -1:
                if count > max_groups:
                    return states[:count], tails[:count], depths[:count], only_first[:count], successors[:count]
                keys[place] = key
                numbers[place] = count
                states[count, 0] = state
                states[count, 1] = other
                tails[count] = after
                depths[count] = depths[group] + 1
                only_first[count] = first
                count += 1
            number = numbers[place]
            successors[group, symbol] = number
            if only_first[number] != first:
                only_first[number] = MANY
        group += 1
    return states[:count], tails[:count], depths[:count], only_first[:count], successors[:count]


@kernel
def layer_ranges(successors, max_length, low, high):
    """Least group and one past the greatest group after each number of letters, into `low` and `high`
    (max_length + 1,). `successors` as from `discover`, its groups numbered by depth. A range may hold groups that
    cannot be met at that time."""
    count, size = successors.shape
    here = np.zeros(count, dtype=np.int32)
    there = np.empty(count, dtype=np.int32)
    met = np.full(count, -1, dtype=np.int32)
    here_count = 1
    low[0] = 0
    high[0] = 1
    for letters in range(1, max_length + 1):
        there_count = 0
        same = True
        least = count
        greatest = -1
        for i in range(here_count):
            for symbol in range(1, size):
                number = successors[here[i], symbol]
                if number != DEAD and met[number] != letters:
                    same = same and met[number] == letters - 1
                    met[number] = letters
                    there[there_count] = number
                    there_count += 1
                    least = min(least, number)
                    greatest = max(greatest, number)
        low[letters] = least
        high[letters] = greatest + 1
        if there_count == 0:
            low[letters:] = 0
            high[letters:] = 0
            return
        if same and there_count == here_count:
            low[letters:] = least
            high[letters:] = greatest + 1
            return
        here, there = there, here
        here_count = there_count


@kernel
def sweep(
    rows,
    lone_rows,
    successors,
    tails,
    only_first,
    accepting,
    after,
    after_low,
    after_high,
    out,
    low,
    high,
    may_end,
    best,
):
    """One step of backward dynamic programming for the groups `low` to `high - 1`.

    `rows` (tails, symbols, width) holds probabilities by tail, next symbol and first symbol of the context, and
    `lone_rows` (groups, symbols) those of the groups with one first symbol; `after` (after_high - after_low, width)
    the chances one letter later; `out` (high - low, width) takes the chances now: the sum over next symbols, or with
    `best` the greatest of the products.
    """
    tail_count, size, width = rows.shape
    total = np.empty(width)
    for group in range(low, high):
        tail = np.int64(tails[group])
        probabilities = rows[tail]
        ends = may_end and accepting[group]
        alone = only_first[group]
        # A context of one character begins with the next symbol; a longer one with the tail's first, whatever comes.
        first_after = tail * size // tail_count
        if alone >= 0:
            value = lone_rows[group, 0] if ends else 0.0
            for symbol in range(1, size):
                number = successors[group, symbol]
                if number >= after_low and number < after_high:
                    chance = after[number - after_low, symbol if tail_count == 1 else first_after]
                    term = lone_rows[group, symbol] * chance
                    value = max(value, term) if best else value + term
            out[group - low, alone] = value
            continue
        for first in range(width):
            total[first] = probabilities[0, first] if ends else 0.0
        for symbol in range(1, size):
            number = successors[group, symbol]
            if number < after_low or number >= after_high:
                continue
            chance = after[number - after_low, symbol if tail_count == 1 else first_after]
            if chance == 0.0:
                continue
            if best:
                for first in range(width):
                    total[first] = max(total[first], probabilities[symbol, first] * chance)
            else:
                for first in range(width):
                    total[first] += probabilities[symbol, first] * chance
        for first in range(width):
            out[group - low, first] = total[first]


@kernel
def greatest_change(before, after):
    """The greatest relative growth between two arrays (groups, width) of which the second is nowhere smaller."""
    worst = 0.0
    for group in range(len(after)):
        for first in range(after.shape[1]):
            value = after[group, first]
            if value > 0.0:
                worst = max(worst, (value - before[group, first]) / value)
    return worst
