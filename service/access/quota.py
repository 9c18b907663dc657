"""How many names a client may ask for in a time: for each key, or for each address where there are no keys.

The count is a sliding window, of the `limits` library. Answers say what is left, in the fields of the IETF's draft
"RateLimit header fields for HTTP" (11th revision).
"""

import logging
import math
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from limits import RateLimitItem
from limits.errors import ConfigurationError
from limits.storage import MemoryStorage, RedisStorage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import Scope

from service.access.clients import asker_of
from service.access.keys import Key, read_quota
from service.access.shared_counts import SharedCounts
from service.http.problems import FieldError, ProblemError

_SOCKET_SECONDS = 0.1
_REST_SECONDS = 1.0
"""After a failure counts are not asked for so long, so that a server that hangs holds up one request in a second."""
log = logging.getLogger("namesmith")
NO_HEADERS: Mapping[str, str] = {}
Counts = MemoryStorage | RedisStorage | SharedCounts


class Quota:
    """`of_all` is the quota of a client without one of its own; None for no limit."""

    def __init__(self, of_all: str, storage: str, shared: Path | None, *, must_count: bool = False) -> None:
        """Counts are kept in `storage` (a URL that `limits` knows) if there is one, else in the file `shared`, else in
        this process. Where they cannot be reached, everybody is let in, unless they must be. Raises ValueError."""
        self._must_count = must_count
        self._rests_until = 0.0
        self._of_all = read_quota(of_all) if of_all else None
        self._counts = _counts(storage, shared)
        self._limiter = SlidingWindowCounterRateLimiter(self._counts)

    def charge(self, scope: Scope, names: int, pointer: str) -> Mapping[str, str]:
        """Takes `names` from the client's quota; returns the headers that tell what is left. Raises ProblemError: 429
        where that is too little, 422 where the whole quota would be; `pointer` is the field that asks for them."""
        return self._asked(scope, names, pointer, self._limiter.hit)

    def check(self, scope: Scope, names: int, pointer: str) -> None:
        """The same, but nothing is taken."""
        self._asked(scope, names, pointer, self._limiter.test)

    def _asked(self, scope: Scope, names: int, pointer: str, ask: Callable[..., bool]) -> Mapping[str, str]:
        limit = self.limit(scope)
        if limit is None:
            return NO_HEADERS
        if names > limit.amount:
            detail = f"{names:,} names are more than the quota of {_told(limit)}"
            raise ProblemError(422, "over-quota", detail, [FieldError(pointer=pointer, detail=detail)])
        if time.monotonic() < self._rests_until:
            return self._uncounted()
        try:
            return self._counted(limit, asker_of(scope), names, ask)
        except self._counts.base_exceptions as error:
            self._rests_until = time.monotonic() + _REST_SECONDS
            log.error("quotas cannot be counted; the next attempt is in %g s: %s", _REST_SECONDS, error)
            return self._uncounted()

    def _uncounted(self) -> Mapping[str, str]:
        """What is asked for while counts cannot be reached. Raises ProblemError, 503, where they must be."""
        if self._must_count:
            headers = {"Retry-After": str(math.ceil(_REST_SECONDS))}
            raise ProblemError(
                503, "quota-unavailable", "quotas cannot be counted right now; try again", headers=headers
            )
        return NO_HEADERS

    def _counted(self, limit: RateLimitItem, client: str, names: int, ask: Callable[..., bool]) -> Mapping[str, str]:
        fits = ask(limit, client, cost=names)
        headers = self._headers(limit, client)
        if fits:
            return headers
        detail = f"{names:,} names are more than what is left of the quota of {_told(limit)}"
        raise ProblemError(
            429, "quota-spent", detail, headers=headers | {"Retry-After": str(self._wait(limit, client, names))}
        )

    def limit(self, scope: Scope) -> RateLimitItem | None:
        """The quota of who asks."""
        key: Key | None = scope.get("key")
        return key.quota if key is not None and key.quota is not None else self._of_all

    def _headers(self, limit: RateLimitItem, client: str) -> dict[str, str]:
        before, current, left = self._window(limit, client)
        remaining = limit.amount - math.floor(before * left / limit.get_expiry() + current)
        return {
            "RateLimit-Policy": f'"names";q={limit.amount};w={limit.get_expiry()}',
            "RateLimit": f'"names";r={max(0, remaining)};t={math.ceil(left)}',
        }

    def _wait(self, limit: RateLimitItem, client: str, names: int) -> int:
        """Seconds until so many names are left, if nobody asks for others meanwhile."""
        before, current, left = self._window(limit, client)
        most, expiry = limit.amount - names, limit.get_expiry()
        if current <= most:  # as the window before slides out
            return max(1, math.floor(left - (most - current) * expiry / before) + 1) if before else 1
        return math.floor(left + expiry - most * expiry / current) + 1  # as the present one does, after that

    def _window(self, limit: RateLimitItem, client: str) -> tuple[int, int, float]:
        """Names in the window before and in the present one, and the seconds that are left of it."""
        expiry = limit.get_expiry()
        before, _, current, counted_for = self._counts.get_sliding_window(limit.key_for(client), expiry)
        return before, current, counted_for - expiry


def _counts(storage: str, shared: Path | None) -> Counts:
    if not storage:
        return MemoryStorage() if shared is None else _shared(shared)
    timeouts = {"socket_timeout": _SOCKET_SECONDS, "socket_connect_timeout": _SOCKET_SECONDS}
    try:
        counts = storage_from_string(storage, **(timeouts if storage.startswith("redis") else {}))
    except ConfigurationError as error:
        raise ValueError(f"quota_storage: {error}") from None
    if not isinstance(counts, MemoryStorage | RedisStorage):
        raise ValueError("quota_storage: only memory:// and redis:// can count a sliding window")
    return counts


def _shared(path: Path) -> Counts:
    try:
        return SharedCounts(path)
    except sqlite3.Error as error:
        log.error("each worker counts quotas separately: %s: %s", path, error)
        return MemoryStorage()


def _told(limit: RateLimitItem) -> str:
    return f"{limit.amount:,} names in {limit.get_expiry():,} s"
