"""API keys. What is kept of a key is its SHA-256 digest: who reads the file cannot ask with it.

A key is 256 random bits, so that its plain digest is as hard to turn round as a slow one would be. One line is one
key, `NAME:DIGEST` or `NAME:DIGEST:QUOTA`; two lines of one name are both valid, while a client changes over.
"""

import hashlib
import hmac
import logging
import re
import secrets
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from limits import RateLimitItem, parse

from model.files.durable import replace_file
from model.files.regular import read_regular

MAX_KEYS = 1000
_MAX_FILE_BYTES = 1 << 20
_MODE = 0o644
_LOOK_SECONDS = 1.0
_EMPTY_SECONDS = 60.0
"""For so long the keys of a file that holds none any more stay valid: it may be on its way to be written again."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")

log = logging.getLogger("namesmith")


@dataclass(frozen=True)
class Key:
    name: str
    digest: bytes
    quota: RateLimitItem | None = None
    """Instead of the quota of all."""


def new_key(name: str) -> tuple[str, str]:
    """A key, to be given to a client and kept nowhere else, and its line. Raises ValueError for such a name."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!a}: a key's name is 1 to 64 letters, digits, dots, dashes or underscores")
    key = secrets.token_urlsafe(32)
    return key, f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


def read_quota(text: str) -> RateLimitItem:
    """Names in a time, such as "10000/minute" or "1000000/day". Raises ValueError."""
    try:
        return parse(text)
    except ValueError:
        raise ValueError(f"{text!a} is not a quota; write it like 10000/minute or 500000/day") from None


def read_keys(text: str) -> tuple[Key, ...]:
    """The keys in `text`, a line or a comma after each; empty lines and those that begin with # are left out. Raises
    ValueError, which names the line and holds nothing of it but the name."""
    entries = enumerate((entry.strip() for entry in re.split(r"[\n,]", text)), 1)
    keys = tuple(_read_key(number, entry) for number, entry in entries if entry and not entry.startswith("#"))
    if len(keys) > MAX_KEYS:
        raise ValueError(f"{len(keys):,} keys; at most {MAX_KEYS:,} are allowed")
    return keys


def read_key_file(path: Path) -> tuple[Key, ...]:
    """Raises ValueError, which says what is wrong with the file."""
    try:
        return read_keys(read_regular(path, _MAX_FILE_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise ValueError(f"cannot read the keys in {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the keys in {path} are not UTF-8 text") from None
    except ValueError as error:
        raise ValueError(f"the keys in {path}: {error}") from None


def _read_key(number: int, entry: str) -> Key:
    name, _, rest = entry.partition(":")
    digest, _, quota = rest.partition(":")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"entry {number}: write NAME:SHA256, where NAME is letters, digits, dots, dashes and underscores"
        )
    if not _DIGEST.fullmatch(digest.lower()):
        raise ValueError(
            f"entry {number}, {name}: the digest must be 64 hexadecimal digits; "
            "make a key and its line with `python -m service key NAME`"
        )
    try:
        return Key(name, bytes.fromhex(digest), read_quota(quota) if quota else None)
    except ValueError as error:
        raise ValueError(f"entry {number}, {name}: {error}") from None


def add_key(path: Path, line: str) -> None:
    """Adds a key's line to a file of keys, which keeps its mode, and is made if it is missing. Raises ValueError."""
    there = path.exists()
    if there:
        read_key_file(path)
    try:
        before = read_regular(path, _MAX_FILE_BYTES) if there else b""
        ending = b"" if not before or before.endswith(b"\n") else b"\n"
        mode = stat.S_IMODE(path.stat().st_mode) if there else _MODE
        replace_file(path, before + ending + line.encode() + b"\n", mode)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from None


class KeyRing:
    """The keys that are valid now. A file is read again when it has changed and rests, so that one that is written in
    place is not read by halves; one that cannot be read, or is wrong, changes nothing."""

    def __init__(self, listed: str, path: Path | None) -> None:
        """Raises ValueError."""
        self._listed = read_keys(listed)
        self._path = path
        self._stamp = self._now_stamp()
        self._filed = read_key_file(path) if path is not None else ()
        self._looked = time.monotonic()
        self._seen = self._stamp
        """At the last look."""
        self._emptied: float | None = None

    @property
    def keys(self) -> tuple[Key, ...]:
        if self._path is not None and time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._look(self._path)
        return self._listed + self._filed

    def owner(self, given: bytes) -> Key | None:
        """The key that `given` is. Every key is compared, in constant time each."""
        digest = hashlib.sha256(given).digest()
        found = None
        for key in self.keys:
            if hmac.compare_digest(digest, key.digest):
                found = key
        return found

    def _look(self, path: Path) -> None:
        self._looked = time.monotonic()
        stamp = self._now_stamp()
        seen, self._seen = self._seen, stamp
        rests = stamp == seen or stamp[-1:] != seen[-1:]  # another file is put in place as a whole
        if rests and stamp != self._stamp:
            self._stamp, self._emptied = stamp, None
            self._read(path)
        elif self._emptied is not None and self._looked - self._emptied >= _EMPTY_SECONDS:
            self._filed, self._emptied = (), None
            log.error("%s still holds no key; its previous keys are no longer valid", path)

    def _read(self, path: Path) -> None:
        try:
            filed = read_key_file(path)
        except ValueError as error:
            log.error("%s; the previous keys stay valid", error)
            return
        if filed or not self._filed:
            self._filed = filed
            log.info("reloaded the keys: %d", len(filed))
        else:
            self._emptied = self._looked
            log.error("%s no longer holds any key; its previous keys stay valid for %g s", path, _EMPTY_SECONDS)

    def _now_stamp(self) -> tuple[int, ...]:
        try:
            status = self._path.stat() if self._path is not None else None
        except OSError:
            return (0,)
        return () if status is None else (status.st_mtime_ns, status.st_size, status.st_ino)
