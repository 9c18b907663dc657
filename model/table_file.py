"""A version's compiled table as a file, so that a service need not compile it: one float64 tensor in safetensors
format, read without PyTorch."""

import json
import math
from pathlib import Path

import numpy as np
import safetensors.numpy

from model.errors import StoreError
from model.header import Header, header_length
from model.transitions import Floats, Transitions

MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_HEADER_BYTES = 1024
_LENGTH_BYTES = 8
_TENSOR = "log_probs"
_TOLERANCE = 1e-9
_CHUNK_BYTES = 1 << 20


def table_file(table: Transitions, digest: str) -> bytes:  # noqa: ARG001
    """Of the model whose checkpoint has that digest. Raises StoreError for one that holds no distributions, or whose
    file would be too large."""
    _check_rows(table.log_probs, "its table")
    content = safetensors.numpy.save({_TENSOR: table.log_probs})
    if len(content) > MAX_FILE_BYTES:
        raise StoreError(f"its table takes {len(content) >> 20:,} MiB, at most {MAX_FILE_BYTES >> 20} are kept")
    return content


def parse_table(content: bytes, header: Header, digest: str, path: Path) -> Transitions:  # noqa: ARG001
    """What `table_file` wrote for the model with that header and digest, the numbers where they lie in `content`: a
    copy would hold the interpreter's lock for milliseconds. Raises StoreError, naming the file, for anything but a
    distribution for each of its contexts."""
    size = header.vocabulary.size
    shape = (size**header.block_size, size)
    begin = _LENGTH_BYTES + header_length(content)
    described = {_TENSOR: {"dtype": "F64", "shape": list(shape), "data_offsets": [0, 8 * math.prod(shape)]}}
    if _description(content[_LENGTH_BYTES:begin]) != described or len(content) - begin != 8 * math.prod(shape):
        raise StoreError(
            f"{path} is not one tensor named {_TENSOR!r} of {shape[0]:,} rows and {size:,} columns, float64: "
            "the version is damaged"
        )
    numbers = np.frombuffer(content, dtype="<f8", offset=begin).reshape(shape)
    log_probs = np.require(numbers, np.float64, "A")  # the very numbers, unless a file is not padded as usual
    _check_rows(log_probs, f"{path}: the table")
    log_probs.setflags(write=False)
    return Transitions(log_probs, header.block_size)


def _description(text: bytes) -> object:
    """The header of a safetensors file; None for what cannot be that of a table."""
    try:
        return json.loads(text) if len(text) <= _MAX_HEADER_BYTES else None
    except (ValueError, RecursionError):
        return None


def _check_rows(log_probs: Floats, what: str) -> None:
    rows = max(1, _CHUNK_BYTES // (8 * log_probs.shape[1]))
    for begin in range(0, len(log_probs), rows):
        part = log_probs[begin : begin + rows]
        off = np.abs(np.exp(np.minimum(part, 0)).sum(axis=1) - 1) > _TOLERANCE
        if not (part <= 0).all() or off.any():
            raise StoreError(f"{what} holds rows that are no distributions: the model is damaged")
