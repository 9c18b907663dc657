"""A version's compiled table as a file, so that a service need not compile it: one float64 tensor in safetensors
format, read without PyTorch."""

from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from model.errors import StoreError
from model.header import Header, header_length
from model.transitions import Floats, Transitions

MAX_TABLE_BYTES = 32 * 1024 * 1024
"""Of the numbers; the table of a larger one is compiled by who serves it."""
MAX_FILE_BYTES = MAX_TABLE_BYTES + 4096
_MAX_HEADER_BYTES = 1024
_TENSOR = "log_probs"
_TOLERANCE = 1e-9
_CHUNK_BYTES = 1 << 20


def table_file(table: Transitions) -> bytes | None:
    """None for one that is too large to be kept. Raises StoreError for one that holds no distributions."""
    _check_rows(table.log_probs, "its table")
    if table.log_probs.nbytes > MAX_TABLE_BYTES:
        return None
    return safetensors.numpy.save({_TENSOR: table.log_probs})


def parse_table(content: bytes, header: Header, path: Path) -> Transitions:
    """What `table_file` wrote for a model with that header. Raises StoreError, naming the file, for anything but a
    distribution for each of its contexts."""
    size = header.vocabulary.size
    shape = (size**header.block_size, size)
    log_probs = _tensor(content, path)
    if log_probs.dtype != np.float64 or log_probs.shape != shape:
        raise StoreError(f"{path} is not a table of {shape[0]:,} rows and {size:,} columns: the version is damaged")
    _check_rows(log_probs, f"{path}: the table")
    log_probs.setflags(write=False)
    return Transitions(log_probs, header.block_size)


def _tensor(content: bytes, path: Path) -> Floats:
    damaged = StoreError(f"{path} is not one tensor named {_TENSOR!r}: the version is damaged")
    if header_length(content) > _MAX_HEADER_BYTES:
        raise damaged
    try:
        tensors = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError):
        raise damaged from None
    if tensors.keys() != {_TENSOR}:
        raise damaged
    return tensors[_TENSOR]


def _check_rows(log_probs: Floats, what: str) -> None:
    rows = max(1, _CHUNK_BYTES // (8 * log_probs.shape[1]))
    for begin in range(0, len(log_probs), rows):
        part = log_probs[begin : begin + rows]
        off = np.abs(np.exp(np.minimum(part, 0)).sum(axis=1) - 1) > _TOLERANCE
        if not (part <= 0).all() or off.any():
            raise StoreError(f"{what} holds rows that are no distributions: the model is damaged")
