"""One model for each list of a folder: every list is a run of its own, and one that fails stops no other.

What computes is given as a function, since several machines may: it gets *orders*, plain data that hold all a run
needs, and gives back what became of each, in any order. Files and the store are read and written here alone.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from model.errors import NamesmithError, StoreError
from model.reading.rows import list_ending
from model.store.store import Store, Version
from training.data.read_list import DataError, NameList
from training.gate.gate import GateRefusedError, require
from training.gate.submission import RUN, Submission, trained
from training.recipe.presets import Preset
from training.run.memory import enough_memory
from training.run.run import Config
from training.run.run_key import run_key

ENDINGS = (".txt", ".csv", ".tsv", ".json", ".ndjson", ".jsonl")
"""Of lists; .gz may follow."""


class Fate(StrEnum):
    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of a list. `dev_loss` (nats a character) is None where nothing was held out or nothing was trained,
    `seconds` and `reason` where there are none."""

    file: str
    model: str
    fate: Fate
    digest: str | None = None
    dev_loss: float | None = None
    seconds: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Order:
    """A run to be made."""

    file: str
    model: str
    names: NameList
    config: Config
    current: Version | NamesmithError | None
    """What it would replace."""
    margin: float

    def __call__(self) -> "Made":
        try:
            with enough_memory():
                return trained(self.model, self.names, self.config, self.current, self.margin)
        except NamesmithError as error:
            return str(error)


Made = Submission | str
"""What became of an order: the model, or why there is none."""
Work = Callable[[Iterable[Order]], Iterator[tuple[Order, Made]]]


def one_by_one(orders: Iterable[Order]) -> Iterator[tuple[Order, Made]]:
    """In this process."""
    for order in orders:
        yield order, order()


def publish(order: Order, made: Made, store: Store) -> Submission:
    """Publishes what came of an order. Raises GateRefusedError where the gate refuses it, NamesmithError where there is
    nothing, or the store cannot take it."""
    if isinstance(made, str):
        raise NamesmithError(made)
    require(made.examination.checks)
    made.publish(store, order.names.distinct)
    return made


def lists_in(folder: Path, name_from: Callable[[Path], str]) -> dict[str, Path]:
    """The lists in a folder, by the names of their models, sorted: files with an ending of lists. Raises DataError
    where there are none, or two of one name."""
    try:
        files = [path for path in folder.iterdir() if list_ending(path) in ENDINGS and path.is_file()]
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from None
    found: dict[str, Path] = {}
    for path in sorted(path for path in files if not path.name.startswith(".")):
        other = found.setdefault(name_from(path), path)
        if other != path:
            raise DataError(f"{folder}: {other.name} and {path.name} would both be {name_from(path)!r}; rename one")
    if not found:
        endings = ", ".join(ENDINGS)
        raise DataError(
            f"{folder}: no lists found; a list is a file whose name ends in {endings}, or in one of these and .gz"
        )
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Collection:
    """The lists of a folder, by the names of their models, on their way into a store. `read` reads a list, `current`
    gives the version that a new one would replace; `threads` compute a run, None for as many as this process has."""

    lists: dict[str, Path]
    store: Store
    config: Config
    margin: float
    read: Callable[[Path], NameList]
    current: Callable[[str], Version | NamesmithError | None]
    preset: Callable[[NameList], Preset]
    """What suits a list."""
    threads: int | None = None

    def train(self, work: Work, tell: Callable[[Outcome], None]) -> None:
        """Trains and publishes what `store` does not hold yet; `tell` is told of each list as soon as it is done."""
        for order, made in work(self._orders(tell)):
            tell(self._published(order, made))

    def _orders(self, tell: Callable[[Outcome], None]) -> Iterator[Order]:
        """The runs that are to be made; the other lists are told of at once."""
        for model, path in self.lists.items():
            try:
                names = self.read(path)
                config = replace(self.config, preset=self.preset(names))
                digest = self._same_run(model, run_key(names, config, self.threads))
            except NamesmithError as error:
                tell(Outcome(path.name, model, Fate.FAILED, reason=str(error)))
                continue
            if digest is not None:
                tell(Outcome(path.name, model, Fate.UNCHANGED, digest))
                continue
            current = self.current(model)
            if isinstance(current, NamesmithError):
                current = NamesmithError(str(current))  # not all kinds of errors can be sent
            yield Order(path.name, model, names, config, current, self.margin)

    def _same_run(self, model: str, key: str) -> str | None:
        """The digest of the current version of the store, if it is what this very run came to."""
        if model not in self.store.names():
            return None
        try:
            version = self.store.load(model)
        except StoreError:
            return None
        return version.digest if version.manifest.get("facts", {}).get(RUN) == key else None

    def _published(self, order: Order, made: Made) -> Outcome:
        try:
            result = publish(order, made, self.store).result
        except NamesmithError as error:
            fate = Fate.REFUSED if isinstance(error, GateRefusedError) else Fate.FAILED
            return Outcome(order.file, order.model, fate, reason=str(error))
        return Outcome(
            order.file, order.model, Fate.PUBLISHED, result.digest, result.losses.dev, round(result.seconds, 3)
        )
