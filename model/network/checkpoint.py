"""The only reader and writer of a whole model file: its header (see `model/network/checkpoint_header.py`) and its
tensors.

The tensors are those of the stack, buffers included. Reading never unpickles and never maps the file into memory.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from model.errors import CheckpointError, StackError
from model.network.checkpoint_header import (
    FORMAT_VERSION,
    MAX_HEADER_BYTES,
    METADATA_KEY,
    header_length,
    not_safetensors,
    read,
    read_header,
)
from model.network.stack import Stack
from model.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Checkpoint:
    """A whole model: stack, context length and alphabet, and the facts of its training (plain JSON)."""

    stack: Stack
    block_size: int
    vocabulary: Vocabulary
    facts: dict[str, Any] = field(default_factory=dict)


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
        "normalization": normalization.described(),
        "facts": checkpoint.facts,
    }
    try:
        text = json.dumps(metadata, sort_keys=True, ensure_ascii=True, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"the facts of a checkpoint must be plain JSON: {error}") from None
    data = safetensors.torch.save(state, metadata={METADATA_KEY: text})
    if header_length(data) > MAX_HEADER_BYTES:
        raise CheckpointError(
            f"the facts of the checkpoint are too long: its header is limited to {MAX_HEADER_BYTES >> 20} MiB"
        )
    return data


def loads(data: bytes) -> Checkpoint:
    """The checkpoint in `data`, its stack in evaluation mode and without gradients. Raises CheckpointError."""
    tensors = _read_tensors(data)
    header = read_header(data)
    try:
        stack = Stack.build(header.layers, device="meta")
        stack.load_state(tensors)
        stack.check_shapes(header.block_size, header.vocabulary.size)
    except StackError as error:
        raise CheckpointError(f"checkpoint: {error}") from None
    _check_numbers(stack)
    return Checkpoint(stack.eval(), header.block_size, header.vocabulary, header.facts)


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
        raise not_safetensors(error) from None
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32:
            raise CheckpointError(f"tensor {name[:64]!a} is {tensor.dtype}, not torch.float32")
    return tensors


def _check_numbers(stack: Stack) -> None:
    for name, tensor in stack.state().items():
        if tensor.dtype != torch.float32:
            raise CheckpointError(f"tensor {name} is {tensor.dtype}, not torch.float32")
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"tensor {name} holds NaN or infinity")
    for i, layer in enumerate(stack.layers):
        fault = layer.fault()
        if fault is not None:
            raise CheckpointError(f"tensor {i}.{fault}")
