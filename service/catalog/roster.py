"""Which models are served right now: an immutable map, replaced as a whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

from service.catalog.served_model import PublishedModel

Value = TypeVar("Value")


def _empty() -> Mapping[str, PublishedModel]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Roster:
    """Models by name, sorted. A request looks once and keeps what it found."""

    models: Mapping[str, PublishedModel] = field(default_factory=_empty)
    rejected: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Why the version that should be served is not, by name; another of that name may be."""
    awaited: frozenset[str] = frozenset()
    """Models that a store held when the service started, and that are still to be loaded."""

    arriving: frozenset[str] = frozenset()
    """Models that a store holds since a moment ago, and that are being loaded."""

    def serving(self, model: PublishedModel) -> "Roster":
        return replace(self, models=_sorted({**self.models, model.name: model}))

    def rejecting(self, name: str, why: str) -> "Roster":
        return replace(self, rejected=_sorted({**self.rejected, name: why}))

    def content(self, name: str) -> "Roster":
        """Nothing is wrong with `name`."""
        return replace(self, rejected=_sorted({key: why for key, why in self.rejected.items() if key != name}))

    def awaiting(self, names: Iterable[str]) -> "Roster":
        return replace(self, awaited=frozenset(names))

    def expecting(self, names: Iterable[str]) -> "Roster":
        return replace(self, arriving=frozenset(names))

    def without(self, name: str) -> "Roster":
        return replace(self, models=_sorted({key: model for key, model in self.models.items() if key != name}))


def _sorted(items: dict[str, Value]) -> Mapping[str, Value]:
    return MappingProxyType(dict(sorted(items.items())))
