"""One step of backward dynamic programming over the groups of a plan."""

from concurrent.futures import ThreadPoolExecutor

from model.groups import Groups
from model.kernels import states
from model.shaping import Shaped
from model.transitions import Floats

_SHARED_SWEEP = 4096
"""Groups from which on two threads share a sweep."""
_pool = ThreadPoolExecutor(2, thread_name_prefix="namesmith-plan")


def sweep(
    shaped: Shaped,
    groups: Groups,
    after: Floats,
    after_range: tuple[int, int],
    out: Floats,
    out_range: tuple[int, int],
    may_end: bool,
    best: bool = False,
) -> None:
    """One layer of chances, `out` (groups of `out_range`, width), from the next one."""

    def part(low: int, high: int) -> None:
        states.sweep(
            shaped.rows,
            groups.lone_rows,
            groups.successors,
            groups.tails,
            groups.only_first,
            groups.accepting,
            after,
            *after_range,
            out[low - out_range[0] :],
            low,
            high,
            may_end,
            best,
        )

    low, high = map(int, out_range)
    if high - low < _SHARED_SWEEP:
        part(low, high)
        return
    middle = (low + high) // 2
    other = _pool.submit(part, low, middle)
    part(middle, high)
    other.result()
