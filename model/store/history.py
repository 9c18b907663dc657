"""In which order the versions of a model became current: the last is the current one.

It is written before `current` is, so that a crash between the two leaves it one step ahead: then it ends with a version
that never became current, or without the one that still is. `earlier` is right in either case.
"""

from collections.abc import Callable

from model.errors import StoreError
from model.network.checkpoint_header import DIGEST

History = tuple[str, ...]
MAX_VERSIONS = 1_000
"""So many of the latest are kept."""


def earlier(history: History, current: str | None) -> History:
    """What was current before `current` last became so: all of it where `current` is not in it."""
    if current not in history:
        return history
    return history[: _last(history, current)]


def published(history: History, current: str | None, digest: str) -> History:
    """The history once `digest` has become current after `current`."""
    before = earlier(history, current) + (() if current is None else (current,))
    return (before if before[-1:] == (digest,) else (*before, digest))[-MAX_VERSIONS:]


def rolled_back(history: History, current: str | None, target: str) -> History:
    """The history once `target` has become current again. It ends there, and no longer holds what was given up; a
    target that was never current before follows `current` as if it were published."""
    before = earlier(history, current)
    if target not in before:
        return published(history, current, target)
    return tuple(digest for digest in before[: _last(before, target) + 1] if digest != current)


def kept(history: History, current: str, versions: int) -> History:
    """The part of the history that leads back from `current` through `versions` different ones, `current` counted."""
    path = (*earlier(history, current), current)
    begin = len(path) - 1
    while begin > 0 and len({*path[begin - 1 :]}) <= versions:
        begin -= 1
    return path[begin:]


def existing(history: History, exists: Callable[[str], bool]) -> History:
    return tuple(filter(exists, history))


def dumps(history: History) -> bytes:
    """One digest a line."""
    return "".join(f"{digest}\n" for digest in history).encode("ascii")


def loads(content: bytes) -> History:
    """What `dumps` wrote. Raises StoreError."""
    lines = content.decode("ascii", "replace").split("\n")
    if lines.pop() or not all(map(DIGEST.fullmatch, lines)):
        raise StoreError("it must hold one digest a line")
    return tuple(lines)


def _last(history: History, digest: str | None) -> int:
    return max(place for place, each in enumerate(history) if each == digest)
