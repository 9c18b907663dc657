"""The models being served: loaded from the stores, verified, tried out, and ready to draw from."""

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from cachetools import LRUCache

from model.constraints import Constraints, compile_constraints
from model.engine import NameSampler
from model.errors import NamesmithError
from model.sampling import Sampler
from model.shaping import Settings
from model.store import OWN, Store
from model.warming import warm_up
from service import settings as service_settings
from service.block_list import read_block_list
from service.engines import make_engine
from service.served import ServedModel
from service.tables import Tabulator

NO_CONSTRAINTS = Constraints()
Key = tuple[str, str, Settings, Constraints, bool]

log = logging.getLogger("namesmith")


class UnknownModelError(NamesmithError):
    """A model name that is not served."""


class Catalog:
    """Models by name. Own ones come before bundled ones of the same name."""

    def __init__(self, models: dict[str, ServedModel], rejected: dict[str, str], default: str, plan_bytes: int) -> None:
        self._models = models
        self.rejected = rejected
        self._default = default
        self._samplers: LRUCache[Key, NameSampler] = LRUCache(plan_bytes, getsizeof=lambda sampler: sampler.nbytes)
        self._samplers_lock = Lock()
        self.making = Lock()
        """Held while a plan is made: one at a time."""

    @classmethod
    def load(cls, settings: service_settings.Settings) -> "Catalog":
        """Loads every model of both stores. A bad one is left out, with the reason, and never stops the rest."""
        if settings.store != OWN and not settings.store.is_dir():
            log.warning("there is no store at %s yet: only bundled models are served", settings.store)
        blocked = read_block_list(settings.block_list)
        models: dict[str, ServedModel] = {}
        rejected: dict[str, str] = {}
        catalog = cls(models, rejected, settings.default_model, settings.plan_cache_mb << 20)
        with Tabulator(settings.table_budget_mb << 20) as tabulator:
            tabulator.start()
            warm_up()
            for root, name in _found(settings):
                if name not in models:
                    try:
                        model = _load(Store(root), name, blocked, tabulator, settings)
                        sampler = catalog.sampler(model, Settings())  # ready for the first request
                        if isinstance(sampler, Sampler):
                            sampler.get_ready()
                        next(sampler.draw(0, 1))
                        models[name] = model
                    except Exception as error:  # whatever is wrong with one model, the others must serve
                        unforeseen = not isinstance(error, NamesmithError | OSError)
                        log.error("model %s in %s is not served: %s", name, root, error, exc_info=unforeseen)
                        rejected.setdefault(name, str(error).replace(f"{root}/", ""))
        return catalog

    def get(self, name: str | None) -> ServedModel:
        """The model called `name`, or the default one. Raises UnknownModelError."""
        wanted = self.default if name is None else name
        model = self._models.get(wanted) if wanted is not None else None
        if model is None:
            raise UnknownModelError(f"no such model; served are: {', '.join(self._models) or 'none'}")
        return model

    @property
    def default(self) -> str | None:
        return self._default if self._default in self._models else min(self._models, default=None)

    @property
    def models(self) -> list[ServedModel]:
        return [self._models[name] for name in sorted(self._models)]

    def kept_sampler(
        self, model: ServedModel, settings: Settings, constraints: Constraints = NO_CONSTRAINTS, novel: bool = False
    ) -> NameSampler | None:
        """A sampler that was used lately, if it is still kept: at once."""
        with self._samplers_lock:
            return self._samplers.get((model.name, model.digest, settings, constraints, novel))

    def sampler(
        self, model: ServedModel, settings: Settings, constraints: Constraints = NO_CONSTRAINTS, novel: bool = False
    ) -> NameSampler:
        """A sampler ready to draw, kept or made, which takes some milliseconds; one is made at a time. With `novel`
        it draws no name of the training list, which must be known.

        Raises UnsatisfiableError, and ConstraintError for a constraint that is malformed or too complex.
        """
        kept = self.kept_sampler(model, settings, constraints, novel)
        if kept is not None:
            return kept
        asked = compile_constraints(constraints, model.vocabulary)
        automata = [automaton for automaton in (asked, model.unblocked) if automaton is not None]
        with self.making:
            kept = self.kept_sampler(model, settings, constraints, novel)
            if kept is not None:
                return kept
            made = model.engine.sampler(settings, automata, model.listing if novel else None)
        with self._samplers_lock:
            if made.nbytes <= self._samplers.maxsize:
                self._samplers[model.name, model.digest, settings, constraints, novel] = made
        return made


def _found(settings: service_settings.Settings) -> Iterator[tuple[Path, str]]:
    """Store and name of each model, own ones first."""
    for root in (settings.store, settings.bundled_store):
        try:
            names = Store(root).names()
        except OSError as error:
            log.error("cannot read the store %s: %s", root, error.strerror)
            continue
        yield from ((root, name) for name in names)


def _load(
    store: Store, name: str, blocked: frozenset[str], tabulator: Tabulator, settings: service_settings.Settings
) -> ServedModel:
    version = store.open(name)
    engine, parameters = make_engine(version, tabulator, settings.context_cache_mb << 20)
    return ServedModel(version, engine, parameters, blocked)
