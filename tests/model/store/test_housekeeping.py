"""Removing and renaming models, and versions that were moved by hand."""

import shutil
from pathlib import Path

import pytest

from model.errors import NamesmithError, StoreError
from model.store.store import Store
from model.store.version_files import MODEL_FILE
from tests.model.store.test_store import everything, version_directory
from tests.model.store.test_store_history import put


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_renamed_model_is_the_same_but_for_its_name(store: Store) -> None:
    a, b, c = (put(store, number) for number in range(3))
    store.rollback("x")
    before = everything(store.root / "x")
    store.rename("x", "y")
    assert store.names() == ["y"]
    assert (store.current("y"), store.earlier("y")) == (b, [a])
    assert store.digests("y") == [a, b, c]
    after = everything(store.root / "y")
    assert after == {file: content.replace(b'"name": "x"', b'"name": "y"') for file, content in before.items()}
    for digest in (a, b, c):
        store.verify("y", digest)
    assert {path.name for path in store.root.iterdir()} == {".lock", "y"}


def test_a_removed_model_is_gone(store: Store) -> None:
    digests = [put(store, number) for number in range(2)]
    store.rename("x", "y")
    put(store, 2)
    assert store.remove("y") == digests
    assert {path.name for path in store.root.iterdir()} == {".lock", "x"}
    store.withdraw("x")
    assert store.remove("x")  # what has no current version too
    assert store.names() == []


def test_what_cannot_be_renamed_or_removed_stays(store: Store) -> None:
    a, _ = put(store, 0), put(store, 1)
    store.rename("x", "y")
    put(store, 0)
    (version_directory(store, "y", a) / MODEL_FILE).write_bytes(b"?")
    before = everything(store.root)
    with pytest.raises(StoreError, match="already holds y"):
        store.rename("x", "y")
    with pytest.raises(NamesmithError, match=a):
        store.rename("y", "z")
    for name in ("z", "versions", "x.1"):
        with pytest.raises(StoreError, match=f"holds no model named {name}; it holds: x, y"):
            store.remove(name)
        with pytest.raises(StoreError, match=f"holds no model named {name}; it holds: x, y"):
            store.rename(name, "w")
    for name in ("../x", ".", "", ".removed-x"):
        with pytest.raises(StoreError, match="cannot name a model"):
            store.remove(name)
        with pytest.raises(StoreError, match="cannot name a model"):
            store.rename("x", name)
    assert everything(store.root) == before
    assert {path.name for path in store.root.iterdir()} == {".lock", "x", "y"}


def test_a_version_that_was_moved_or_copied_by_hand_says_what_to_do(store: Store) -> None:
    a, b = put(store, 0), put(store, 1)
    shutil.copytree(store.root / "x", store.root / "copy")
    with pytest.raises(
        StoreError, match=r"of 'x', and versions cannot be moved or copied by hand: undo that, then use `rename`"
    ):
        store.load("copy")
    version_directory(store, "x", b).rename(store.root / "b")
    version_directory(store, "x", a).rename(version_directory(store, "x", b))
    with pytest.raises(
        StoreError, match=f"holds version '{a[:12]}', but .* named after another version: rename the directory back"
    ):
        store.load("x")
