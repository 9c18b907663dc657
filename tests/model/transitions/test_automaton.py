"""The table against the network it was made from, every context, indexed without the table's arithmetic."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.compiler import dense_table
from model.compiler.dense_table import DEFAULT_BUDGET_BYTES, check_budget, compile_table
from model.errors import TableTooLargeError
from model.network.checkpoint import Checkpoint
from model.network.stack import Stack
from model.store.store import BUNDLED, Store
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import NOWHERE, Transitions


@pytest.fixture(scope="module")
def bundled() -> Checkpoint:
    return Store(BUNDLED).load("us-names-classic").checkpoint


@pytest.fixture(scope="module")
def table(bundled: Checkpoint) -> Transitions:
    return compile_table(bundled)


def small_checkpoint(letters: str = "abcd", block_size: int = 3) -> Checkpoint:
    size = len(letters) + 1
    stack = Stack.build(
        [
            {"type": "Embedding", "num_embeddings": size, "embedding_dim": 4},
            {"type": "Flatten"},
            {"type": "Linear", "in_features": 4 * block_size, "out_features": 16, "bias": False},
            {"type": "BatchNorm1d", "num_features": 16},
            {"type": "Tanh"},
            {"type": "Linear", "in_features": 16, "out_features": size, "bias": True},
        ]
    )
    generator = torch.Generator().manual_seed(5)
    stack.reset_parameters(generator)
    stack.train()
    with torch.no_grad():  # batch statistics other than the initial 0 and 1
        for _ in range(20):
            stack(torch.randint(0, size, (64, block_size), generator=generator))
    return Checkpoint(stack.eval(), block_size, Vocabulary(tuple(letters)))


def all_contexts(checkpoint: Checkpoint) -> list[tuple[int, ...]]:
    return list(itertools.product(range(checkpoint.vocabulary.size), repeat=checkpoint.block_size))


@torch.no_grad()
def test_every_context_of_the_bundled_model_has_the_probabilities_of_its_network(
    bundled: Checkpoint, table: Transitions
) -> None:
    contexts = all_contexts(bundled)
    assert table.log_probs.shape == (len(contexts), bundled.vocabulary.size)
    for start in range(0, len(contexts), 1000):
        logits = bundled.stack(torch.tensor(contexts[start : start + 1000]))
        assert logits.dtype == torch.float32
        expected = torch.softmax(logits, dim=1).numpy()
        found = np.exp(table.log_probs[start : start + 1000])
        np.testing.assert_allclose(found, expected, rtol=0, atol=4e-6)  # the rounding of single precision


@torch.no_grad()
def test_every_context_of_the_bundled_model_in_double_precision_has_its_row(
    bundled: Checkpoint, table: Transitions
) -> None:
    contexts, stack = all_contexts(bundled), bundled.stack.to(dtype=torch.float64)
    for start in range(0, len(contexts), 1000):
        expected = torch.softmax(stack(torch.tensor(contexts[start : start + 1000])), dim=1).numpy()
        found = np.exp(table.log_probs[start : start + 1000])
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=0)


@torch.no_grad()
def test_every_context_alone_in_double_precision_has_its_row() -> None:
    checkpoint = small_checkpoint()
    found, stack = compile_table(checkpoint), checkpoint.stack.to(dtype=torch.float64)
    for row, context in enumerate(all_contexts(checkpoint)):
        logits = stack(torch.tensor([context]))[0].numpy()
        expected = logits - np.log(np.exp(logits).sum())
        np.testing.assert_allclose(found.log_probs[row], expected, rtol=0, atol=1e-12)


def test_rows_are_distributions_in_double_precision(table: Transitions) -> None:
    assert table.log_probs.dtype == np.float64
    np.testing.assert_allclose(np.exp(table.log_probs).sum(axis=1), 1, rtol=0, atol=1e-12)


def test_names_begin_after_boundaries_only(bundled: Checkpoint) -> None:
    assert all_contexts(bundled)[compile_table(bundled).start] == (0,) * bundled.block_size


@given(size=st.integers(2, 4), block_size=st.integers(1, 4))
@settings(deadline=None, derandomize=True)
def test_the_next_context_drops_the_oldest_symbol(size: int, block_size: int) -> None:
    tuples = list(itertools.product(range(size), repeat=block_size))
    rows = {context: row for row, context in enumerate(tuples)}
    chain = Transitions.dense(np.full((len(tuples), size), -np.log(size)), block_size)
    assert chain.vocabulary_size == size
    expected = [[rows[(*context[1:], symbol)] for symbol in range(1, size)] for context in tuples]
    assert chain.successors[:, 1:].tolist() == expected
    assert (chain.successors[:, 0] == NOWHERE).all()


@pytest.mark.parametrize("chunk", [1, 7, 125, 124, 126, 1000])
def test_rows_do_not_depend_on_how_contexts_are_cut(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    checkpoint = small_checkpoint()
    whole = compile_table(checkpoint).log_probs
    monkeypatch.setattr(dense_table, "_CHUNK", chunk)
    cut = compile_table(checkpoint).log_probs
    assert cut.shape == whole.shape == (125, 5)
    np.testing.assert_allclose(cut, whole, rtol=0, atol=1e-12)


def test_rows_of_the_bundled_model_do_not_depend_on_how_contexts_are_cut(
    monkeypatch: pytest.MonkeyPatch, bundled: Checkpoint, table: Transitions
) -> None:
    monkeypatch.setattr(dense_table, "_CHUNK", 1531)
    np.testing.assert_allclose(compile_table(bundled).log_probs, table.log_probs, rtol=0, atol=1e-12)


def test_the_table_is_the_same_each_time_and_leaves_the_network_alone() -> None:
    checkpoint = small_checkpoint()
    before = {name: tensor.clone() for name, tensor in checkpoint.stack.state().items()}
    tables = {compile_table(checkpoint).log_probs.tobytes() for _ in range(3)}
    assert len(tables) == 1
    for name, tensor in checkpoint.stack.state().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, before[name])


@torch.no_grad()
def test_a_network_left_in_training_mode_is_evaluated_as_if_it_were_not() -> None:
    checkpoint = small_checkpoint()
    expected = compile_table(checkpoint).log_probs
    checkpoint.stack.train()
    assert compile_table(checkpoint).log_probs.tobytes() == expected.tobytes()
    assert checkpoint.stack.layers[0].training


def test_the_table_cannot_be_written(table: Transitions) -> None:
    with pytest.raises(ValueError, match="read-only"):
        table.log_probs[0, 0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.block_size = 1  # type: ignore[misc]


def test_a_table_may_take_its_budget_and_not_a_byte_more() -> None:
    checkpoint = small_checkpoint()
    needed = compile_table(checkpoint).log_probs.nbytes
    compile_table(checkpoint, needed)
    check_budget(checkpoint.vocabulary.size, checkpoint.block_size, needed)
    with pytest.raises(TableTooLargeError):
        compile_table(checkpoint, needed - 1)
    with pytest.raises(TableTooLargeError):
        check_budget(checkpoint.vocabulary.size, checkpoint.block_size, needed - 1)


def test_the_refusal_says_what_is_needed_and_what_is_allowed() -> None:
    with pytest.raises(TableTooLargeError) as caught:
        check_budget(27, 5)
    needed = round(27**6 * 8 / 1024**2)
    assert str(caught.value) == (
        f"5 characters of context over 27 symbols make a table of {needed:,} MiB; "
        f"the budget is {DEFAULT_BUDGET_BYTES // 1024**2} MiB"
    )


def test_a_table_beyond_all_memory_is_refused_before_it_is_allocated(bundled: Checkpoint) -> None:
    with pytest.raises(TableTooLargeError, match="32 characters of context"):
        compile_table(dataclasses.replace(bundled, block_size=32))


def test_budgets_are_reckoned_without_overflow() -> None:
    with pytest.raises(TableTooLargeError):
        check_budget(2**16, 3)  # 2^67 bytes, 0 modulo 2^64
