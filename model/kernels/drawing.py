"""Draws names: one look-up a character where the row was met before, else a row made on the spot."""

import numpy as np

from model.kernels.compilation import kernel
from model.kernels.rows import fill_row, weigh, word

MAX_ATTEMPTS = 100_000
"""At one name. At least a quarter of the attempts are accepted, so that this many never happen."""
OFF = -1
_LOW = np.uint64(0xFFFFFFFF)
_NODE = np.uint64(0x7FFFFFFF)
_HASH_START = np.uint64(0xCBF29CE484222325)
_HASH_PRIME = np.uint64(0x100000001B3)


@kernel
def hash_symbols(symbols, begin, end):
    """FNV-1a over 16-bit symbols."""
    value = _HASH_START
    for place in range(begin, end):
        value = (value ^ np.uint64(symbols[place])) * _HASH_PRIME
    return value ^ (value >> np.uint64(29))


@kernel
def is_listed(symbols, begin, end, listed, listed_ends, table):
    """Whether the name `symbols[begin:end]` is in a list: name i of it is `listed[listed_ends[i]:listed_ends[i + 1]]`,
    found by `table` (a power of two; numbers of names by open addressing, -1 where there is none)."""
    mask = np.uint64(len(table) - 1)
    place = hash_symbols(symbols, begin, end) & mask
    while table[place] >= 0:
        start = listed_ends[table[place]]
        if listed_ends[table[place] + 1] - start == end - begin:
            same = True
            for i in range(end - begin):
                if listed[start + i] != symbols[begin + i]:
                    same = False
                    break
            if same:
                return True
        place = (place + np.uint64(1)) & mask
    return False


@kernel
def index_names(listed, listed_ends, table):
    """Fills `table`, all -1 before, for `is_listed`. The names are distinct."""
    mask = np.uint64(len(table) - 1)
    for name in range(len(listed_ends) - 1):
        place = hash_symbols(listed, listed_ends[name], listed_ends[name + 1]) & mask
        while table[place] >= 0:
            place = (place + np.uint64(1)) & mask
        table[place] = name


@kernel
def draw(
    streams,
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
    listed,
    listed_ends,
    table,
    children,
    terminal,
    remaining,
    symbols,
    ends,
    missed,
):
    """Draws a name for each stream: its letters go to `symbols`, one name after the other, and where it ends to
    `ends` (names + 1,). Returns how many nodes were met that have no row, of which the first go to `missed`; -1 if a
    name was given up.

    `index` (nodes,) holds 1 + the number of a node's row in `entries` (rows, columns, 2). A row may be in the making
    by another thread: an entry counts only if it is PRESENT, and is written as a whole. Names of `table` are
    rejected, unless `children` (the names as a trie) is given: then they are never begun, `remaining` being the
    chance left at each node of the trie.
    """
    size = rows.shape[1]
    columns = entries.shape[1]
    bits = 0
    while (1 << bits) < columns:
        bits += 1
    to_column = np.uint64(64 - bits)
    to_part = np.uint64(32 - bits)
    weights = np.empty(size)
    nodes = np.empty(size, dtype=np.int64)
    parts = np.empty(columns, dtype=np.int64)
    queue = np.empty(columns, dtype=np.int64)
    row = np.empty((columns, 2), dtype=np.uint64)
    missing = 0
    end = 0
    ends[0] = 0
    last_layer = len(layers) - 1
    for name in range(len(streams)):
        stream = streams[name]
        step = 0
        attempts = 0
        while True:
            attempts += 1
            if attempts > MAX_ATTEMPTS:
                return -1
            node = np.int64(0)
            beginning = 0 if len(children) else OFF
            letters = 0
            while True:
                step += 1
                random = word(stream, step)
                column = np.int64(random >> to_column) if bits else 0
                slot = np.int64(index[node]) - 1
                entry = np.uint64(0)
                after = np.uint64(0)
                if slot >= 0 and beginning == OFF:
                    entry = entries[slot, column, 0]
                    after = entries[slot, column, 1]
                if entry == np.uint64(0) or after == np.uint64(0):
                    cell = node // size
                    first = node - cell * size
                    group = cell - layers[min(letters, last_layer), 0]
                    weigh(
                        rows,
                        successors,
                        tails,
                        accepting,
                        chances,
                        layers,
                        group,
                        first,
                        letters,
                        letters >= may_end_from,
                        weights,
                        nodes,
                    )
                    if beginning != OFF:
                        if terminal[beginning]:
                            weights[0] = 0.0
                        for symbol in range(1, size):
                            child = children[beginning, symbol]
                            if child != OFF and weights[symbol] > 0.0:
                                weights[symbol] = rows[tails[group], symbol, first] * remaining[child]
                    else:
                        if missing < len(missed):
                            missed[missing] = node
                        missing += 1
                    if not fill_row(weights, nodes, parts, queue, row):
                        return -1
                    entry = row[column, 0]
                    after = row[column, 1]
                own = (random >> to_part) & _LOW < entry >> np.uint64(32)
                symbol = column if own else np.int64((entry & _LOW) >> np.uint64(1))
                if symbol == 0:
                    break
                if letters == lengths[1]:
                    letters += 1
                    break
                symbols[end + letters] = symbol
                letters += 1
                node = np.int64((after >> np.uint64(32)) & _NODE) if own else np.int64(after & _LOW)
                if beginning != OFF:
                    beginning = children[beginning, symbol]
            if letters < lengths[0] or letters > lengths[1]:
                continue
            if len(table) and is_listed(symbols, end, end + letters, listed, listed_ends, table):
                continue
            end += letters
            ends[name + 1] = end
            break
    return missing


@kernel
def make_rows(
    wanted,
    first_slot,
    rows,
    successors,
    tails,
    accepting,
    chances,
    layers,
    may_end_from,
    groups_letters,
    index,
    entries,
):
    """Makes the rows of the nodes `wanted`, from slot `first_slot` on. `groups_letters` (wanted, 2): group and letters
    so far of each. Returns the number of rows made."""
    size = rows.shape[1]
    columns = entries.shape[1]
    weights = np.empty(size)
    nodes = np.empty(size, dtype=np.int64)
    parts = np.empty(columns, dtype=np.int64)
    queue = np.empty(columns, dtype=np.int64)
    slot = first_slot
    for i in range(len(wanted)):
        if slot == len(entries):
            break
        group, letters = groups_letters[i, 0], groups_letters[i, 1]
        weigh(
            rows,
            successors,
            tails,
            accepting,
            chances,
            layers,
            group,
            wanted[i] % size,
            letters,
            letters >= may_end_from,
            weights,
            nodes,
        )
        if fill_row(weights, nodes, parts, queue, entries[slot]):
            slot += 1
            index[wanted[i]] = slot
    return slot - first_slot
