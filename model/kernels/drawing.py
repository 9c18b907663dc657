"""Draws names: one look-up a character where the row was met before, else a row made on the spot."""

import numpy as np

from model.kernels.arrays import Block, Lanes
from model.kernels.compilation import kernel
from model.kernels.conditional import weigh
from model.kernels.lanes import LANES, draw_waiting
from model.kernels.lookup import is_key, is_listed, may_be_listed, place_of
from model.kernels.rows import LOW, bits_of, drawn_symbol, fill_row, word
from model.kernels.trie import keep_beside

MAX_ATTEMPTS = 100_000
"""At least a quarter of the attempts are accepted, so that this many never happen."""


@kernel
def draw_name(stream, plan, lengths, start_cell, rows, listed, trie, name, room, missed, missing):
    """Draws one name, whatever may be needed for it, into `name`. Returns its letters, -1 if it was given up, and how
    many cells without a row have been met so far. `room` is room to work in."""
    bits, half = np.uint64(bits_of(rows.fine.shape[1])), np.uint64(rows.half_bits)
    step = 0
    for _ in range(MAX_ATTEMPTS):
        cell = np.int64(start_cell)
        letters = 0
        while True:
            step += 1
            random = word(stream, step)
            slot = np.int64(rows.index[cell]) - 1
            if slot >= 0:
                symbol = np.int64(drawn_symbol(rows.near, rows.fine, slot, random, bits, half))
                cell = np.int64(rows.after[slot, symbol])
            else:
                if missing < len(missed):
                    missed[missing] = cell
                missing += 1
                symbol, cell = _without_row(plan, trie, cell, letters, random, bits, room)
            if symbol < 0:
                return -1, missing
            if symbol == 0:
                break
            if letters == lengths[1]:
                letters += 1
                break
            name[letters] = symbol
            letters += 1
        if letters < lengths[0] or letters > lengths[1]:
            continue
        if len(listed.keys) and is_listed(name, 0, letters, listed):
            continue
        return letters, missing
    return -1, missing


@kernel
def _without_row(plan, trie, cell, letters, random, bits, room):
    """The symbol that a random number draws from the row of a cell, which is made for it alone, and the cell after it;
    -1 where nothing can follow."""
    weights, cells, parts, queue, row = room
    beginning = cell - len(plan.chances)
    place = cell if beginning < 0 else trie.places[beginning]
    node = place - plan.layers[min(letters, len(plan.layers) - 1), 0]
    weigh(plan, node, letters, weights, cells)
    if beginning >= 0:
        keep_beside(trie, beginning, plan, node, weights, cells)
    if not fill_row(weights, cells, parts, queue, row):
        return -1, cell
    column = np.int64(random >> (np.uint64(64) - bits))
    entry, after = row[column, 0], row[column, 1]
    if (random >> (np.uint64(32) - bits)) & LOW < entry >> np.uint64(32):
        return column, np.int64(after >> np.uint64(32))
    return np.int64((entry & LOW) >> np.uint64(1)), np.int64(after & LOW)


COPIED = 16
"""Letters copied of every name; `symbols` needs room for as many behind the last one."""
GIVEN_UP = -1
NO_ROOM = -2
BLOCK = 256
"""Names after which those drawn are put in order."""


@kernel
def _draw_block(start, first_name, count, lengths, first_slot, rows, listed, sieve, letters, sizes):
    """Draws `count` names into the rows of `letters` as far as rows have been made; `sizes` (count,) takes their
    letters, -1 where a row was missing. All are looked for in the list together, so that look-ups do not wait for each
    other and hardly a branch has to be guessed; those that are in it are drawn again, with the numbers that follow in
    their streams."""
    bits_each, keys = listed.bits, listed.keys
    waiting = np.arange(count)
    steps = np.zeros(count, dtype=np.uint64)
    drawn_keys = np.empty(count, dtype=np.uint64)
    found = np.empty(count, dtype=np.uint64)
    room = np.empty((6, LANES), dtype=np.uint64)
    lanes = Lanes(room[0], room[1], room[2], room[3], room[4], room[5])
    block = Block(letters, sizes, drawn_keys)
    while len(waiting) > 0:
        draw_waiting(start, first_name, waiting, steps, lengths, first_slot, rows, bits_each, block, lanes)
        if len(keys) == 0:
            return
        again = 0
        suspects = 0
        for i in range(len(waiting)):
            name = waiting[i]
            fits = sizes[name] * bits_each < 64
            suspected = sizes[name] > 0 and (not fits or may_be_listed(drawn_keys[name], sieve))
            waiting[suspects] = name
            suspects += suspected
        for i in range(suspects):
            found[i] = keys[place_of(drawn_keys[waiting[i]], keys)]
        for i in range(suspects):
            name = waiting[i]
            if sizes[name] * bits_each < 64:
                is_one = found[i] == drawn_keys[name]
                if found[i] != np.uint64(0) and not is_one:
                    is_one = is_key(drawn_keys[name], keys)
            else:
                is_one = is_listed(letters[name], 0, sizes[name], listed)
            waiting[again] = name
            again += is_one
        waiting = waiting[:again]


@kernel
def draw(start, first_name, count, plan, lengths, rows, listed, sieve, trie, symbols, ends, missed):
    """Draws the names `first_name` to `first_name + count - 1` of a seed, whose streams begin at `start` (see
    `model.kernels.random_numbers`): their letters go to `symbols`, one name after the other, and where each ends to
    `ends` (count + 1,). Returns how many cells were met that have no row, of which the first go to `missed`; GIVEN_UP
    if a name was given up, NO_ROOM if `symbols` was full.

    `rows.index` (cells,) holds 1 + the number of a cell's row in `near` and `fine` (see `rows.make_rows` and
    `model.sampling.alias_rows`), which is complete before its number is there to be read. Names of `trie` (see
    `model.sampling.excluded_names`) are never begun, those of `listed` are rejected.
    """
    size = rows.size
    start_cell = len(plan.chances) if len(trie.starts) > 1 else 1
    width = rows.fine.shape[1]
    room = (
        np.empty(size),
        np.empty(size, dtype=np.int64),
        np.empty(width, dtype=np.int64),
        np.empty(width, dtype=np.int64),
        np.empty((width, 2), dtype=np.uint64),
    )
    scratch = np.zeros((BLOCK, max(lengths[1] + 1, COPIED)), dtype=np.uint16)
    sizes = np.empty(BLOCK, dtype=np.int64)
    missing = 0
    end = 0
    ends[0] = 0
    for begin in range(0, count, BLOCK):
        block = min(BLOCK, count - begin)
        first_slot = np.uint64(rows.index[start_cell])
        _draw_block(start, first_name + begin, block, lengths, first_slot, rows, listed, sieve, scratch, sizes)
        for name in range(block):
            if sizes[name] < 0:
                sizes[name], missing = draw_name(
                    word(start, first_name + begin + name),
                    plan, lengths, start_cell, rows, listed, trie, scratch[name], room, missed, missing,
                )  # fmt: skip
                if sizes[name] < 0:
                    return GIVEN_UP
            if end + max(sizes[name], COPIED) > len(symbols):
                return NO_ROOM
            for place in range(COPIED):  # always as many, though most names are shorter: no branch to guess wrong
                symbols[end + place] = scratch[name, place]
            for place in range(COPIED, sizes[name]):
                symbols[end + place] = scratch[name, place]
            end += sizes[name]
            ends[begin + name + 1] = end
    return missing
