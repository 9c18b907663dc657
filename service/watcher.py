"""The thread that looks for new versions."""

import logging
import os
import sys
from contextlib import suppress
from threading import Event, Thread, get_native_id

from service.swapping import Swapper

_PATIENCE_SECONDS = 2.0
_POLITE = 10
"""Niceness of a thread that does what nobody waits for yet."""

log = logging.getLogger("namesmith")


class Watcher:
    """A thread that lets a swapper look every `seconds`, between `start` and `stop`."""

    def __init__(self, swapper: Swapper, seconds: float) -> None:
        self._swapper = swapper
        self._seconds = seconds
        self._stopped = Event()
        self._thread = Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()
        Thread(target=self._compute_facts, name="facts", daemon=True).start()

    def stop(self) -> None:
        """Does not wait for long: a version that is being loaded right now is not needed any more."""
        self._stopped.set()
        self._thread.join(_PATIENCE_SECONDS)

    def _compute_facts(self) -> None:
        """What /models tells of the models that are there at the start, before it is asked for: seconds for a large
        alphabet. Of a new version it is computed when it is asked for, so that a swap costs nobody else anything."""
        if sys.platform == "linux":  # elsewhere it would be the whole process that gives way
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, get_native_id(), _POLITE)
        for model in self._swapper.catalog.models:
            if self._stopped.is_set():
                return
            try:
                _ = model.facts
            except Exception:
                log.exception("the facts of %s could not be computed", model.name)

    def _watch(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self._swapper.look()
            except Exception:
                log.exception("could not look for new versions; trying again")
