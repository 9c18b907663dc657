"""One model out of the stores, for a command that asks nothing of the others."""

from pathlib import Path

from model.errors import StoreError
from service.catalog import Catalog, UnknownModelError
from service.loading import Loader
from service.settings import Settings
from service.sightings import survey


def catalog_with(name: str | None, store: Path) -> Catalog:
    """A catalog that holds the current version of the model `name`, or of the default one. Settings come from the
    environment, but for the store. Raises UnknownModelError, StoreError, and whatever loading it raises."""
    settings = Settings(store=store)
    found = survey([settings.store, settings.bundled_store]).found
    default = settings.default_model if settings.default_model in found else min(found, default="none")
    wanted = default if name is None else name
    if wanted not in found:
        raise UnknownModelError(f"no such model; there are: {', '.join(sorted(found)) or 'none'}")
    sighting = found[wanted][0]
    if sighting.digest is None:
        raise StoreError(sighting.trouble)
    catalog = Catalog(wanted, settings.plan_cache_mb << 20)
    loader = Loader(settings)
    with loader.tabulator:
        model = loader.load(sighting.root, wanted, sighting.digest, catalog.sampler)
    catalog.roster = catalog.roster.serving(model)
    return catalog
