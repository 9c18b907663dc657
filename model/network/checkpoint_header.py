"""What can be read of a model file without PyTorch: its bytes, its digest and its metadata.

A checkpoint is one safetensors file: 8 bytes that give the length of a JSON header, little-endian; the header;
the tensors. The header's `__metadata__` has one entry, `namesmith`, holding JSON. One entry, because safetensors
orders several at random and equal models would then differ in their bytes.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.errors import CheckpointError, VocabularyError
from model.files.regular import read_regular
from model.text.vocabulary import MAX_LETTERS, Case, Locale, Normalization, Rules, UnicodeForm, Vocabulary

FORMAT_VERSION = 1
DIGEST = re.compile(r"[0-9a-f]{64}")
"""A whole one."""
METADATA_KEY = "namesmith"
MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_HEADER_BYTES = 8 * 1024 * 1024
"""Parsed JSON takes up to twenty times its text; the largest alphabet needs 2 MiB."""
MAX_BLOCK_SIZE = 32
_LENGTH_BYTES = 8


@dataclass(frozen=True)
class Header:
    """A model without its numbers: the description of its stack, not yet built, context length, alphabet, facts."""

    layers: list[dict[str, Any]]
    block_size: int
    vocabulary: Vocabulary
    facts: dict[str, Any]


class _Normalization(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    form: UnicodeForm
    case: Case
    locale: Locale | None = None
    rules: Rules = 1


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    format_version: Literal[1]
    layers: list[dict[str, Any]]
    block_size: int = Field(ge=1, le=MAX_BLOCK_SIZE)
    letters: list[str] = Field(min_length=1, max_length=MAX_LETTERS)
    normalization: _Normalization
    facts: dict[str, Any]


def digest(data: bytes) -> str:
    """SHA-256 of a checkpoint's bytes, in hexadecimal: the identity of a version."""
    return hashlib.sha256(data).hexdigest()


def read(path: Path) -> bytes:
    """The bytes of a file of a version, at most 256 MiB of them. Raises CheckpointError."""
    try:
        return read_regular(path, MAX_FILE_BYTES)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None


def read_header(data: bytes) -> Header:
    """The header of the checkpoint in `data`, whose tensors are not looked at. Raises CheckpointError."""
    metadata = _parse_metadata(_metadata_text(_parse_json(data)))
    try:
        normalization = Normalization(**metadata.normalization.model_dump())
        vocabulary = Vocabulary(tuple(metadata.letters), normalization)
    except VocabularyError as error:
        raise CheckpointError(f"checkpoint: {error}") from None
    return Header(metadata.layers, metadata.block_size, vocabulary, metadata.facts)


def header_length(data: bytes) -> int:
    """Bytes of JSON that the file says to begin with."""
    return int.from_bytes(data[:_LENGTH_BYTES], "little")


def not_safetensors(reason: object) -> CheckpointError:
    """The refusal of a file of another kind."""
    return CheckpointError(f"not a safetensors file ({str(reason)[:80]}); pickled files are never read")


def _parse_json(data: bytes) -> object:
    """The whole header; nothing beyond the bytes at hand is believed of its length."""
    length = header_length(data)
    if length > len(data) - _LENGTH_BYTES:
        raise not_safetensors("it ends before its header does")
    if length > MAX_HEADER_BYTES:
        raise CheckpointError(f"the header of the checkpoint is larger than {MAX_HEADER_BYTES >> 20} MiB")
    try:
        return json.loads(data[_LENGTH_BYTES : _LENGTH_BYTES + length].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise not_safetensors(f"its header is not JSON: {error}") from None


def _metadata_text(header: object) -> str:
    entries = header.get("__metadata__") if isinstance(header, dict) else None
    text = entries.get(METADATA_KEY) if isinstance(entries, dict) else None
    if not isinstance(text, str):
        raise CheckpointError(
            f"not a namesmith checkpoint: this safetensors file has no metadata entry {METADATA_KEY!r}"
        )
    return text


def _parse_metadata(text: str) -> _Metadata:
    try:
        metadata = _Metadata.model_validate_json(text.encode("utf-8", "surrogatepass"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:64] or "metadata"
        raise CheckpointError(
            f"checkpoint metadata: {where}: {first['msg'][:100]} (this program reads format {FORMAT_VERSION})"
        ) from None
    try:
        json.dumps(metadata.facts, allow_nan=False)
    except ValueError:
        raise CheckpointError("checkpoint metadata: the facts hold a number that JSON cannot represent") from None
    return metadata
