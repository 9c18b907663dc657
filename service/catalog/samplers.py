"""Samplers made for requests, and kept: the same settings and constraints come again and again."""

import time
from dataclasses import replace
from threading import Lock
from typing import NamedTuple

from cachetools import LRUCache

from model.constraints.compile_constraints import Constraints, compile_constraints
from model.errors import NamesmithError
from model.sampling.sampler import Sampler
from model.transitions.shaping import ShapeSettings
from service.catalog.blends import names_in
from service.catalog.served_model import ServedModel
from service.telemetry.metrics import PLAN_SECONDS, PLANS, count

NO_CONSTRAINTS = Constraints()
_CARRIED = 8
"""Samplers, the last ones asked for, that a new version gets before it is served."""


class SamplerKey(NamedTuple):
    """What a sampler depends on."""

    name: str
    digest: str
    settings: ShapeSettings
    constraints: Constraints
    novel: bool

    @classmethod
    def of(cls, model: ServedModel, settings: ShapeSettings, constraints: Constraints, novel: bool) -> "SamplerKey":
        return cls(model.name, model.digest, settings, constraints, novel)


class Samplers:
    """Those that were used lately, within `most_bytes`."""

    def __init__(self, most_bytes: int) -> None:
        self._kept: LRUCache[SamplerKey, Sampler] = LRUCache(most_bytes, getsizeof=lambda sampler: sampler.nbytes)
        self._lock = Lock()
        self.making = Lock()
        """Held while a sampler or a blend is made: one at a time."""

    def kept(self, key: SamplerKey) -> Sampler | None:
        """The sampler, if it is still kept: at once."""
        with self._lock:
            return self._kept.get(key)

    def get(
        self,
        model: ServedModel,
        settings: ShapeSettings,
        constraints: Constraints = NO_CONSTRAINTS,
        novel: bool = False,
    ) -> Sampler:
        """A sampler ready to draw, kept or made, which takes some milliseconds. With `novel` it draws no name of the
        training list, which must be known.

        Raises UnsatisfiableError, and ConstraintError for a constraint that is malformed or too complex.
        """
        return self.of(model, SamplerKey.of(model, settings, constraints, novel))

    def of(self, model: ServedModel, key: SamplerKey) -> Sampler:
        """The same for a key of that model."""
        kept = self.kept(key)
        if kept is not None:
            count(PLANS, "kept")
            return kept
        began = time.perf_counter()
        try:
            made = self._make(model, key)
        except NamesmithError:
            count(PLANS, "refused")
            raise
        count(PLANS, "made")
        PLAN_SECONDS.observe(time.perf_counter() - began)
        return made

    def _make(self, model: ServedModel, key: SamplerKey) -> Sampler:
        asked = compile_constraints(key.constraints, model.vocabulary)
        automata = [automaton for automaton in (asked, model.unblocked) if automaton is not None]
        with self.making:
            kept = self.kept(key)
            if kept is not None:
                return kept
            made = model.language_model.sampler(key.settings, automata, model.listing if key.novel else None)
        with self._lock:
            if made.nbytes <= self._kept.maxsize:
                self._kept[key] = made
        return made

    def carry_over(self, model: ServedModel, longest_before: int | None) -> None:
        """Makes the samplers for `model` that were asked for lately of the version it is to replace, as far as it
        can meet their constraints. `longest_before` is the longest name of that version."""
        asked = [key for key in self._keys() if key.name == model.name and key.digest != model.digest]
        for _, _, settings, constraints, novel in asked[-_CARRIED:]:
            if settings.max_length == longest_before:  # most likely the default
                settings = replace(settings, max_length=max(model.longest_name, settings.min_length))
            try:
                self.get(model, settings, constraints, novel and model.listing is not None)
            except NamesmithError:  # the next one to ask is told
                continue

    def forget(self, name: str, kept_digest: str | None) -> None:
        """Drops those of versions of `name` that are no longer served, and of blends with them."""
        with self._lock:
            for key in [key for key in self._kept if name in names_in(key.name) and key.digest != kept_digest]:
                del self._kept[key]

    def _keys(self) -> list[SamplerKey]:
        """Of all samplers that are kept, the one last asked for at the end."""
        with self._lock:
            kept = [self._kept.popitem() for _ in range(len(self._kept))]
            self._kept.update(kept)
        return [key for key, _ in kept]
