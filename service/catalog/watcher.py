"""The thread that looks for new versions."""

import logging
from threading import Event, Thread

from service.catalog.hot_swap import Swapper

_PATIENCE_SECONDS = 2.0

log = logging.getLogger("namesmith")


class Watcher:
    """A thread that lets a swapper look at once and then every `seconds`, between `start` and `stop`."""

    def __init__(self, swapper: Swapper, seconds: float) -> None:
        self._swapper = swapper
        self._seconds = seconds
        self._stopped = Event()
        self._thread = Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Does not wait for long: a version that is being loaded right now is not needed any more."""
        self._stopped.set()
        self._thread.join(_PATIENCE_SECONDS)

    def _watch(self) -> None:
        self._look()
        while not self._stopped.wait(self._seconds):
            self._look()

    def _look(self) -> None:
        try:
            self._swapper.look()
        except Exception:
            log.exception("could not look for new versions; trying again")
