"""From a version in a store to a model that can be served: read, checked, tried out, warm."""

from collections.abc import Callable
from pathlib import Path

from model.engine import TableEngine
from model.golden import check_golden
from model.sampling import Sampler
from model.shaping import Settings
from model.store import Store
from model.stored import Stored
from model.transitions import Transitions
from service.served import PublishedModel, ServedModel
from service.tables import Tabulator

MakeSampler = Callable[[ServedModel, Settings], Sampler]


class Loader:
    """Loads versions, `blocked` being the words that no drawn name may hold. One thread at a time."""

    def __init__(self, blocked: frozenset[str]) -> None:
        self._blocked = blocked
        self.tabulator = Tabulator()

    def load(self, root: Path, name: str, digest: str, make_sampler: MakeSampler) -> PublishedModel:
        """The version, ready for its first request. Raises NamesmithError and OSError, and whatever a version that
        nobody foresaw may cause."""
        version = Store(root).open(name, digest)
        transitions, parameters = self._compiled(version)
        engine = TableEngine(transitions)
        check_golden(version, engine)
        model = PublishedModel.of(version, engine, parameters, self._blocked)
        sampler = make_sampler(model, Settings(max_length=model.longest_name))
        sampler.get_ready()
        next(sampler.draw(0, 1))
        return model

    def _compiled(self, version: Stored) -> tuple[Transitions, int]:
        """The table and the number of parameters that the version came with; else they are computed."""
        if version.table is not None and version.parameters is not None:
            return version.table, version.parameters
        tabulated = self.tabulator.tabulate(version)
        return tabulated.transitions, tabulated.parameters
