"""Draws names: one look-up a character where the row was met before, else a row made on the spot."""

import numpy as np

from model.kernels.compilation import kernel
from model.kernels.lookup import is_listed, name_key, place_of
from model.kernels.one_name import draw_name
from model.kernels.rows import LOW, NODE, bits_of, word

LANES = 8
"""Names drawn at a time."""
GIVEN_UP = -1
NO_ROOM = -2
BLOCK = 64
"""Names after which those drawn are put in order."""


@kernel
def _draw_block(
    start, first_name, count, lengths, index, entries, bits_each, listed, listed_ends, keys, numbers, scratch, sizes
):
    """Draws `count` names into the rows of `scratch` as far as rows have been made; `sizes` (count,) takes their
    letters, -1 where a row was missing. All are looked for in the list at once, and those that are in it are drawn
    again, with the numbers that follow in their streams."""
    waiting = np.arange(count)
    steps = np.zeros(count, dtype=np.uint64)
    found = np.empty(count, dtype=np.uint64)
    while len(waiting) > 0:
        _draw_waiting(start, first_name, waiting, steps, lengths, index, entries, scratch, sizes)
        if len(keys) == 0:
            return
        for i in range(len(waiting)):  # only loads, which do not wait for each other
            size = sizes[waiting[i]]
            key = name_key(scratch[waiting[i]], 0, size, bits_each)
            found[i] = keys[place_of(key, keys)]
        again = 0
        for i in range(len(waiting)):
            name = waiting[i]
            seen = found[i] != np.uint64(0) and sizes[name] > 0
            if seen and is_listed(scratch[name], 0, sizes[name], bits_each, listed, listed_ends, keys, numbers):
                waiting[again] = name
                again += 1
        waiting = waiting[:again]


@kernel
def _draw_waiting(start, first_name, waiting, steps, lengths, index, entries, scratch, sizes):
    """Draws the names `waiting`, from the numbers `steps` of their streams on. Some are drawn at a time, a character of
    each in turn, so that the look-ups of one are on their way while those of the others are used."""
    columns = entries.shape[1]
    bits = bits_of(columns)
    to_column = np.uint64(64 - bits)
    to_part = np.uint64(32 - bits)
    count = len(waiting)
    streams = np.empty(LANES, dtype=np.uint64)
    lane_steps = np.empty(LANES, dtype=np.uint64)
    nodes = np.zeros(LANES, dtype=np.uint64)
    letters = np.zeros(LANES, dtype=np.uint64)
    names = np.empty(LANES, dtype=np.uint64)
    lanes = min(LANES, count)
    for lane in range(lanes):
        names[lane] = waiting[lane]
        lane_steps[lane] = steps[names[lane]]
        streams[lane] = word(start, first_name + waiting[lane])
    taken = lanes
    least = np.uint64(lengths[0])
    most = np.uint64(lengths[1])
    while lanes > 0:
        lane = 0
        while lane < lanes:
            lane_steps[lane] += np.uint64(1)
            random = word(streams[lane], lane_steps[lane])
            column = random >> to_column
            slot = index[nodes[lane]]
            length = letters[lane]
            missing = slot <= 0
            symbol = np.uint64(0)
            if not missing:
                row = np.uint64(slot - 1)
                entry = entries[row, column, 0]
                after = entries[row, column, 1]
                own = (random >> to_part) & LOW < entry >> np.uint64(32)
                symbol = column if own else (entry & LOW) >> np.uint64(1)
                missing = entry == np.uint64(0) or after == np.uint64(0)
                if symbol != np.uint64(0) and length < most:
                    scratch[names[lane], length] = symbol
                    letters[lane] = length + np.uint64(1)
                    nodes[lane] = (after >> np.uint64(32)) & NODE if own else after & LOW
                    lane += 1
                    continue
            letters[lane] = np.uint64(0)
            nodes[lane] = np.uint64(0)
            if not missing and (symbol != np.uint64(0) or length < least):
                continue
            sizes[names[lane]] = -1 if missing else np.int64(length)
            steps[names[lane]] = lane_steps[lane]
            # The lane is free: it takes the next name, or the last lane's.
            if taken < count:
                names[lane] = waiting[taken]
                lane_steps[lane] = steps[names[lane]]
                streams[lane] = word(start, first_name + waiting[taken])
                taken += 1
            else:
                lanes -= 1
                names[lane] = names[lanes]
                streams[lane] = streams[lanes]
                lane_steps[lane] = lane_steps[lanes]
                nodes[lane] = nodes[lanes]
                letters[lane] = letters[lanes]


@kernel
def draw(
    start,
    first_name,
    count,
    rows,
    successors,
    tails,
    accepting,
    chances,
    layers,
    may_end_from,
    lengths,
    index,
    entries,
    bits_each,
    listed,
    listed_ends,
    keys,
    numbers,
    children,
    terminal,
    remaining,
    symbols,
    ends,
    missed,
):
    """Draws the names `first_name` to `first_name + count - 1` of a seed, whose streams begin at `start` (see
    `model.random_numbers`): their letters go to `symbols`, one name after the other, and where each ends to `ends`
    (count + 1,). Returns how many nodes were met that have no row, of which the first go to `missed`; GIVEN_UP if a
    name was given up, NO_ROOM if `symbols` was full.

    `index` (nodes,) holds 1 + the number of a node's row in `entries` (rows, columns, 2). A row may be in the making
    by another thread: an entry counts only if it is PRESENT, and is written as a whole. Names of `keys` are
    rejected, unless `children` (the names as a trie) is given: then they are never begun, `remaining` being the
    chance left at each node of the trie.
    """
    size = rows.shape[1]
    columns = entries.shape[1]
    room = (
        np.empty(size),
        np.empty(size, dtype=np.int64),
        np.empty(columns, dtype=np.int64),
        np.empty(columns, dtype=np.int64),
        np.empty((columns, 2), dtype=np.uint64),
    )
    scratch = np.empty((BLOCK, lengths[1] + 1), dtype=np.uint16)
    sizes = np.empty(BLOCK, dtype=np.int64)
    missing = 0
    end = 0
    ends[0] = 0
    for begin in range(0, count, BLOCK):
        block = min(BLOCK, count - begin)
        if len(children):
            sizes[:block] = -1
        else:
            _draw_block(
                start,
                first_name + begin,
                block,
                lengths,
                index,
                entries,
                bits_each,
                listed,
                listed_ends,
                keys,
                numbers,
                scratch,
                sizes,
            )
        for name in range(block):
            if sizes[name] < 0:
                sizes[name], missing = draw_name(
                    word(start, first_name + begin + name),
                    rows, successors, tails, accepting, chances, layers, may_end_from, lengths, index, entries,
                    bits_each, listed, listed_ends, keys, numbers, children, terminal, remaining,
                    scratch[name], room, missed, missing,
                )  # fmt: skip
                if sizes[name] < 0:
                    return GIVEN_UP
            if end + sizes[name] > len(symbols):
                return NO_ROOM
            for place in range(sizes[name]):
                symbols[end + place] = scratch[name, place]
            end += sizes[name]
            ends[begin + name + 1] = end
    return missing
