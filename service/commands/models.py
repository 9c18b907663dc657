"""One model out of the stores, or those of a blend, for a command that asks nothing of the others."""

from pathlib import Path

from model.errors import StoreError
from service.blending import names_in
from service.catalog import Catalog, UnknownModelError
from service.loading import Loader
from service.settings import Settings
from service.sightings import survey


def catalog_with(name: str | None, store: Path) -> Catalog:
    """A catalog that holds the current version of the model `name`, of all that a blend names, or of the default one.
    Settings come from the environment, but for the store. Raises UnknownModelError, StoreError, and whatever loading
    raises."""
    settings = Settings(store=store)
    found = survey([settings.store, settings.bundled_store]).found
    default = settings.default_model if settings.default_model in found else min(found, default="none")
    wanted = sorted(names_in(default if name is None else name))
    if not found.keys() >= set(wanted):
        raise UnknownModelError(f"no such model; there are: {', '.join(sorted(found)) or 'none'}")
    catalog = Catalog(default, settings.plan_cache_mb << 20)
    loader = Loader(settings)
    with loader.tabulator:
        for each in wanted:
            sighting = found[each][0]
            if sighting.digest is None:
                raise StoreError(sighting.trouble)
            model = loader.load(sighting.root, each, sighting.digest, catalog.sampler)
            catalog.roster = catalog.roster.serving(model)
    return catalog
