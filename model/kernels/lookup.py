"""Look-ups by open addressing: names in a list, and numbers by their keys."""

import numpy as np

from model.kernels.compilation import inlined, kernel

HASHED = np.uint64(1) << np.uint64(63)
"""Set in the key of a name that is too long to be its own key."""
_HASH_START = np.uint64(0xCBF29CE484222325)
_HASH_PRIME = np.uint64(0x100000001B3)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_HASH = np.int64(-7046029254386353131)  # 2^64 / golden ratio, as a signed integer
ABSENT = np.int64(-1)
NUMBER_BITS = np.int64(21)
"""Of an entry of a hash table, the lowest: a number. Above stands its key."""
NUMBER_MASK = (np.int64(1) << NUMBER_BITS) - np.int64(1)


@inlined
def name_key(symbols, begin, end, bits):
    """A key (64 bits, not 0) of a name whose symbols take `bits` bits each: the letters themselves where they fit, so
    that equal keys are equal names; else a hash, with the highest bit set."""
    value = np.uint64(0)
    if (end - begin) * bits < 64:
        for place in range(begin, end):
            value = (value << np.uint64(bits)) | np.uint64(symbols[place])
    else:
        value = _HASH_START
        for place in range(begin, end):
            value = (value ^ np.uint64(symbols[place])) * _HASH_PRIME
        value = value | HASHED
    return value


@inlined
def place_of(key, keys):
    """Where the search for a key begins."""
    return (key * _SPREAD) >> np.uint64(32) & np.uint64(len(keys) - 1)


@kernel
def is_listed(symbols, begin, end, names):
    """Whether the name `symbols[begin:end]` is in a list (see `arrays.Listed`): name i of it is
    `listed[listed_ends[i]:listed_ends[i + 1]]`, found by `keys` and `numbers` (a power of two; open addressing, key 0
    where there is none)."""
    bits, listed, listed_ends, keys, numbers = names
    mask = np.uint64(len(keys) - 1)
    key = name_key(symbols, begin, end, bits)
    place = place_of(key, keys)
    while keys[place] != np.uint64(0):
        if keys[place] == key:
            if key < HASHED:
                return True
            start = listed_ends[numbers[place]]
            if listed_ends[numbers[place] + 1] - start == end - begin:
                same = True
                for i in range(end - begin):
                    if listed[start + i] != symbols[begin + i]:
                        same = False
                        break
                if same:
                    return True
        place = (place + np.uint64(1)) & mask
    return False


@inlined
def is_key(key, keys):
    """Whether a name that is its own key is listed: no more than that needs be looked at."""
    mask = np.uint64(len(keys) - 1)
    place = place_of(key, keys)
    while keys[place] != np.uint64(0) and keys[place] != key:
        place = (place + np.uint64(1)) & mask
    return keys[place] == key


@inlined
def _bit_of(key, sieve):
    return ((key * _SPREAD) >> np.uint64(20)) & np.uint64(8 * len(sieve) - 1)


@inlined
def may_be_listed(key, sieve):
    """False only for keys of names that are not listed, and for nearly all of those. `sieve` has a bit for each of a
    power of two of hashes, eight to a byte, and fits the processor's cache where the keys do not."""
    place = _bit_of(key, sieve)
    return (sieve[place >> np.uint64(3)] >> (place & np.uint64(7))) & np.uint8(1) != 0


@kernel
def fill_sieve(keys, sieve):
    """Sets the bits of `sieve`, all 0 before, for `may_be_listed`."""
    for key in keys:
        if key != np.uint64(0):
            place = _bit_of(key, sieve)
            sieve[place >> np.uint64(3)] |= np.uint8(1) << (place & np.uint64(7))


@kernel
def find_listed(symbols, ends, names, held):
    """Tells of each name (names,) whether it is listed, into `held`; see `is_listed`."""
    for name in range(len(ends) - 1):
        held[name] = is_listed(symbols, ends[name], ends[name + 1], names)


@kernel
def index_names(listed, listed_ends, bits, keys, numbers):
    """Fills `keys` and `numbers`, all 0 before, for `is_listed`. The names are distinct and not empty."""
    mask = np.uint64(len(keys) - 1)
    for name in range(len(listed_ends) - 1):
        key = name_key(listed, listed_ends[name], listed_ends[name + 1], bits)
        place = place_of(key, keys)
        while keys[place] != np.uint64(0):
            place = (place + np.uint64(1)) & mask
        keys[place] = key
        numbers[place] = name


@inlined
def number_at(key, table):
    """Where a key stands in a hash table of numbers (a power of two), or may be put."""
    mask = np.int64(len(table) - 1)
    place = ((key * _HASH) >> np.int64(20)) & mask
    while table[place] != ABSENT and table[place] >> NUMBER_BITS != key:
        place = (place + 1) & mask
    return place


@kernel
def table_of(keys, count, size):
    """A hash table of `size` places of the numbers 0 to count - 1, by their `keys`, but for those without one."""
    table = np.full(size, ABSENT, dtype=np.int64)
    for number in range(count):
        if keys[number] != ABSENT:
            table[number_at(keys[number], table)] = (keys[number] << NUMBER_BITS) | number
    return table


@kernel
def with_room(table, keys, count, more):
    """The hash table itself, or a larger one where it would be more than half full with `more` numbers."""
    size = len(table)
    while 2 * (count + more) > size:
        size *= 4
    return table if size == len(table) else table_of(keys, count, size)
