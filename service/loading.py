"""From a version in a store to a model that can be served: read, checked, tried out, warm."""

from collections.abc import Callable
from pathlib import Path

from model.engine import NameSampler
from model.golden import check_golden
from model.sampling import Sampler
from model.shaping import Settings
from model.store import Store
from service import settings as service_settings
from service.block_list import read_block_list
from service.engines import make_engine
from service.served import PublishedModel, ServedModel
from service.tables import Tabulator

MakeSampler = Callable[[ServedModel, Settings], NameSampler]


class Loader:
    """Loads versions under the service's settings. One thread at a time."""

    def __init__(self, settings: service_settings.Settings, blocked: frozenset[str] | None = None) -> None:
        self._blocked = read_block_list(settings.block_list) if blocked is None else blocked
        self._context_cache_bytes = settings.context_cache_mb << 20
        self.tabulator = Tabulator(settings.table_budget_mb << 20)

    def load(self, root: Path, name: str, digest: str, make_sampler: MakeSampler) -> PublishedModel:
        """The version, ready for its first request. Raises NamesmithError and OSError, and whatever a version that
        nobody foresaw may cause."""
        version = Store(root).open(name, digest)
        engine, parameters = make_engine(version, self.tabulator, self._context_cache_bytes)
        check_golden(version, engine)
        model = PublishedModel.of(version, engine, parameters, self._blocked)
        sampler = make_sampler(model, Settings())
        if isinstance(sampler, Sampler):
            sampler.get_ready()
        next(sampler.draw(0, 1))
        _ = model.listing
        return model
