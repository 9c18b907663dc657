"""The models being served: loaded from the stores, verified, tried out, and ready to draw from."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, cast

from cachetools import LRUCache

from model.constraints import Constraints, compile_constraints
from model.engine import Engine, NameSampler, TableEngine
from model.errors import NamesmithError
from model.sampling import Sampler
from model.shaping import Settings
from model.store import OWN, Store, Stored
from model.vocabulary import Vocabulary
from service import settings as service_settings
from service.engines import make_engine
from service.tables import Tabulator

NO_CONSTRAINTS = Constraints()

log = logging.getLogger("namesmith")


class UnknownModelError(NamesmithError):
    """A model name that is not served."""


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A version and its engine; immutable, so a request keeps the one it began with."""

    version: Stored
    engine: Engine
    parameters: int
    """Numbers that were learned, all layers together."""

    @property
    def transitions(self) -> Any:
        """The table (Transitions); None where the network itself answers."""
        return self.engine.transitions if isinstance(self.engine, TableEngine) else None

    @property
    def name(self) -> str:
        return self.version.name

    @property
    def digest(self) -> str:
        return self.version.digest

    @property
    def vocabulary(self) -> Vocabulary:
        return self.version.header.vocabulary

    def novel(self, name: str) -> bool | None:
        """Whether a normalised name is not in the training list; None where the list is not known."""
        names = self.version.training_names
        return None if names is None else name not in names


class Catalog:
    """Models by name. Own ones come before bundled ones of the same name."""

    def __init__(self, models: dict[str, ServedModel], rejected: dict[str, str], default: str, plan_bytes: int) -> None:
        self._models = models
        self.rejected = rejected
        self._default = default
        self._plans: LRUCache[tuple[str, Settings, Constraints], NameSampler] = LRUCache(
            plan_bytes, getsizeof=lambda plan: plan.nbytes
        )
        self._plans_lock = Lock()

    @classmethod
    def load(cls, settings: service_settings.Settings) -> "Catalog":
        """Loads every model of both stores. A bad one is left out, with the reason, and never stops the rest."""
        if settings.store != OWN and not settings.store.is_dir():
            log.warning("there is no store at %s yet: only bundled models are served", settings.store)
        models: dict[str, ServedModel] = {}
        rejected: dict[str, str] = {}
        catalog = cls(models, rejected, settings.default_model, settings.plan_cache_mb << 20)
        with Tabulator(settings.table_budget_mb << 20) as tabulator:
            for root, name in _found(settings):
                if name not in models:
                    try:
                        model = _load(Store(root), name, tabulator, settings.context_cache_mb << 20)
                        catalog.sampler(model, Settings())  # tries it out, and is ready for the first request
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

    def sampler(self, model: ServedModel, settings: Settings, constraints: Constraints = NO_CONSTRAINTS) -> Sampler:
        """A sampler ready to draw, from the cache where it was used lately.

        Raises UnsatisfiableError, and ConstraintError for a constraint that is malformed or too complex.
        """
        key = (model.digest, settings, constraints)
        with self._plans_lock:
            plan = self._plans.get(key)
        if plan is None:
            automaton = compile_constraints(constraints, model.vocabulary)
            plan = model.engine.sampler(settings, [] if automaton is None else [automaton], None)
            with self._plans_lock:
                if plan.nbytes <= self._plans.maxsize:
                    self._plans[key] = plan
        return cast(Sampler, plan)  # or a LiveSampler, which can do the same


def _found(settings: service_settings.Settings) -> Iterator[tuple[Path, str]]:
    """Store and name of each model, own ones first."""
    for root in (settings.store, settings.bundled_store):
        try:
            names = Store(root).names()
        except OSError as error:
            log.error("cannot read the store %s: %s", root, error.strerror)
            continue
        yield from ((root, name) for name in names)


def _load(store: Store, name: str, tabulator: Tabulator, cache_bytes: int) -> ServedModel:
    version = store.open(name)
    return ServedModel(version, *make_engine(version, tabulator, cache_bytes))
