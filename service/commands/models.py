"""One model out of the stores, or those of a blend, for a command that asks nothing of the others."""

from pathlib import Path

from service.catalog.catalog import Catalog
from service.catalog.pinned_versions import current, load


def catalog_with(name: str | None, store: Path) -> Catalog:
    """A catalog that holds what `service.catalog.pinned_versions.current` finds. Raises UnknownModelError, StoreError,
    and whatever loading raises."""
    return load(current(name, store))
