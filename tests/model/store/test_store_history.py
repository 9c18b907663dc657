"""Going back, withdrawing, pruning and verifying."""

import os
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from model.compiler.dense_table import compile_table
from model.errors import NamesmithError, StoreError
from model.network import checkpoint
from model.network.checkpoint import Checkpoint
from model.network.stack import Stack
from model.sampling.language_model import LanguageModel
from model.store import history, lock
from model.store import store as store_module
from model.store.golden_names import check_golden
from model.store.store import Store
from model.store.version_files import MODEL_FILE, TABLE_FILE
from model.text.vocabulary import Vocabulary


def model(number: int) -> Checkpoint:
    network = Stack.build([{"type": "Embedding", "num_embeddings": 4, "embedding_dim": 4}, {"type": "Flatten"}])
    network.reset_parameters(torch.Generator().manual_seed(number))
    return Checkpoint(network.eval(), 1, Vocabulary(("a", "b", "c")), {"number": number})


def put(store: Store, number: int) -> str:
    return store.publish("x", checkpoint.dumps(model(number)), ["a", "b"], {})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_rollback_goes_back_one_version_at_a_time(store: Store) -> None:
    a, b, c = (put(store, number) for number in range(3))
    assert store.earlier("x") == [a, b]
    assert store.rollback("x") == b == store.current("x")
    assert store.rollback("x") == a == store.current("x")
    with pytest.raises(StoreError, match="no earlier version of x"):
        store.rollback("x")
    assert store.current("x") == a
    assert set(store.digests("x")) == {a, b, c}


def test_what_was_given_up_is_not_gone_back_to(store: Store) -> None:
    a, _ = put(store, 0), put(store, 1)
    store.rollback("x")
    put(store, 2)
    assert store.rollback("x") == a


def test_a_version_can_be_current_twice(store: Store) -> None:
    a, b = put(store, 0), put(store, 1)
    assert put(store, 0) == a
    assert store.earlier("x") == [a, b]
    assert store.rollback("x") == b
    assert store.earlier("x") == []  # a was given up just now


def test_rollback_to_any_version(store: Store) -> None:
    a, b, c = (put(store, number) for number in range(3))
    assert store.rollback("x", a) == a
    assert store.rollback("x", c) == c
    assert store.earlier("x")[-1] == a
    assert b in store.digests("x")


def test_a_damaged_target_is_refused_and_nothing_changes(store: Store) -> None:
    a, b = put(store, 0), put(store, 1)
    (store.root / "x" / "versions" / a / MODEL_FILE).write_bytes(b"")
    with pytest.raises(NamesmithError, match=a):
        store.rollback("x")
    assert store.current("x") == b
    assert store.earlier("x") == [a]


def test_without_a_history_the_order_of_publication_counts(store: Store) -> None:
    a = put(store, 0)
    time.sleep(0.01)
    put(store, 1)
    (store.root / "x" / "history").unlink()
    assert store.rollback("x") == a


def test_the_order_does_not_depend_on_the_clock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    a = put(store, 0)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 86_400 * 400)
    b = put(store, 1)
    os.utime(store.root / "x" / "versions" / b, (0, 0))
    assert store.rollback("x") == a


@pytest.mark.parametrize("written", [False, True], ids=["before", "behind"])
def test_a_crash_between_history_and_current_leads_back_right(store: Store, written: bool) -> None:
    """`history` is written first: it is one ahead then."""
    a, b = put(store, 0), put(store, 1)
    ahead = history.published((a, b), b, "f" * 64) if written else history.rolled_back((a, b), b, a)
    (store.root / "x" / "history").write_bytes(history.dumps(ahead))
    assert store.earlier("x") == [a]
    assert store.rollback("x") == a


def test_withdrawing_leaves_the_versions(store: Store) -> None:
    a = put(store, 0)
    store.withdraw("x")
    assert store.names() == []
    assert store.digests("x") == [a]
    with pytest.raises(StoreError, match="holds no model named x"):
        store.withdraw("x")
    b = put(store, 1)
    assert store.current("x") == b


def test_prune_keeps_what_rollback_reaches(store: Store) -> None:
    digests = [put(store, number) for number in range(5)]
    assert set(store.prune("x", 2)) == set(digests[:3])
    assert set(store.digests("x")) == set(digests[3:])
    assert store.rollback("x") == digests[3]
    assert store.prune("x", 1) == [digests[4]]
    assert store.current("x") == digests[3]
    assert not [path for path in (store.root / "x" / "versions").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("damage", ["flip", "add", "remove"])
def test_verify_finds_what_is_not_as_published(store: Store, damage: str) -> None:
    digest = put(store, 0)
    store.verify("x", digest)
    directory = store.root / "x" / "versions" / digest
    if damage == "flip":
        content = bytearray((directory / TABLE_FILE).read_bytes())
        content[-1] ^= 1
        (directory / TABLE_FILE).write_bytes(content)
    elif damage == "add":
        (directory / "report").mkdir()
        (directory / "report" / "stranger").write_text("?")
    else:
        (directory / "names.txt").unlink()
    with pytest.raises(NamesmithError):
        store.verify("x", digest)


def test_litter_of_killed_writers_is_cleared_and_nothing_else(store: Store) -> None:
    a = put(store, 0)
    versions = store.root / "x" / "versions"
    (versions / f".staging-{'0' * 64}" / "report").mkdir(parents=True)
    (versions / f".removed-{'1' * 64}").mkdir()
    (store.root / "x" / ".current-12345").write_text("?")
    (store.root / "x" / "notes.txt").write_text("mine")
    b = put(store, 1)
    assert {path.name for path in versions.iterdir()} == {a, b}
    assert {path.name for path in (store.root / "x").iterdir()} == {"current", "history", "notes.txt", "versions"}


def test_a_second_writer_waits_and_is_told_when_it_takes_too_long(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 0)
    released = threading.Event()

    def hold() -> None:
        with lock.only_writer(store.root):
            held.set()
            released.wait(20)

    held = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(20)
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "only_writer", partial(lock.only_writer, wait_seconds=0.1))
        with pytest.raises(StoreError, match="another process is writing"):
            put(store, 1)
    threading.Timer(0.3, released.set).start()
    assert put(store, 1) == store.current("x")
    holder.join()


def test_the_table_and_the_golden_names_are_those_of_the_model(store: Store) -> None:
    put(store, 3)
    stored = store.open("x")
    assert stored.table is not None
    assert stored.table.log_probs.tobytes() == compile_table(model(3)).log_probs.tobytes()
    assert stored.parameters == 16
    check_golden(stored, LanguageModel(stored.table))
    other = LanguageModel(compile_table(model(4)))
    with pytest.raises(StoreError, match="no longer draws the names"):
        check_golden(stored, other)
    check_golden(replace(stored, manifest={}), other)  # nothing to compare with
