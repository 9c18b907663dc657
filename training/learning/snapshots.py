"""Where an interrupted run left off: one file on disk, outside the store, that a run replaces now and then.

The file is a safetensors file, its metadata JSON, followed by the SHA-256 of both: a run never goes on from a file that
was changed or cut off. Nothing in it is unpickled.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from model.errors import NamesmithError
from model.files.durable import make_directories, replace_file
from training.recipe.defaults import SNAPSHOT_SECONDS

State = dict[str, Any]
"""Dictionaries and lists of tensors and plain JSON. That of a run has `steps` and `seconds` so far and `stages`."""
_FIELDS = {"steps", "seconds", "stages"}

_METADATA_KEY = "namesmith-run"
_TENSOR = "$tensor"
_DIGEST_BYTES = hashlib.sha256().digest_size
_LEAST_REST = 100
"""Times that a snapshot took to write before the next one, whatever the disk: at most 1 % of the run."""


class SnapshotError(NamesmithError):
    """A snapshot that no run can go on from."""


class Snapshots:
    """The snapshot of the run named `key` (see `training/run/run_key.py`) under `directory`, written every so many
    seconds. Where that fails `warn` is told once, and the run goes on without."""

    def __init__(
        self, directory: Path, key: str, every: float = SNAPSHOT_SECONDS, warn: Callable[[str], None] = lambda _: None
    ) -> None:
        self.path = directory / f"{key}.snapshot"
        self._key, self._every, self._warn = key, every, warn
        self._due = time.monotonic() + every

    def read(self) -> State | None:
        """What was written last, maybe by another process; None where nothing was. Raises SnapshotError."""
        try:
            return loads(self.path.read_bytes(), self._key)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(f"cannot be read ({error.strerror})") from None
        except SnapshotError:
            raise self._unusable("is damaged") from None

    def due(self) -> bool:
        return time.monotonic() >= self._due

    def write(self, state: State) -> None:
        began = time.monotonic()
        try:
            make_directories(self.path.parent)
            replace_file(self.path, dumps(state, self._key))
        except OSError as error:
            self._due = math.inf
            self._warn(
                f"cannot write snapshots to {self.path.parent} ({error.strerror}); the run continues without them"
            )
            return
        now = time.monotonic()
        self._due = now + (self._every and max(self._every, _LEAST_REST * (now - began)))

    def remove(self) -> None:
        """The run is over. What a killed process was writing goes too."""
        with suppress(OSError):
            for path in (self.path, *self.path.parent.glob(f".{self.path.name}-*")):
                path.unlink(missing_ok=True)

    def _unusable(self, why: str) -> SnapshotError:
        return SnapshotError(f"the snapshot {self.path} {why}; leave out --resume to start from the beginning")


def dumps(state: State, key: str) -> bytes:
    tensors: dict[str, Tensor] = {}
    text = json.dumps({"key": key, "state": _apart(state, "state", tensors)})
    data = safetensors.torch.save(tensors, metadata={_METADATA_KEY: text})
    return data + hashlib.sha256(data).digest()


def loads(content: bytes, key: str) -> State:
    """What `dumps` was given. Raises SnapshotError for anything but its bytes with that key."""
    data, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(data).digest() != digest:
        raise SnapshotError("its digest does not match")
    try:
        tensors = safetensors.torch.load(data)
        length = int.from_bytes(data[:8], "little")
        known = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_METADATA_KEY])
        if known["key"] != key:
            raise SnapshotError("it belongs to another run")
        state: State = _together(known["state"], tensors)
    except (safetensors.SafetensorError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise SnapshotError(f"it is not a snapshot: {str(error)[:80]}") from None
    if not (isinstance(state, dict) and state.keys() == _FIELDS and isinstance(state["steps"], int)):
        raise SnapshotError("it does not hold the state of a run")
    return state


def _apart(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """`value` with names in the place of its tensors, which go to `tensors`."""
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().contiguous()
        return {_TENSOR: name}
    if isinstance(value, dict):
        return {key: _apart(item, f"{name}/{key}", tensors) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_apart(item, f"{name}/{i}", tensors) for i, item in enumerate(value)]
    return value


def _together(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if _TENSOR in value:
            return tensors[value[_TENSOR]]
        return {key: _together(item, tensors) for key, item in value.items()}
    return [_together(item, tensors) for item in value] if isinstance(value, list) else value
