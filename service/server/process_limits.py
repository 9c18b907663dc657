"""What a process may take of its machine: open files and memory."""

import ctypes
import resource
import sys
from contextlib import suppress

_M_ARENA_MAX = -8  # malloc.h


def share_memory_among_threads() -> None:
    """glibc gives each thread an arena of its own, up to eight for each processor, which keep what large answers once
    took: memory then grows with the load. Two are enough, as threads work one after the other most of the time."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def allow_descriptors(number: int) -> int:
    """Raises this process's limit of open files, as far as the system lets it; returns what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return number if soft == resource.RLIM_INFINITY else soft
