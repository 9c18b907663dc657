"""The versions that a program works with that does not follow the stores: looked up once, and loaded here or on another
machine."""

from dataclasses import dataclass
from pathlib import Path

from model.errors import StoreError
from model.store.store import BUNDLED
from service.block_list import read_block_list
from service.catalog.blends import names_in
from service.catalog.catalog import Catalog, UnknownModelError
from service.catalog.loading import Loader
from service.catalog.version_watch import WatchedVersion, survey
from service.settings import Settings


@dataclass(frozen=True)
class Pin:
    """One version of a model."""

    root: Path | None
    """The store that holds it; None for the bundled one, which is where the code is."""
    name: str
    digest: str


@dataclass(frozen=True)
class Versions:
    """What answers a request for one model or a blend, whatever is published later. Can be sent to another process."""

    default: str
    pins: tuple[Pin, ...]
    blocked: frozenset[str]
    """Words that no drawn name may hold."""
    plan_cache_mb: int
    """The setting of that name."""

    @property
    def digests(self) -> dict[str, str]:
        return {pin.name: pin.digest for pin in self.pins}


def current(name: str | None, store: Path) -> Versions:
    """The current version of the model `name`, of all that a blend names, or of the default one. Settings come from the
    environment, but for the store. Raises UnknownModelError and StoreError."""
    settings = Settings(store=store)
    found = survey([settings.store, settings.bundled_store]).found
    default = settings.default_model if settings.default_model in found else min(found, default="none")
    wanted = sorted(names_in(default if name is None else name))
    if not found.keys() >= set(wanted):
        raise UnknownModelError(
            f"no such model; available models: {', '.join(sorted(found)) or 'none'}{_hint(settings)}"
        )
    pins = tuple(_pin(found[each][0]) for each in wanted)
    return Versions(default, pins, read_block_list(settings.block_list), settings.plan_cache_mb)


def load(versions: Versions) -> Catalog:
    """A catalog of exactly these versions. Raises StoreError and CheckpointError, and whatever else loading raises."""
    catalog = Catalog(versions.default, versions.plan_cache_mb << 20)
    loader = Loader(versions.blocked)
    with loader.tabulator:
        for pin in versions.pins:
            model = loader.load(pin.root or BUNDLED, pin.name, pin.digest, catalog.samplers.get)
            catalog.roster = catalog.roster.serving(model)
    return catalog


def _hint(settings: Settings) -> str:
    """Where the bundled models are when they are not here: a package that pip installed is without them."""
    if settings.bundled_store.is_dir():
        return ""
    return (
        "; the bundled models come with the repository, not with the package: "
        "set NAMESMITH_BUNDLED_STORE to the directory `store` of a clone, or --store to your own"
    )


def _pin(sighting: WatchedVersion) -> Pin:
    if sighting.digest is None:
        raise StoreError(sighting.trouble)
    root = sighting.root.resolve()
    return Pin(None if root == BUNDLED else root, sighting.name, sighting.digest)
