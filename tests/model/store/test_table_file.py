"""Tables as files, against what safetensors itself writes and reads."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from model.errors import StoreError
from model.network.checkpoint_header import Header
from model.store.table_file import parse_table, table_file
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Floats, Transitions

HEADER = Header([], 2, Vocabulary(("a", "b")), {})
SHAPE = (9, 3)
PATH = Path("x/table.safetensors")
DIGEST = "d" * 64


def log_probs() -> Floats:
    drawn: Floats = np.log(np.random.default_rng(3).dirichlet(np.ones(SHAPE[1]), SHAPE[0]))
    return drawn


def saved(**tensors: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    return safetensors.numpy.save(tensors)


def padded(content: bytes, blanks: int) -> bytes:
    """The same file, its header longer by blanks, as the format allows."""
    length = int.from_bytes(content[:8], "little")
    longer = (length + blanks).to_bytes(8, "little")
    return longer + content[8 : 8 + length] + b" " * blanks + content[8 + length :]


def test_a_table_makes_a_round_trip_without_a_copy() -> None:
    content = table_file(Transitions.dense(log_probs(), 2), DIGEST)
    read = parse_table(content, HEADER, DIGEST, PATH)
    assert read.log_probs.tobytes() == log_probs().tobytes()
    assert read.log_probs.shape == SHAPE
    assert read.block_size == 2
    assert not read.log_probs.flags.writeable
    assert np.shares_memory(read.log_probs, np.frombuffer(content, dtype=np.uint8))


@pytest.mark.parametrize("blanks", range(9))
def test_numbers_at_any_address_are_read(blanks: int) -> None:
    """Kernels are compiled for aligned arrays alone."""
    read = parse_table(padded(saved(log_probs=log_probs()), blanks), HEADER, DIGEST, PATH).log_probs
    assert read.tobytes() == log_probs().tobytes()
    assert read.flags.aligned
    assert read.flags.c_contiguous
    assert not read.flags.writeable


WHOLE = saved(log_probs=log_probs())
DAMAGED = {
    "nothing": b"",
    "no header": WHOLE[:6],
    "half a header": WHOLE[:40],
    "half the numbers": WHOLE[:-8],
    "more behind them": WHOLE + bytes(8),
    "a huge header": padded(WHOLE, 4096),
    "a length without end": b"\xff" * 8 + WHOLE[8:],
    "not JSON": WHOLE[:8] + b"[" * (len(WHOLE) - 8),
    "other bytes": np.random.default_rng(1).bytes(len(WHOLE)),
    "another name": saved(logits=log_probs()),
    "a second tensor": saved(log_probs=log_probs(), more=np.zeros(1)),
    "another shape": saved(log_probs=log_probs()[:3]),
    "one long row": saved(log_probs=log_probs().reshape(1, -1)),
    "single precision": saved(log_probs=log_probs().astype(np.float32)),
    "whole numbers": saved(log_probs=np.zeros(SHAPE, dtype=np.int64)),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_what_is_no_table_of_the_model_is_refused(content: bytes) -> None:
    with pytest.raises(StoreError, match=r"x/table\.safetensors is not one tensor named 'log_probs' of 9 rows"):
        parse_table(content, HEADER, DIGEST, PATH)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.5, -0.1])
def test_rows_that_are_no_distributions_are_refused(value: float) -> None:
    broken = log_probs()
    broken[8, 1] = value
    with pytest.raises(
        StoreError, match=r"table\.safetensors: the table holds rows that are not probability distributions"
    ):
        parse_table(saved(log_probs=broken), HEADER, DIGEST, PATH)
