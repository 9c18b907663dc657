"""From a version in a store to a model that can be served: read, checked, tried out, warm."""

from collections.abc import Callable
from pathlib import Path

from model.sampling.language_model import LanguageModel
from model.sampling.sampler import Sampler
from model.store.golden_names import check_golden
from model.store.store import Store
from model.store.stored_version import StoredVersion
from model.transitions.automaton import Transitions
from model.transitions.shaping import ShapeSettings
from service.catalog.served_model import PublishedModel, ServedModel
from service.catalog.tabulator import Tabulator

MakeSampler = Callable[[ServedModel, ShapeSettings], Sampler]


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
        language_model = LanguageModel(transitions)
        check_golden(version, language_model)
        model = PublishedModel.of(version, language_model, parameters, self._blocked)
        sampler = make_sampler(model, ShapeSettings(max_length=model.longest_name))
        sampler.get_ready()
        next(sampler.draw(0, 1))
        return model

    def _compiled(self, version: StoredVersion) -> tuple[Transitions, int]:
        """The table and the number of parameters that the version came with; else they are computed."""
        if version.table is not None and version.parameters is not None:
            return version.table, version.parameters
        tabulated = self.tabulator.tabulate(version)
        return tabulated.transitions, tabulated.parameters
