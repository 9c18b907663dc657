"""Clocks."""

import time
from collections.abc import Callable
from statistics import median


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def rate(count: int, work: Callable[[], object], rounds: int) -> float:
    """Things a second, the median of `rounds`, after a first call that does not count."""
    work()
    return count / median(seconds(work) for _ in range(rounds))
