"""Counter-based random numbers: number t of name i under a seed, computed directly, in any order.

The generator is SplitMix64 (Steele, Lea & Flood 2014): a Weyl sequence through a 64-bit mixing function.
Each name has its own sequence, so a name depends on (seed, index) and on nothing drawn before it.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

MAX_SEED = 2**63 - 1
MAX_SEED_LETTERS = 64
_WEYL = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def key(seed: int | str) -> np.uint64:
    """A seed (0..2^63 - 1, or any string) as the 64-bit key of its streams."""
    if isinstance(seed, str):
        return np.uint64(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little"))
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"a seed must be in 0..{MAX_SEED}")
    return np.uint64(seed)


def streams(seed: int | str, indices: Words) -> Words:
    """Starting points of the sequences of names `indices` (n,) -> (n,)."""
    return mix(np.array([start(seed)], dtype=np.uint64) + indices * np.uint64(_WEYL))


def start(seed: int | str) -> np.uint64:
    """From where the streams of a seed are counted."""
    z = int(key(seed))
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _MASK
    return np.uint64(z ^ (z >> 31))


def draw(streams: Words, step: int) -> Words:
    """Number `step` of each stream (n,) -> (n,), 32 random bits each: 0..2^32 - 1."""
    return mix(streams + np.uint64((step + 1) * _WEYL & _MASK)) >> np.uint64(32)


def mix(z: Words) -> Words:
    """SplitMix64's finaliser, a bijection of 64-bit words; any shape."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
