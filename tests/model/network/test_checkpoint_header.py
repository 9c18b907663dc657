"""The part of a model file that is read without the library that wrote it: nothing in it is believed unchecked."""

import json
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model.errors import CheckpointError
from model.network import checkpoint
from model.network import checkpoint_header as headers
from model.network.checkpoint_header import MAX_HEADER_BYTES, METADATA_KEY, Header, read_header
from model.store.store import BUNDLED, Store
from model.text.vocabulary import Normalization, Vocabulary

ROOT = Path(__file__).resolve().parents[3]
METADATA: dict[str, Any] = {
    "format_version": 1,
    "layers": [{"type": "Flatten"}],
    "block_size": 2,
    "letters": ["a", "é"],
    "normalization": {"form": "NFC", "case": "lower", "rules": 2},
    "facts": {"seed": 1},
}


def framed(header: bytes | str, length: int | None = None) -> bytes:
    content = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(content) if length is None else length) + content


def with_metadata(text: object) -> bytes:
    return framed(json.dumps({"__metadata__": {METADATA_KEY: text}}))


VALID = with_metadata(json.dumps(METADATA))


@pytest.fixture(scope="module")
def bundled() -> bytes:
    return Store(BUNDLED).open("us-names").data


def test_a_header_says_what_was_written_in_it() -> None:
    vocabulary = Vocabulary(("a", "é"), Normalization("NFC", "lower"))
    assert read_header(VALID) == Header([{"type": "Flatten"}], 2, vocabulary, {"seed": 1})


def test_a_header_says_what_the_whole_checkpoint_says(bundled: bytes) -> None:
    header, whole = read_header(bundled), checkpoint.loads(bundled)
    assert header.layers == whole.stack.describe()
    assert (header.block_size, header.vocabulary, header.facts) == (whole.block_size, whole.vocabulary, whole.facts)


def test_a_header_that_is_cut_anywhere_is_refused(bundled: bytes) -> None:
    for end in range(8 + headers.header_length(bundled)):
        with pytest.raises(CheckpointError, match="not a safetensors file"):
            read_header(bundled[:end])
    read_header(bundled[: 8 + headers.header_length(bundled)])  # tensors are not its business


@pytest.mark.parametrize("claimed", [2**64 - 1, 2**63, 2**40, 2**31, 3, 1], ids=hex)
def test_a_length_that_the_file_only_claims_is_refused(claimed: int) -> None:
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        read_header(framed("{}", claimed))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff\xfe",
        '{"a": 1}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 100_000,
        b"{} {}",
        b"null",
        b"[]",
        b'"namesmith"',
        b"{}",
        b'{"__metadata__": null}',
        b'{"__metadata__": []}',
        b'{"__metadata__": "namesmith"}',
        b'{"__metadata__": {"namesmith": null}}',
        b'{"__metadata__": {"namesmith": 1}}',
        b'{"__metadata__": {"namesmith": {}}}',
        b'{"__metadata__": {"namesmith": "\\ud800"}}',
        b'{"__metadata__": {"namesmith": "{\\"a\\": \\"\\ud800\\"}"}}',
    ],
    ids=lambda header: ascii(header[:40]),
)
def test_what_is_no_header_is_refused(header: bytes) -> None:
    with pytest.raises(CheckpointError):
        read_header(framed(header))
    with pytest.raises(CheckpointError):
        read_header(framed(header) + b"\x00" * 100)


@pytest.mark.parametrize("letter", ["\ud800", "\\ud800"], ids=ascii)
def test_half_a_character_is_no_letter(letter: str) -> None:
    text = json.dumps({**METADATA, "letters": ["LETTER"]}).replace("LETTER", letter)
    with pytest.raises(CheckpointError):
        read_header(with_metadata(text))


def test_a_header_over_its_limit_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckpointError, match="larger than 8 MiB"):
        read_header(framed(b"[" * (MAX_HEADER_BYTES + 1)))
    monkeypatch.setattr(headers, "MAX_HEADER_BYTES", len(VALID) - 8)
    read_header(VALID)
    monkeypatch.setattr(headers, "MAX_HEADER_BYTES", len(VALID) - 9)
    with pytest.raises(CheckpointError, match="larger than"):
        read_header(VALID)


def test_the_largest_alphabet_fits() -> None:
    letters = [chr(code) for code in range(0x20000, 0x20000 + 40_000)] + ["a"] * 60_000
    assert len(with_metadata(json.dumps({**METADATA, "letters": letters}))) < MAX_HEADER_BYTES / 2


def test_facts_over_the_limit_are_not_written(bundled: bytes) -> None:
    whole = checkpoint.loads(bundled)
    whole.facts["note"] = "x" * MAX_HEADER_BYTES
    with pytest.raises(CheckpointError, match="too long"):
        checkpoint.dumps(whole)


def test_random_changes_give_a_header_or_a_refusal() -> None:
    source = random.Random(3)
    accepted = 0
    for _ in range(2000):
        content = bytearray(VALID)
        for _ in range(source.choice([1, 1, 2, 8])):
            content[source.randrange(len(content))] = source.randrange(256)
        try:
            read_header(bytes(content))
            accepted += 1
        except CheckpointError:
            pass
    assert 0 < accepted < 2000


@pytest.mark.parametrize(
    "module",
    [
        "model.network.checkpoint_header",
        "model.store.store",
        "model.transitions.automaton",
        "model.sampling.sampler",
        "service.app",
    ],
)
def test_a_program_that_only_serves_does_not_import_torch(module: str) -> None:
    program = f"import sys, {module}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"
