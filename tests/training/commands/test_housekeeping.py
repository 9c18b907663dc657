"""rollback, verify, prune, remove, rename, export and import, as typed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from model.store.store import BUNDLED, Store
from model.store.version_files import MODEL_FILE
from tests.model.store.test_store_history import put
from tests.training.commands.test_cli import Outcome, assert_one_error_line

Command = Callable[..., Outcome]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_rollback_says_where_it_leads(command: Command, store: Store) -> None:
    a, b = put(store, 0), put(store, 1)
    done = command("rollback", "x", "--store", store.root)
    assert done.code == 0
    assert a[:12] in done.out
    assert b[:12] in done.out
    assert store.current("x") == a
    assert command("rollback", "x", "--to", b[:9], "--store", store.root).code == 0
    assert store.current("x") == b


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rollback", "y"], "holds no model named y"),
        (["rollback", "x"], "no earlier version of x"),
        (["rollback", "x", "--to", "00000000"], "0 versions of x begin with"),
        (["rollback", "../x"], "cannot name a model"),
        (["prune", "y"], "holds no model named y"),
        (["verify", "y"], "holds no model named y"),
        (["remove", "y"], "holds no model named y"),
        (["remove", "y", "--dry-run"], "holds no model named y"),
        (["rename", "y", "z"], "holds no model named y"),
        (["rename", "x", "x"], "already holds x"),
        (["export", "x", "missing/x.zip"], "cannot write missing/x.zip"),
        (["export", "x@00000000", "x.zip"], "0 versions of x begin with"),
        (["import", "missing.zip"], "No such file"),
        (["import", "README.md"], "README.md was not written by `export`"),
        (["import", "."], "not a regular file"),
    ],
)
def test_what_cannot_be_done_is_one_line(command: Command, store: Store, arguments: list[str], words: str) -> None:
    put(store, 0)
    line = assert_one_error_line(command(*arguments, "--store", store.root), 1)
    assert words in line


def test_going_back_from_the_first_own_version_leads_to_the_bundled_one(command: Command, store: Store) -> None:
    bundled = Store(BUNDLED).open("us-names")
    store.publish("us-names", bundled.data, None, {})
    done = command("rollback", "us-names", "--store", store.root)
    assert done.code == 0
    assert "bundled" in done.out
    assert store.names() == []


def test_verify_finds_a_damaged_version(command: Command, store: Store) -> None:
    a, b = put(store, 0), put(store, 1)
    whole = command("verify", "--store", store.root)
    assert whole.code == 0
    assert whole.out.count("whole") == 2
    (store.root / "x" / "versions" / a / MODEL_FILE).write_bytes(b"?")
    damaged = command("verify", "x", "--store", store.root)
    assert damaged.code == 1
    assert damaged.out.count("whole") == 1
    assert "1 damaged" in damaged.err
    assert b[:12] in damaged.out


def test_prune_keeps_as_many_as_it_is_told(command: Command, store: Store) -> None:
    digests = [put(store, number) for number in range(4)]
    done = command("prune", "--keep", "2", "--store", store.root)
    assert done.code == 0
    assert digests[0][:12] in done.out
    assert set(store.digests("x")) == set(digests[2:])
    assert command("prune", "--keep", "0", "--store", store.root).code == 2


def test_nothing_is_lost_in_a_dry_run(command: Command, store: Store) -> None:
    digests = [put(store, number) for number in range(3)]
    for arguments, lost in ((["prune", "--keep", "1"], digests[:2]), (["remove", "x"], digests)):
        done = command(*arguments, "--dry-run", "--store", store.root)
        assert (done.code, "would remove" in done.out) == (0, True)
        assert all((digest[:12] in done.out) == (digest in lost) for digest in digests)
        assert store.digests("x") == digests
    done = command("remove", "x", "--store", store.root)
    assert "would" not in done.out
    assert all(digest[:12] in done.out for digest in digests)
    assert store.names() == []


def test_a_model_moves_to_another_store(command: Command, store: Store, tmp_path: Path) -> None:
    a, b = put(store, 0), put(store, 1)
    file, other = tmp_path / "x.zip", Store(tmp_path / "other")
    assert command("rename", "x", "y", "--store", store.root).code == 0
    assert "bundled" not in command("remove", "y", "--dry-run", "--store", store.root).out
    done = command("export", "y", file, "--store", store.root)
    assert b[:12] in done.out
    assert f"{file.stat().st_size:,} bytes" in done.out
    assert b[:12] in command("import", file, "--store", other.root).out
    assert other.current("y") == b
    assert command("export", f"y@{a[:9]}", file, "--store", store.root).code == 0
    assert command("import", file, "--name", "z", "--store", other.root).code == 0
    assert other.current("z") == a


def test_removing_an_own_model_leads_to_the_bundled_one(command: Command, store: Store, tmp_path: Path) -> None:
    assert command("export", "us-names", tmp_path / "bundled.zip", "--store", store.root).code == 0
    assert command("import", tmp_path / "bundled.zip", "--store", store.root).code == 0
    assert store.names() == ["us-names"]
    assert "the bundled us-names serves again" in command("remove", "us-names", "--store", store.root).out


def test_a_bundled_store_is_whole(command: Command, tmp_path: Path) -> None:
    shutil.copytree(BUNDLED, tmp_path / "copy")
    assert command("verify", "--store", tmp_path / "copy").code == 0
