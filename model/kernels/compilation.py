"""How kernels are compiled, and where the machine code is kept.

Code is made for the generic processor of an architecture: what was compiled while an image was built then runs
wherever the image runs, somewhat slower than code made for one processor. It is kept beside the source, or in the
user's cache directory where that cannot be written. Code found beside the source is used even where nothing can be
written, as in a container with a read-only root.
"""

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numba
from numba.core.caching import InTreeCacheLocator, UserWideCacheLocator

_SOURCES = Path(__file__).resolve().parent


def _fingerprint() -> str:
    """Of all kernels together: one may have another's code within it."""
    hasher = hashlib.sha256(numba.__version__.encode())
    for path in sorted(_SOURCES.glob("*.py")):
        hasher.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return hasher.hexdigest()


class BesideSource(InTreeCacheLocator):
    """`__pycache__`, for reading only where it cannot be written but holds the code of these very sources."""

    def get_source_stamp(self) -> str:
        return FINGERPRINT

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> Self | None:
        locator: Self | None = super().from_function(py_func, py_file)
        if locator is None and _read_stamp() == FINGERPRINT:
            locator = cls(py_func, py_file)
        return locator


class UserWide(UserWideCacheLocator):
    def get_source_stamp(self) -> str:
        return FINGERPRINT


class Temporary(UserWide):
    """The last resort: a directory of this process alone."""

    def get_cache_path(self) -> str:
        return _temporary_directory()


_temporary: list[tempfile.TemporaryDirectory[str]] = []


def _temporary_directory() -> str:
    if not _temporary:
        _temporary.append(tempfile.TemporaryDirectory(prefix="namesmith-kernels-"))
    return _temporary[0].name


def _stamp_file() -> Path:
    return _SOURCES / "__pycache__" / "compiled-for"


def _read_stamp() -> str | None:
    try:
        return _stamp_file().read_text(encoding="ascii")
    except (OSError, ValueError):
        return None


def mark_complete() -> None:
    """Notes, unless that was done, that all kernels have been compiled beside their source (see `model.warming`)."""
    if _read_stamp() != FINGERPRINT:
        with suppress(OSError):
            _stamp_file().write_text(FINGERPRINT, encoding="ascii")


FINGERPRINT = _fingerprint()
_config: Any = numba.config
_config.CPU_NAME = "generic"
_config.CPU_FEATURES = ""
_config.CACHE_LOCATOR_CLASSES = ",".join(
    f"{cls.__module__}.{cls.__name__}" for cls in (BesideSource, UserWide, Temporary)
)


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function when it is first called, or takes it from the cache."""
    compiled: Any = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    save = compiled._cache.save_overload

    def save_if_possible(signature: Any, code: Any) -> None:
        with suppress(OSError):  # arguments that were not foreseen when what lies beside the source was made
            save(signature, code)

    compiled._cache.save_overload = save_if_possible
    return compiled


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A small function that becomes part of the kernels that call it."""
    compiled: Callable[..., Any] = numba.njit(nogil=True, error_model="numpy", inline="always")(function)
    return compiled
