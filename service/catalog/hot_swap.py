"""Hot swap: the catalog follows what the stores hold, and no request notices.

A new version is loaded and tried out beside the one that serves, then takes its place in one assignment. One that
cannot be served is rejected, and what served before goes on.
"""

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

from model.errors import NamesmithError, StoreError
from model.store.store import OWN, Store
from model.warming import warm_up
from service import settings as service_settings
from service.block_list import read_block_list
from service.catalog.catalog import Catalog
from service.catalog.loading import Loader
from service.catalog.version_watch import WatchedVersion, survey
from service.telemetry.metrics import SWAPS

_RETRY_SECONDS = 30.0
"""After which a version that was rejected is tried again, though nobody wrote to its store."""

log = logging.getLogger("namesmith")


@dataclass(frozen=True)
class _Failure:
    sighting: WatchedVersion
    due: float
    """When to try again, on the monotonic clock."""


class Swapper:
    """Keeps a catalog up to date. Used by one thread at a time."""

    def __init__(self, settings: service_settings.Settings) -> None:
        self.catalog = Catalog(settings.default_model, settings.plan_cache_mb << 20)
        self._default = settings.default_model
        self._roots = [settings.store, settings.bundled_store]
        self._loader = Loader(read_block_list(settings.block_list))
        self._served: dict[str, WatchedVersion] = {}
        self._failed: dict[str, _Failure] = {}
        self._unreadable: dict[Path, str] = {}

    def begin(self) -> None:
        """Gets ready, and serves one model, the default one if that can be. The others are awaited until `look`, which
        is to follow, has been there."""
        seen = survey(self._roots)
        names = sorted(seen.found, key=lambda name: (name != self._default, name))
        if not all(_has_table(sightings[0]) for sightings in seen.found.values()):
            self._loader.tabulator.start()
        warm_up()
        for i, name in enumerate(names):
            self._follow(seen.found[name])
            if self.catalog.models:
                self.catalog.roster = self.catalog.roster.awaiting(names[i + 1 :])
                return

    def look(self) -> None:
        """Brings the catalog up to what the stores hold now. Whatever is wrong with one model, the others serve."""
        seen = survey(self._roots)
        self._tell_unreadable(seen.unreadable)
        self.catalog.roster = self.catalog.roster.expecting(
            seen.found.keys() - self._served.keys() - self._failed.keys()
        )
        with self._loader.tabulator:
            for name in sorted({*seen.found, *self._served, *self._failed}):
                served = self._served.get(name)
                if served is not None and served.root in seen.unreadable:
                    continue
                if sightings := seen.found.get(name):
                    self._follow(sightings)
                else:
                    self._withdraw(name)
                self._arrived(name)
        self.catalog.roster = self.catalog.roster.awaiting(()).expecting(())

    def _arrived(self, name: str) -> None:
        roster = self.catalog.roster
        self.catalog.roster = roster.awaiting(roster.awaited - {name}).expecting(roster.arriving - {name})

    def _follow(self, sightings: list[WatchedVersion]) -> None:
        wanted, others = sightings[0], sightings[1:]
        served = self._served.get(wanted.name)
        if served is not None and (served.root, served.digest) == (wanted.root, wanted.digest):
            self._settle(wanted)
            return
        failed = self._failed.get(wanted.name)
        if failed is not None and failed.sighting == wanted and time.monotonic() < failed.due:
            return
        try:
            self._serve(wanted)
        except Exception as error:  # whatever is wrong with it, what serves goes on
            self._reject(wanted, error)
            if served is None:
                self._fall_back(_earlier(wanted) + others)
        else:
            self._settle(wanted)

    def _serve(self, sighting: WatchedVersion) -> None:
        """Loads a version beside the one that serves, and puts it in its place. Raises anything."""
        if sighting.digest is None:
            raise StoreError(sighting.trouble)
        catalog, name = self.catalog, sighting.name
        try:
            model = self._loader.load(sighting.root, name, sighting.digest, catalog.samplers.get)
            catalog.carry_over(model)
        except BaseException:
            catalog.forget(name, self._served[name].digest if name in self._served else None)
            raise
        catalog.roster = catalog.roster.serving(model)
        self._served[name] = sighting
        catalog.forget(name, model.digest)
        SWAPS.labels(name, "served").inc()
        log.info("serving %s, version %s, from %s", name, model.digest[:12], sighting.root)

    def _fall_back(self, sightings: list[WatchedVersion]) -> None:
        """Serves the first of these that can be."""
        for sighting in sightings:
            try:
                self._serve(sighting)
            except Exception as error:
                _tell(sighting, error)
            else:
                return

    def _reject(self, sighting: WatchedVersion, error: Exception) -> None:
        _tell(sighting, error)
        SWAPS.labels(sighting.name, "rejected").inc()
        self._failed[sighting.name] = _Failure(sighting, time.monotonic() + _RETRY_SECONDS)
        why = str(error).replace(f"{sighting.root}/", "")
        self.catalog.roster = self.catalog.roster.rejecting(sighting.name, why)

    def _settle(self, sighting: WatchedVersion) -> None:
        """What should be served is."""
        self._served[sighting.name] = sighting
        if self._failed.pop(sighting.name, None) is not None:
            self.catalog.roster = self.catalog.roster.content(sighting.name)

    def _withdraw(self, name: str) -> None:
        catalog = self.catalog
        if self._served.pop(name, None) is not None:
            SWAPS.labels(name, "withdrawn").inc()
            log.warning("no store holds %s any more: it is no longer served", name)
        self._failed.pop(name, None)
        catalog.roster = catalog.roster.without(name).content(name)
        catalog.forget(name, None)

    def _tell_unreadable(self, unreadable: dict[Path, str]) -> None:
        for root, why in unreadable.items():
            if self._unreadable.get(root) != why and root != OWN:
                log.warning("cannot read the store %s: %s; models loaded from it before stay in service", root, why)
        self._unreadable = unreadable


def load_catalog(settings: service_settings.Settings) -> Catalog:
    """What the stores hold now, for a program that does not follow them."""
    swapper = started(settings)
    swapper.look()
    return swapper.catalog


def started(settings: service_settings.Settings) -> Swapper:
    """A swapper that serves one model, and is to look for the others."""
    swapper = Swapper(settings)
    swapper.begin()
    return swapper


def _has_table(sighting: WatchedVersion) -> bool:
    return sighting.digest is not None and Store(sighting.root).has_table(sighting.name, sighting.digest)


def _earlier(sighting: WatchedVersion) -> list[WatchedVersion]:
    """The versions that were current before it, the latest first; where that is not known, those that are there."""
    store = Store(sighting.root)
    try:
        digests = store.earlier(sighting.name) if sighting.digest is not None else store.digests(sighting.name)
    except (NamesmithError, OSError):
        return []
    return [replace(sighting, digest=digest) for digest in reversed(digests) if digest != sighting.digest]


def _tell(sighting: WatchedVersion, error: Exception) -> None:
    unforeseen = not isinstance(error, NamesmithError | OSError)
    digest = (sighting.digest or "unknown")[:12]
    log.error("%s, version %s, in %s: %s", sighting.name, digest, sighting.root, error, exc_info=unforeseen)
