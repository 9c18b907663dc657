"""Several names at a time, where all rows are there."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from model.kernels.compilation import inlined, kernel
from model.kernels.rows import bits_of, drawn_symbol, word

_READ, _KEEP, _DATA = 0, 3, 1


def _prefetch(_typing: Any, array: Any, row: Any, column: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        view = context.make_array(kind)(context, builder, arguments[0])
        indices = [
            context.cast(builder, value, of, types.intp)
            for value, of in zip(arguments[1:], signature.args[1:], strict=True)
        ]
        pointer = cgutils.get_item_pointer(context, builder, kind, view, indices)
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag]), "llvm.prefetch.p0"
        )
        hints = [ir.Constant(flag, hint) for hint in (_READ, _KEEP, _DATA)]
        builder.call(function, [builder.bitcast(pointer, byte), *hints])
        return context.get_dummy_value()

    return types.void(array, row, column), generate


prefetch: Any = intrinsic(_prefetch)
"""Of (array, row, column): begins to fetch the cache line of `array[row, column]`. It changes nothing but when the data
is there, and does no harm outside the array."""

LANES = 16
"""Names drawn at a time."""


@inlined
def _take(lanes, lane, name, steps, start, first_name):
    """A free lane begins a name."""
    lanes.names[lane] = name
    lanes.steps[lane] = steps[name]
    lanes.streams[lane] = word(start, first_name + name)


@inlined
def _move(lanes, lane, last):
    """A free lane goes on with the name of the last one."""
    lanes.names[lane] = lanes.names[last]
    lanes.streams[lane] = lanes.streams[last]
    lanes.steps[lane] = lanes.steps[last]
    lanes.slots[lane] = lanes.slots[last]
    lanes.letters[lane] = lanes.letters[last]
    lanes.keys[lane] = lanes.keys[last]


@kernel
def draw_waiting(start, first_name, waiting, steps, lengths, first_slot, rows, bits_each, block, lanes):
    """Draws the names `waiting`, from the numbers `steps` of their streams on. Some are drawn at a time, a character of
    each in turn, so that the look-ups of one are on their way while those of the others are used. `block.keys` takes
    their letters in `bits_each` bits each, as far as they fit (see `kernels.lookup.name_key`); `lanes` is room to
    work in. Every name begins at the row `first_slot`."""
    near, fine = rows.near, rows.fine
    width = fine.shape[1]
    bits, half, shift = np.uint64(bits_of(width)), np.uint64(rows.half_bits), np.uint64(bits_each)
    least, most = np.uint64(lengths[0]), np.uint64(lengths[1])
    lanes.slots[:] = first_slot
    lanes.letters[:] = 0
    lanes.keys[:] = 0
    count = len(waiting)
    taken = min(LANES, count)
    for lane in range(taken):
        _take(lanes, lane, waiting[lane], steps, start, first_name)
    busy = taken
    while busy > 0:
        lane = 0
        while lane < busy:
            lanes.steps[lane] += np.uint64(1)
            random = word(lanes.streams[lane], lanes.steps[lane])
            slot = lanes.slots[lane]
            length = lanes.letters[lane]
            symbol = np.uint64(0)
            if slot != np.uint64(0):
                row = slot - np.uint64(1)
                symbol = drawn_symbol(near, fine, row, random, bits, half)
                if symbol != np.uint64(0) and length < most:
                    block.letters[lanes.names[lane], length] = symbol
                    lanes.letters[lane] = length + np.uint64(1)
                    lanes.keys[lane] = (lanes.keys[lane] << shift) | symbol
                    following = np.int64(near[row, np.uint64(width) + symbol])
                    lanes.slots[lane] = following
                    prefetch(near, following - 1, 0)
                    prefetch(near, following - 1, width)
                    lane += 1
                    continue
            name, key = lanes.names[lane], lanes.keys[lane]
            lanes.slots[lane], lanes.letters[lane], lanes.keys[lane] = first_slot, np.uint64(0), np.uint64(0)
            if slot != np.uint64(0) and (symbol != np.uint64(0) or length < least):
                continue  # too long or too short: the name begins anew, with the numbers that follow in its stream
            block.sizes[name] = -1 if slot == np.uint64(0) else np.int64(length)
            block.keys[name] = key
            steps[name] = lanes.steps[lane]
            if taken < count:
                _take(lanes, lane, waiting[taken], steps, start, first_name)
                taken += 1
            else:
                busy -= 1
                _move(lanes, lane, busy)
