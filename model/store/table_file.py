"""A version's automaton as a file, so that a service need not compile it: safetensors, read without PyTorch.

All contexts of one length are one float64 tensor, `log_probs` (contexts, symbols). A context tree has the arrays of
`model.transitions.context_tree.ContextTree`; those of rows with an arc for every symbol leave out what follows from
their shape.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from model.errors import StoreError
from model.network.checkpoint_header import Header, header_length
from model.transitions.automaton import Floats, Transitions
from model.transitions.context_tree import IMPOSSIBLE, ContextTree

_MAX_HEADER_BYTES = 4096
MAX_FILE_BYTES = 64 * 1024 * 1024
"""Of a version's file."""
MAX_SENT_BYTES = 256 * 1024 * 1024 + _MAX_HEADER_BYTES
"""Of what is compiled for a version that came without: older programs served tables of all contexts up to 256 MiB."""
_LENGTH_BYTES = 8
_TENSOR = "log_probs"
_TREE = {"suffixes": np.int32, "firsts": np.uint16, "costs": np.uint16}
_SPARSE = {**_TREE, "counts": np.int32, "symbols": np.uint16, "backoffs": np.uint16}
_OF = "checkpoint"
"""Entry of the metadata: the digest of the checkpoint that a tree was compiled from."""
_TOLERANCE = 1e-9
_CHUNK_BYTES = 1 << 20


def table_file(transitions: Transitions, digest: str, most: int = MAX_FILE_BYTES) -> bytes:
    """Of the model whose checkpoint has that digest. Raises StoreError where rows hold no distributions, or where the
    file would have over `most` bytes."""
    metadata = {_OF: digest}
    if transitions.tree is None:
        _check_rows(transitions.log_probs, "its table")
        content = safetensors.numpy.save({_TENSOR: transitions.log_probs})
    else:
        content = safetensors.numpy.save(_arrays(transitions.tree), metadata=metadata)
    if len(content) > most:
        raise StoreError(
            f"its table takes {len(content) >> 20:,} MiB, but the limit is {most >> 20} MiB: use fewer contexts"
        )
    return content


def parse_table(content: bytes, header: Header, digest: str, path: Path) -> Transitions:
    """What `table_file` wrote for the model with that header and digest. Raises StoreError, naming the file, for
    anything but a distribution for each of its contexts."""
    description = _description(content[_LENGTH_BYTES : _LENGTH_BYTES + header_length(content)])
    if isinstance(description, dict) and "suffixes" in description:
        return _parse_tree(content, description, header.vocabulary.size, digest, path)
    return _parse_dense(content, description, header, path)


def _arrays(tree: ContextTree) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"suffixes": tree.suffixes, "firsts": tree.firsts, "costs": tree.costs}
    if len(tree.symbols) < len(tree) * tree.size:
        counts = np.diff(tree.starts).astype(np.int32)
        arrays |= {"counts": counts, "symbols": tree.symbols, "backoffs": tree.backoffs}
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _parse_tree(content: bytes, description: dict[str, Any], size: int, digest: str, path: Path) -> Transitions:
    metadata = description.get("__metadata__")
    if metadata != {_OF: digest}:
        raise StoreError(f"{path} is not the context tree of this model: the version is damaged")
    try:
        arrays = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is not a context tree ({str(error)[:80]}): the version is damaged") from None
    found = {name: array.dtype for name, array in arrays.items()}
    if found not in (_TREE, _SPARSE) or any(array.ndim != 1 for array in arrays.values()):
        raise StoreError(f"{path} does not hold the arrays of a context tree: the version is damaged")
    try:
        return _tree(arrays, size).transitions()
    except StoreError as error:
        raise StoreError(f"{path}: {error}: the version is damaged") from None


def _tree(arrays: dict[str, NDArray[Any]], size: int) -> ContextTree:
    states = len(arrays["suffixes"])
    if "counts" in arrays:
        starts = np.concatenate([[0], np.cumsum(arrays["counts"], dtype=np.int64)])
        symbols, backoffs = arrays["symbols"], arrays["backoffs"]
    else:
        starts = np.arange(states + 1, dtype=np.int64) * size
        symbols = np.tile(np.arange(size, dtype=np.uint16), states)
        backoffs = np.full(states, IMPOSSIBLE, dtype=np.uint16)
    return ContextTree(size, arrays["suffixes"], arrays["firsts"], starts, symbols, arrays["costs"], backoffs)


def _parse_dense(content: bytes, description: object, header: Header, path: Path) -> Transitions:
    """The numbers where they lie in `content`: a copy would hold the interpreter's lock for milliseconds."""
    size = header.vocabulary.size
    shape = (size**header.block_size, size)
    begin = _LENGTH_BYTES + header_length(content)
    described = {_TENSOR: {"dtype": "F64", "shape": list(shape), "data_offsets": [0, 8 * math.prod(shape)]}}
    if description != described or len(content) - begin != 8 * math.prod(shape):
        raise StoreError(
            f"{path} is not one tensor named {_TENSOR!r} of {shape[0]:,} rows and {size:,} columns, float64: "
            "the version is damaged"
        )
    numbers = np.frombuffer(content, dtype="<f8", offset=begin).reshape(shape)
    log_probs = np.require(numbers, np.float64, "A")  # the very numbers, unless a file is not padded as usual
    _check_rows(log_probs, f"{path}: the table")
    return Transitions.dense(log_probs, header.block_size)


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
            raise StoreError(f"{what} holds rows that are not probability distributions: the model is damaged")
