"""One model out of the stores, or those of a blend, for a command that asks nothing of the others."""

from pathlib import Path

from service.catalog import Catalog
from service.versions import current, load


def catalog_with(name: str | None, store: Path) -> Catalog:
    """A catalog that holds what `service.versions.current` finds. Raises UnknownModelError, StoreError, and whatever
    loading raises."""
    return load(current(name, store))
