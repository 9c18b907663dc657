"""What the stores say should be served."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from model.errors import StoreError
from model.store.store import Store


@dataclass(frozen=True)
class WatchedVersion:
    """A store's `current` for a name; equal as long as nobody wrote to it."""

    root: Path
    name: str
    digest: str | None
    """None where it cannot be read, and `trouble` says why."""
    trouble: str
    stamp: tuple[int, int]
    """Of the file: modified (ns), inode."""


@dataclass(frozen=True)
class Survey:
    """All sightings of a moment."""

    found: dict[str, list[WatchedVersion]]
    """By name, in the order of the stores: the first is to be served."""
    unreadable: dict[Path, str]
    """Stores that could not be looked at, and why: what they hold is not known, rather than gone."""


def survey(roots: Iterable[Path]) -> Survey:
    """Looks at each store. Never raises."""
    found: dict[str, list[WatchedVersion]] = {}
    unreadable: dict[Path, str] = {}
    for root in roots:
        try:
            for sighting in _look(root):
                found.setdefault(sighting.name, []).append(sighting)
        except OSError as error:
            unreadable[root] = error.strerror or type(error).__name__
    return Survey(found, unreadable)


def _look(root: Path) -> Iterator[WatchedVersion]:
    """Raises OSError for a store that is not there or cannot be read."""
    store = Store(root)
    next(root.iterdir(), None)
    for name in store.names():
        try:
            status = (root / name / "current").lstat()
            digest, trouble = store.current(name), ""
        except FileNotFoundError:  # withdrawn just now
            continue
        except StoreError as error:
            digest, trouble = None, str(error)
        yield WatchedVersion(root, name, digest, trouble, (status.st_mtime_ns, status.st_ino))
