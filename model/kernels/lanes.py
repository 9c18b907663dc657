"""Several names at a time, where all rows are there."""

import numpy as np

from model.kernels.compilation import kernel
from model.kernels.prefetch import prefetch
from model.kernels.rows import LOW, bits_of, word

LANES = 16
"""Names drawn at a time."""


@kernel
def draw_waiting(
    start, first_name, waiting, steps, lengths, first_slot, near, fine, half_bits,
    bits_each, scratch, sizes, drawn_keys, lane_room,
):  # fmt: skip
    """Draws the names `waiting`, from the numbers `steps` of their streams on. Some are drawn at a time, a character of
    each in turn, so that the look-ups of one are on their way while those of the others are used. `drawn_keys` takes
    their letters in `bits_each` bits each, as far as they fit (see `kernels.lookup.name_key`); `lane_room` is room to
    work in. Every name begins at the row `first_slot`."""
    width = fine.shape[1]
    bits = bits_of(width)
    to_column = np.uint64(64 - bits)
    to_part = np.uint64(32 - bits)
    half = np.uint64(half_bits)
    to_half = np.uint64(32 - half_bits)
    low = (np.uint64(1) << half) - np.uint64(1)
    count = len(waiting)
    streams, lane_steps, slots, letters, names, keys = lane_room
    slots[:] = first_slot
    letters[:] = 0
    keys[:] = 0
    shift = np.uint64(bits_each)
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
            slot = slots[lane]
            length = letters[lane]
            symbol = np.uint64(0)
            if slot != np.uint64(0):
                row = slot - np.uint64(1)
                column = random >> to_column
                part = (random >> to_part) & LOW
                entry = np.uint64(near[row, column])
                threshold = entry >> half
                below = part >> to_half < threshold
                if part >> to_half == threshold:
                    below = part < fine[row, column]
                # All bits where the column's own symbol is drawn, none where its alias is: arithmetic, since no
                # processor can guess a branch that is random.
                own = np.uint64(0) - np.uint64(below)
                symbol = (column & own) | (entry & low & ~own)
                if symbol != np.uint64(0) and length < most:
                    scratch[names[lane], length] = symbol
                    letters[lane] = length + np.uint64(1)
                    keys[lane] = (keys[lane] << shift) | symbol
                    following = np.int64(near[row, np.uint64(width) + symbol])
                    slots[lane] = following
                    prefetch(near, following - 1, 0)
                    prefetch(near, following - 1, width)
                    lane += 1
                    continue
            key = keys[lane]
            keys[lane] = np.uint64(0)
            letters[lane] = np.uint64(0)
            slots[lane] = first_slot
            missing = slot == np.uint64(0)
            if not missing and (symbol != np.uint64(0) or length < least):
                continue
            sizes[names[lane]] = -1 if missing else np.int64(length)
            drawn_keys[names[lane]] = key
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
                slots[lane] = slots[lanes]
                letters[lane] = letters[lanes]
                keys[lane] = keys[lanes]
