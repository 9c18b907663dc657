"""Draws names without a plan: letter by letter from the model's own distribution, begun again where a name fails."""

import numpy as np

from model.kernels.compilation import kernel
from model.kernels.lookup import is_listed
from model.kernels.remembered import place_of
from model.kernels.rows import word

LETTERS, STATE, STEPS, ATTEMPTS, OUTCOME = range(5)
"""Columns of `progress`: letters so far, state of the conditions, random numbers used, attempts made, the outcome."""
UNFINISHED, ACCEPTED, GIVEN_UP = range(3)
LAST_PART = 2**32 - 2


@kernel
def draw_symbol(random, thresholds):
    """The first symbol whose threshold is over `random`, a part of 2^32 - 1; thresholds (symbols,) never fall and the
    last is 2^32 - 1."""
    low = 0
    high = len(thresholds) - 1
    while low < high:
        middle = (low + high) >> 1
        if random < thresholds[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def draw(
    streams,
    active,
    allowance,
    most_attempts,
    keys,
    table,
    thresholds,
    successors,
    accepting,
    hopeful,
    min_length,
    beginning,
    start_state,
    start_context,
    bits_each,
    listed,
    listed_ends,
    listed_keys,
    listed_numbers,
    contexts,
    progress,
    names,
    waiting,
):
    """Takes each of the names `active` as far as the rows at hand lead. Those that lack one go to `waiting`.

    `keys`, `table`, `thresholds` (rows, symbols): see `model.kernels.remembered` and `draw_symbol`. `successors`,
    `accepting`, `hopeful`: see `model.conditions`. Every attempt begins with the letters `beginning`, in `start_state`
    and `start_context`. Of name i, `contexts[i]` is what was last drawn, `progress[i]` how far it is, `names[i]` its
    letters. Returns how many names wait (-1 where the letters ran out) and how many random numbers were used, at most
    `allowance` of them.
    """
    max_length = len(hopeful) - 1
    block_size = contexts.shape[1]
    last = block_size - 1
    missing = 0
    spent = 0
    for i in range(len(active)):
        name = active[i]
        letters = progress[name, 0]
        state = progress[name, 1]
        step = progress[name, 2]
        outcome = 0
        while outcome == 0:
            row = table[place_of(contexts[name], keys, table)]
            if row < 0:
                waiting[missing] = name
                missing += 1
                break
            if spent >= allowance:
                progress[name, 2] = step
                return -1, spent
            spent += 1
            step += 1
            random = min(np.int64(word(streams[name], step) >> np.uint64(32)), np.int64(LAST_PART))
            symbol = draw_symbol(random, thresholds[row])
            goes_on = False
            if symbol == 0:
                ends_well = accepting[state] and letters >= min_length
                if ends_well and len(listed_keys):
                    ends_well = not is_listed(
                        names[name], 0, letters, bits_each, listed, listed_ends, listed_keys, listed_numbers
                    )
                if ends_well:
                    outcome = ACCEPTED
            elif letters < max_length:
                after = successors[state, symbol]
                if after >= 0 and hopeful[letters + 1, after]:
                    goes_on = True
                    names[name, letters] = symbol
                    letters += 1
                    state = after
                    for j in range(last):
                        contexts[name, j] = contexts[name, j + 1]
                    contexts[name, last] = symbol
            if goes_on:
                continue
            progress[name, 3] += 1
            if outcome == ACCEPTED:
                break
            if progress[name, 3] >= most_attempts:
                outcome = GIVEN_UP
                break
            letters = len(beginning)
            state = start_state
            for j in range(block_size):
                contexts[name, j] = start_context[j]
            for j in range(letters):
                names[name, j] = beginning[j]
        progress[name, 0] = letters
        progress[name, 1] = state
        progress[name, 2] = step
        progress[name, 4] = outcome
    return missing, spent
