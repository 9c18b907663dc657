"""The only reader and writer of a model file.

A checkpoint is one safetensors file: the tensors of the stack, buffers included, and one metadata entry,
`namesmith`, holding JSON. One entry, because safetensors orders several at random and equal models would
then differ in their bytes. Reading never unpickles and never maps the file into memory.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.errors import CheckpointError, StackError, VocabularyError
from model.layers import BatchNorm1d
from model.stack import Stack
from model.vocabulary import Case, Normalization, UnicodeForm, Vocabulary

FORMAT_VERSION = 1
METADATA_KEY = "namesmith"
MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_BLOCK_SIZE = 32
_HEADER_LENGTH_BYTES = 8


@dataclass(frozen=True)
class Checkpoint:
    """A whole model: stack, context length and alphabet, and the facts of its training (plain JSON)."""

    stack: Stack
    block_size: int
    vocabulary: Vocabulary
    facts: dict[str, Any] = field(default_factory=dict)


class _Normalization(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    form: UnicodeForm
    case: Case


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    format_version: Literal[1]
    layers: list[dict[str, Any]]
    block_size: int = Field(ge=1, le=MAX_BLOCK_SIZE)
    letters: list[str] = Field(min_length=1, max_length=100_000)
    normalization: _Normalization
    facts: dict[str, Any]


def digest(data: bytes) -> str:
    """SHA-256 of a checkpoint's bytes, in hexadecimal: the identity of a version."""
    return hashlib.sha256(data).hexdigest()


def dumps(checkpoint: Checkpoint) -> bytes:
    """The bytes of a checkpoint; equal checkpoints give equal bytes. Raises CheckpointError if it is broken."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.stack.state().items()}
    _check_numbers(checkpoint.stack)
    normalization = checkpoint.vocabulary.normalization
    metadata = {
        "format_version": FORMAT_VERSION,
        "layers": checkpoint.stack.describe(),
        "block_size": checkpoint.block_size,
        "letters": list(checkpoint.vocabulary.letters),
        "normalization": {"form": normalization.form, "case": normalization.case},
        "facts": checkpoint.facts,
    }
    try:
        text = json.dumps(metadata, sort_keys=True, ensure_ascii=True, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"the facts of a checkpoint must be plain JSON: {error}") from None
    return safetensors.torch.save(state, metadata={METADATA_KEY: text})


def loads(data: bytes) -> Checkpoint:
    """The checkpoint in `data`, its stack in evaluation mode and without gradients. Raises CheckpointError."""
    tensors = _read_tensors(data)
    metadata = _read_metadata(data)
    try:
        normalization = Normalization(metadata.normalization.form, metadata.normalization.case)
        vocabulary = Vocabulary(tuple(metadata.letters), normalization)
        stack = Stack.build(metadata.layers, device="meta")
        stack.check_shapes(metadata.block_size, vocabulary.size)
        stack.load_state(tensors)
    except (StackError, VocabularyError) as error:
        raise CheckpointError(f"checkpoint: {error}") from None
    _check_numbers(stack)
    return Checkpoint(stack.eval(), metadata.block_size, vocabulary, metadata.facts)


def read(path: Path) -> bytes:
    """The bytes of a file of a version, at most 256 MiB of them. Raises CheckpointError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise CheckpointError(f"{path} is larger than the {MAX_FILE_BYTES >> 20} MiB that are read")
    return data


def load(path: Path) -> Checkpoint:
    """The checkpoint in the file `path`. Raises CheckpointError, naming the file."""
    try:
        return loads(read(path))
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _read_tensors(data: bytes) -> dict[str, torch.Tensor]:
    try:
        tensors = safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise CheckpointError(f"not a safetensors file ({str(error)[:80]}); pickled files are never read") from None
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32:
            raise CheckpointError(f"tensor {name[:64]!a} is {tensor.dtype}, not torch.float32")
    return tensors


def _read_metadata(data: bytes) -> _Metadata:
    length = int.from_bytes(data[:_HEADER_LENGTH_BYTES], "little")  # already validated by safetensors
    header = json.loads(data[_HEADER_LENGTH_BYTES : _HEADER_LENGTH_BYTES + length])
    text = (header.get("__metadata__") or {}).get(METADATA_KEY)
    if text is None:
        raise CheckpointError(
            f"a safetensors file without the metadata entry {METADATA_KEY!r}: not a namesmith checkpoint"
        )
    try:
        metadata = _Metadata.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:64] or "metadata"
        raise CheckpointError(
            f"checkpoint metadata: {where}: {first['msg'][:100]} (this program reads format {FORMAT_VERSION})"
        ) from None
    try:
        json.dumps(metadata.facts, allow_nan=False)
    except ValueError:
        raise CheckpointError("checkpoint metadata: facts hold a number that JSON cannot hold") from None
    return metadata


def _check_numbers(stack: Stack) -> None:
    for name, tensor in stack.state().items():
        if tensor.dtype != torch.float32:
            raise CheckpointError(f"tensor {name} is {tensor.dtype}, not torch.float32")
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"tensor {name} holds NaN or infinity")
    for i, layer in enumerate(stack.layers):
        if isinstance(layer, BatchNorm1d) and bool((layer.running_var < 0).any()):
            raise CheckpointError(f"tensor {i}.running_var is negative")
