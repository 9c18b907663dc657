"""The models being served, and the samplers made from them."""

from copy import copy
from typing import TypeVar

from model.errors import NamesmithError
from service.catalog.blends import Blends, is_blend, names_in
from service.catalog.roster import Roster
from service.catalog.samplers import Samplers
from service.catalog.served_model import PublishedModel, ServedModel

Model = TypeVar("Model", bound=ServedModel)


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
        self.samplers = Samplers(plan_bytes)
        self._blends = Blends()

    def get(self, name: str | None) -> ServedModel:
        """The model called `name`, a blend, or the default one. Raises UnknownModelError, VersionGoneError, and
        BlendError for what cannot be blended."""
        model = self.kept(name)
        if model is None and name is not None:
            with self.samplers.making:
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

    def carry_over(self, model: ServedModel) -> None:
        """Makes the samplers for `model` that were asked for lately of the version it is to replace."""
        replaced = self.roster.models.get(model.name)
        self.samplers.carry_over(model, None if replaced is None else replaced.longest_name)

    def forget(self, name: str, kept_digest: str | None) -> None:
        """Drops the samplers of versions of `name` that are no longer served, and its blends with theirs."""
        self._blends.forget(name)
        self.samplers.forget(name, kept_digest)

    def _default_of(self, roster: Roster) -> str | None:
        return self._default if self._default in roster.models else min(roster.models, default=None)
