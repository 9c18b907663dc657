"""The models being served, and the samplers made from them."""

import time
from copy import copy
from dataclasses import replace
from threading import Lock
from typing import TypeVar

from cachetools import LRUCache

from model.constraints.compile_constraints import Constraints, compile_constraints
from model.errors import NamesmithError
from model.sampling.sampler import Sampler
from model.transitions.shaping import ShapeSettings
from service.catalog.blends import Blends, is_blend, names_in
from service.catalog.roster import Roster
from service.catalog.served_model import PublishedModel, ServedModel
from service.telemetry.metrics import PLAN_SECONDS, PLANS, count

NO_CONSTRAINTS = Constraints()
Model = TypeVar("Model", bound=ServedModel)
Key = tuple[str, str, ShapeSettings, Constraints, bool]
_CARRIED = 8
"""Samplers, the last ones asked for, that a new version gets before it is served."""


class UnknownModelError(NamesmithError):
    """A model name that is not served."""


class VersionGoneError(NamesmithError):
    """A version that a request insists on, and that is not the one served."""


class Catalog:
    """Models by name. The roster is replaced as a whole, so a request that has its model is not touched by a swap."""

    def __init__(self, default: str, plan_bytes: int) -> None:
        self.roster = Roster()
        self._default = default
        self.pin: str | None = None
        """The digest that a request insists on."""
        self._samplers: LRUCache[Key, Sampler] = LRUCache(plan_bytes, getsizeof=lambda sampler: sampler.nbytes)
        self._samplers_lock = Lock()
        self._blends = Blends()
        self.making = Lock()
        """Held while a plan is made: one at a time."""

    def get(self, name: str | None) -> ServedModel:
        """The model called `name`, a blend, or the default one. Raises UnknownModelError, VersionGoneError, and
        BlendError for what cannot be blended."""
        model = self.kept(name)
        if model is None and name is not None:
            with self.making:
                model = self._checked(self._blends.make(name, self._find))
        assert model is not None
        return model

    def kept(self, name: str | None) -> ServedModel | None:
        """The same at once; None for a blend that is to be made first."""
        if name is None or not is_blend(name):
            return self.published(name)
        blend = self._blends.kept(name, self._find)
        return None if blend is None else self._checked(blend)

    def published(self, name: str | None) -> PublishedModel:
        """The same, but no blend: a model that a store holds."""
        return self._checked(self._find(name))

    def _find(self, name: str | None) -> PublishedModel:
        roster = self.roster
        wanted = self._default_of(roster) if name is None else name
        model = roster.models.get(wanted) if wanted is not None else None
        if model is None:
            raise UnknownModelError(f"no such model; available models: {', '.join(roster.models) or 'none'}")
        return model

    def _checked(self, model: Model) -> Model:
        if self.pin is not None and self.pin != model.digest:
            raise VersionGoneError(f"version {self.pin[:12]} is not served; {model.name} is now {model.digest[:12]}")
        return model

    def pinned(self, digest: str) -> "Catalog":
        """The same models and samplers, for a request that insists on one version: `get` raises VersionGoneError for
        any other."""
        pinned = copy(self)
        pinned.pin = digest
        return pinned

    def awaits(self, name: str | None) -> bool:
        """Whether the model `name`, or one of a blend, is being loaded; with None, any that was there at the start."""
        roster = self.roster
        if name is None:
            return bool(roster.awaited)
        coming = roster.awaited | roster.arriving
        return bool(coming) and not coming.isdisjoint(names_in(name))

    @property
    def default(self) -> str | None:
        return self._default_of(self.roster)

    @property
    def models(self) -> list[PublishedModel]:
        return list(self.roster.models.values())

    @property
    def rejected(self) -> dict[str, str]:
        return dict(self.roster.rejected)

    def kept_sampler(
        self,
        model: ServedModel,
        settings: ShapeSettings,
        constraints: Constraints = NO_CONSTRAINTS,
        novel: bool = False,
    ) -> Sampler | None:
        """A sampler that was used lately, if it is still kept: at once."""
        with self._samplers_lock:
            return self._samplers.get((model.name, model.digest, settings, constraints, novel))

    def sampler(
        self,
        model: ServedModel,
        settings: ShapeSettings,
        constraints: Constraints = NO_CONSTRAINTS,
        novel: bool = False,
    ) -> Sampler:
        """A sampler ready to draw, kept or made, which takes some milliseconds; one is made at a time. With `novel`
        it draws no name of the training list, which must be known.

        Raises UnsatisfiableError, and ConstraintError for a constraint that is malformed or too complex.
        """
        kept = self.kept_sampler(model, settings, constraints, novel)
        if kept is not None:
            count(PLANS, "kept")
            return kept
        began = time.perf_counter()
        try:
            made = self._make(model, settings, constraints, novel)
        except NamesmithError:
            count(PLANS, "refused")
            raise
        count(PLANS, "made")
        PLAN_SECONDS.observe(time.perf_counter() - began)
        return made

    def _make(self, model: ServedModel, settings: ShapeSettings, constraints: Constraints, novel: bool) -> Sampler:
        asked = compile_constraints(constraints, model.vocabulary)
        automata = [automaton for automaton in (asked, model.unblocked) if automaton is not None]
        with self.making:
            kept = self.kept_sampler(model, settings, constraints, novel)
            if kept is not None:
                return kept
            made = model.language_model.sampler(settings, automata, model.listing if novel else None)
        with self._samplers_lock:
            if made.nbytes <= self._samplers.maxsize:
                self._samplers[model.name, model.digest, settings, constraints, novel] = made
        return made

    def carry_over(self, model: ServedModel) -> None:
        """Makes the samplers for `model` that were asked for lately of the version it is to replace, as far as it
        can meet their constraints."""
        asked = [key for key in self._keys() if key[0] == model.name and key[1] != model.digest]
        replaced = self.roster.models.get(model.name)
        for _, _, settings, constraints, novel in asked[-_CARRIED:]:
            if replaced is not None and settings.max_length == replaced.longest_name:  # most likely the default
                settings = replace(settings, max_length=max(model.longest_name, settings.min_length))
            try:
                self.sampler(model, settings, constraints, novel and model.listing is not None)
            except NamesmithError:  # the next one to ask is told
                continue

    def forget(self, name: str, kept_digest: str | None) -> None:
        """Drops the samplers of versions of `name` that are no longer served, and its blends with theirs."""
        self._blends.forget(name)
        with self._samplers_lock:
            for key in [key for key in self._samplers if name in names_in(key[0]) and key[1] != kept_digest]:
                del self._samplers[key]

    def _keys(self) -> list[Key]:
        """Of all samplers that are kept, the one last asked for at the end."""
        with self._samplers_lock:
            kept = [self._samplers.popitem() for _ in range(len(self._samplers))]
            self._samplers.update(kept)
        return [key for key, _ in kept]

    def _default_of(self, roster: Roster) -> str | None:
        return self._default if self._default in roster.models else min(roster.models, default=None)
