"""Counts of a rate limiter that the workers of one machine share: a storage for `limits`, in SQLite.

`limits` has storages for one process and for servers such as Redis; workers that share a directory need neither. A
count takes some tens of microseconds. The file need not outlive the service, so that nothing is synced.
"""

import math
import sqlite3
import time
from pathlib import Path
from threading import Lock
from typing import Any

from limits.storage import SlidingWindowCounterSupport, Storage

_BUSY_SECONDS = 5.0
_SWEEP_SECONDS = 60.0
_TABLE = (
    "CREATE TABLE IF NOT EXISTS counts (key TEXT, window INTEGER, amount INTEGER, ends REAL, PRIMARY KEY (key, window))"
)


class SharedCounts(Storage, SlidingWindowCounterSupport):
    """Counts for each key and window; a window has the number `time // expiry`, on the clock that all workers see."""

    STORAGE_SCHEME = None

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._lock = Lock()
        self._database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", _TABLE):
            self._database.execute(statement)
        self._swept = time.time()

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return sqlite3.Error

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Adds `amount` if the weighted count stays within `limit`: of the window now, and of the one before as far
        as it reaches into the last `expiry` seconds."""
        now = time.time()
        window, passed = int(now // expiry), now % expiry
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                before, current = self._amount(key, window - 1), self._amount(key, window)
                fits = math.floor(before * (1 - now / expiry % 1) + current) + amount <= limit
                if fits:
                    self._add(key, window, amount, now - passed + 2 * expiry)
                self._sweep(now)
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        return fits

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Of the window before and of the one now: the count, and seconds until it no longer counts."""
        now = time.time()
        window, left = int(now // expiry), expiry - now % expiry
        with self._lock:
            return self._amount(key, window - 1), left, self._amount(key, window), left + expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:  # noqa: ARG002
        self.clear(key)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """A window that begins with its first entry."""
        now = time.time()
        with self._lock:
            self._database.execute("DELETE FROM counts WHERE key = ? AND ends <= ?", (key, now))
            return self._add(key, 0, amount, now + expiry)

    def get(self, key: str) -> int:
        with self._lock:
            return int(self._value("SELECT sum(amount) FROM counts WHERE key = ? AND ends > ?", key, time.time()) or 0)

    def get_expiry(self, key: str) -> float:
        with self._lock:
            return float(self._value("SELECT max(ends) FROM counts WHERE key = ?", key) or time.time())

    def check(self) -> bool:
        with self._lock:
            return bool(self._value("SELECT 1") == 1)

    def reset(self) -> int | None:
        with self._lock:
            return self._database.execute("DELETE FROM counts").rowcount

    def clear(self, key: str) -> None:
        with self._lock:
            self._database.execute("DELETE FROM counts WHERE key = ?", (key,))

    def close(self) -> None:
        self._database.close()

    def _add(self, key: str, window: int, amount: int, ends: float) -> int:
        upsert = (
            "INSERT INTO counts VALUES (?, ?, ?, ?) "
            "ON CONFLICT (key, window) DO UPDATE SET amount = amount + excluded.amount RETURNING amount"
        )
        return int(self._value(upsert, key, window, amount, ends))

    def _amount(self, key: str, window: int) -> int:
        return int(self._value("SELECT amount FROM counts WHERE key = ? AND window = ?", key, window) or 0)

    def _value(self, statement: str, *arguments: object) -> Any:
        row = self._database.execute(statement, arguments).fetchone()
        return None if row is None else row[0]

    def _sweep(self, now: float) -> None:
        """Drops what no longer counts."""
        if now - self._swept > _SWEEP_SECONDS:
            self._swept = now
            self._database.execute("DELETE FROM counts WHERE ends <= ?", (now,))
