"""Versions that are whole or refused: published, moved, damaged in every file, and interrupted at every sync."""

import hashlib
import json
import os
import pickle
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from model.errors import CheckpointError, StoreError
from model.network import checkpoint, checkpoint_header
from model.network.checkpoint import Checkpoint
from model.network.stack import Stack
from model.store.store import BUNDLED, Store, Version, check_name
from model.store.version_files import (
    DIAGNOSTICS_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    NAMES_FILE,
    REPORT_FILE,
    TABLE_FILE,
    distinct_names,
    names_file,
    parse_names,
)
from model.text.vocabulary import Vocabulary

NAMES = ["ab", "ba", "abba", "c", "åb"]
FACTS: dict[str, Any] = {"source": "by hand", "loss": 1.25, "nested": {"list": [1, None, "é"]}}
REPORT = {REPORT_FILE: b"<!doctype html>", DIAGNOSTICS_FILE: b"{}"}
REFUSED = (StoreError, CheckpointError)
SYNCS = 20
"""At least as many as a publish makes."""


def make_bytes(seed: int) -> bytes:
    letters, block_size = ("a", "b", "c", "å"), 2
    stack = Stack.build(
        [
            {"type": "Embedding", "num_embeddings": 5, "embedding_dim": 2},
            {"type": "Flatten"},
            {"type": "Linear", "in_features": 4, "out_features": 5, "bias": True},
        ]
    )
    stack.reset_parameters(torch.Generator().manual_seed(seed))
    return checkpoint.dumps(Checkpoint(stack, block_size, Vocabulary(letters), {"seed": seed}))


FIRST, SECOND, THIRD = make_bytes(1), make_bytes(2), make_bytes(3)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def version_directory(store: Store, name: str, digest: str) -> Path:
    return store.root / name / "versions" / digest


def everything(root: Path) -> dict[str, bytes]:
    """Path and content of each file under `root`."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def flip(path: Path, position: int, mask: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= mask
    path.write_bytes(content)


def same_content(version: Version, data: bytes) -> bool:
    return checkpoint.dumps(version.checkpoint) == data


# Publishing and reading


def test_a_published_model_is_read_back_whole(store: Store) -> None:
    digest = store.publish("tiny", FIRST, NAMES, FACTS)
    assert digest == hashlib.sha256(FIRST).hexdigest()
    assert store.names() == ["tiny"]
    assert store.current("tiny") == digest
    assert store.digests("tiny") == [digest]
    for version in (store.load("tiny"), store.load("tiny", digest)):
        assert (version.name, version.digest) == ("tiny", digest)
        assert version.training_names == frozenset(NAMES)
        assert version.manifest["facts"] == FACTS
        assert version.checkpoint.facts == {"seed": 1}
        assert version.checkpoint.block_size == 2
        assert same_content(version, FIRST)


def test_the_files_are_what_they_are_documented_to_be(store: Store) -> None:
    digest = store.publish("tiny", FIRST, NAMES, FACTS)
    folder = f"tiny/versions/{digest}"
    files = everything(store.root)
    assert files.keys() == {
        ".lock",
        "tiny/current",
        "tiny/history",
        f"{folder}/table.safetensors",
        f"{folder}/model.safetensors",
        f"{folder}/names.txt",
        f"{folder}/manifest.json",
    }
    assert files["tiny/current"].decode().strip() == digest
    assert files[f"{folder}/model.safetensors"] == FIRST
    assert sorted(files[f"{folder}/names.txt"].decode().splitlines()) == sorted(NAMES)
    manifest = json.loads(files[f"{folder}/manifest.json"])
    assert manifest["digest"] == digest
    assert manifest["name"] == "tiny"
    assert manifest["files"] == {
        MODEL_FILE: hashlib.sha256(FIRST).hexdigest(),
        NAMES_FILE: hashlib.sha256(files[f"{folder}/names.txt"]).hexdigest(),
        TABLE_FILE: hashlib.sha256(files[f"{folder}/table.safetensors"]).hexdigest(),
    }


def test_an_opened_version_is_the_one_that_is_loaded_without_its_network(store: Store) -> None:
    store.publish("tiny", FIRST, NAMES, FACTS)
    opened, loaded = store.open("tiny"), store.load("tiny")
    assert opened.data == FIRST
    for field in ("name", "digest", "training_names", "manifest"):
        assert getattr(opened, field) == getattr(loaded, field)
    assert opened.header.layers == loaded.checkpoint.stack.describe()
    for field in ("block_size", "vocabulary", "facts"):
        assert getattr(opened.header, field) == getattr(loaded.checkpoint, field)


def test_a_model_without_its_list_has_no_training_names(store: Store) -> None:
    digest = store.publish("tiny", FIRST, None, {})
    assert store.load("tiny").training_names is None
    assert not (version_directory(store, "tiny", digest) / NAMES_FILE).exists()


@pytest.mark.parametrize(
    "names", [[], ["a"], ["b", "a", "b"], ["å", "𐐨", "ا"]], ids=["none", "one", "twice", "unicode"]
)
def test_training_names_make_a_round_trip(store: Store, names: list[str]) -> None:
    store.publish("tiny", FIRST, iter(names), {})
    assert store.load("tiny").training_names == frozenset(names)


def test_a_second_version_becomes_current_and_the_first_stays(store: Store) -> None:
    first = store.publish("tiny", FIRST, NAMES, {})
    before = everything(version_directory(store, "tiny", first))
    os.utime(version_directory(store, "tiny", first), ns=(10**9, 10**9))
    second = store.publish("tiny", SECOND, None, {})
    assert store.current("tiny") == second != first
    assert store.digests("tiny") == [first, second]
    assert same_content(store.load("tiny"), SECOND)
    assert same_content(store.load("tiny", first), FIRST)
    assert everything(version_directory(store, "tiny", first)) == before


def test_digests_go_from_the_oldest_to_the_newest(store: Store) -> None:
    digests = [store.publish("tiny", data, None, {}) for data in (FIRST, SECOND, THIRD)]
    for age, digest in zip((2, 3, 1), digests, strict=True):
        os.utime(version_directory(store, "tiny", digest), ns=(-age * 10**9 + 10**18,) * 2)
    assert store.digests("tiny") == [digests[1], digests[0], digests[2]]


def test_publishing_again_only_moves_current(store: Store) -> None:
    first = store.publish("tiny", FIRST, NAMES, FACTS)
    once = everything(store.root)
    assert store.publish("tiny", FIRST, NAMES, {"other": True}) == first
    assert everything(store.root) == once
    second = store.publish("tiny", SECOND, NAMES, {})
    versions = everything(store.root / "tiny" / "versions")
    assert store.publish("tiny", FIRST, NAMES, {}) == first
    assert store.current("tiny") == first
    assert set(store.digests("tiny")) == {first, second}
    assert everything(store.root / "tiny" / "versions") == versions


def test_models_are_kept_apart(store: Store) -> None:
    store.publish("b", FIRST, None, {})
    store.publish("a", FIRST, NAMES, {})
    store.publish("c-1.x_y", SECOND, None, {})
    assert store.names() == ["a", "b", "c-1.x_y"]
    assert store.load("b").training_names is None
    assert store.load("a").training_names == frozenset(NAMES)
    with pytest.raises(StoreError):
        store.load("c-1.x_y", store.current("a"))


def test_an_empty_store_has_no_models(store: Store) -> None:
    assert store.names() == []
    assert store.digests("tiny") == []
    for read in (store.current, store.load):
        with pytest.raises(StoreError, match="no model named tiny; it holds: none"):
            read("tiny")
    assert not store.root.exists()


def test_an_unknown_model_is_named_beside_the_known_ones(store: Store) -> None:
    store.publish("b", FIRST, None, {})
    store.publish("a", FIRST, None, {})
    with pytest.raises(StoreError, match="no model named tiny; it holds: a, b"):
        store.load("tiny")


def test_the_bundled_store_is_whole() -> None:
    store = Store(BUNDLED)
    assert "us-names" in store.names()
    for name in store.names():
        for digest in store.digests(name):
            assert store.load(name, digest).digest == digest


# Reports


def test_a_report_is_kept_listed_and_read_back(store: Store) -> None:
    digest = store.publish("tiny", FIRST, NAMES, FACTS, REPORT)
    folder = version_directory(store, "tiny", digest)
    for file, content in REPORT.items():
        assert (folder / file).read_bytes() == content
        assert store.open("tiny").read(file) == content
        assert store.open("tiny").manifest["files"][file] == hashlib.sha256(content).hexdigest()
        assert stat.S_IMODE((folder / file).stat().st_mode) == 0o644
    assert stat.S_IMODE((folder / "report").stat().st_mode) == 0o755
    assert store.load("tiny").training_names == frozenset(NAMES)


def test_a_version_without_a_report_has_none(store: Store) -> None:
    store.publish("tiny", FIRST, NAMES, FACTS)
    assert store.open("tiny").read(REPORT_FILE) is None
    assert store.publish("tiny", FIRST, NAMES, FACTS, REPORT) == store.current("tiny")
    assert store.open("tiny").read(REPORT_FILE) is None  # a version is never changed


@pytest.mark.parametrize("damage", ["flipped", "missing"])
def test_a_damaged_report_is_refused_when_read_and_stops_nothing_else(store: Store, damage: str) -> None:
    path = version_directory(store, "tiny", store.publish("tiny", FIRST, NAMES, FACTS, REPORT)) / REPORT_FILE
    if damage == "flipped":
        flip(path, 3, 1)
    else:
        path.unlink()
    opened = store.open("tiny")
    with pytest.raises(REFUSED, match=r"report\.html"):
        opened.read(REPORT_FILE)
    assert same_content(store.load("tiny"), FIRST)


# Names and digests


@pytest.mark.parametrize("name", ["a", "0", "us-names", "a.b_c-d", "9" * 64])
def test_good_names(store: Store, name: str) -> None:
    assert check_name(name) == name
    store.publish(name, FIRST, None, {})
    assert store.names() == [name]
    assert same_content(store.load(name), FIRST)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../a", "a/b", "/a", "a\\b", "A", "aB", "a" * 65, "-a", "_a", ".a", "a b", "a\n", "é", "a\0", "٣"],
    ids=ascii,
)
def test_bad_names_are_refused_everywhere(store: Store, name: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: check_name(name),
        lambda: store.publish(name, FIRST, None, {}),
        lambda: store.load(name),
        lambda: store.load(name, "0" * 64),
        lambda: store.current(name),
        lambda: store.digests(name),
    ]
    for call in calls:
        with pytest.raises(StoreError, match="cannot name a model"):
            call()
    assert not store.root.exists()


@pytest.mark.parametrize("digest", ["..", "0" * 63, "0" * 65, "G" * 64, "A" * 64, "../" + "0" * 61, "0" * 64 + "\n"])
def test_what_is_not_a_digest_is_refused(store: Store, digest: str) -> None:
    store.publish("tiny", FIRST, None, {})
    with pytest.raises(StoreError, match="is not a digest"):
        store.load("tiny", digest)


def test_an_unknown_digest_is_refused(store: Store) -> None:
    store.publish("tiny", FIRST, None, {})
    with pytest.raises(StoreError):
        store.load("tiny", "0" * 64)


# Damage


@pytest.mark.parametrize("file", [MODEL_FILE, NAMES_FILE, TABLE_FILE])
@pytest.mark.parametrize("mask", [1, 0x80])
def test_any_flipped_byte_of_a_listed_file_is_refused(store: Store, file: str, mask: int) -> None:
    path = version_directory(store, "tiny", store.publish("tiny", FIRST, NAMES, {})) / file
    for position in range(path.stat().st_size):
        flip(path, position, mask)
        for read in (store.load, store.open):
            with pytest.raises(REFUSED):
                read("tiny")
        flip(path, position, mask)
    assert same_content(store.load("tiny"), FIRST)


@pytest.mark.slow
@pytest.mark.parametrize("mask", [1, 4, 0x80], ids=hex)
def test_no_flipped_byte_of_the_manifest_gives_other_content(store: Store, mask: int) -> None:
    """A digit of a fact may change unseen; what is served may not."""
    path = version_directory(store, "tiny", store.publish("tiny", FIRST, NAMES, {})) / MANIFEST_FILE
    for position in range(path.stat().st_size):
        flip(path, position, mask)
        try:
            version = store.load("tiny")
        except REFUSED:
            pass
        else:
            assert mask != 0x80
            assert same_content(version, FIRST)
            assert version.training_names == frozenset(NAMES)
        flip(path, position, mask)


@pytest.mark.parametrize("key", ["name", "digest"])
def test_a_manifest_of_another_version_is_refused(store: Store, key: str) -> None:
    path = version_directory(store, "tiny", store.publish("tiny", FIRST, NAMES, {})) / MANIFEST_FILE
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, key: {"name": "other", "digest": "0" * 64}[key]}), encoding="utf-8")
    with pytest.raises(StoreError):
        store.load("tiny")


@pytest.mark.parametrize("file", [MODEL_FILE, NAMES_FILE, TABLE_FILE, MANIFEST_FILE])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "longer", "folder"])
def test_a_file_that_is_missing_or_of_another_length_is_refused(store: Store, file: str, damage: str) -> None:
    path = version_directory(store, "tiny", store.publish("tiny", FIRST, NAMES, {})) / file
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes({"empty": b"", "cut": content[:-2], "longer": content + b"}"}[damage])
    with pytest.raises(REFUSED):
        store.load("tiny")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"1" * 5000,
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b'{"format_version": 2, "facts": {}, "files": {}}',
        b'{"format_version": 1, "facts": {}, "files": {}}',
        b'{"format_version": 1, "facts": {}, "files": []}',
        b'{"format_version": 1, "facts": [], "files": {"model.safetensors": ""}}',
        b'{"format_version": 1, "facts": {}, "files": {"model.safetensors": null}}',
        b'{"format_version": 1, "facts": {}, "files": {"model.safetensors": ["a"]}}',
        b'{"format_version": 1, "facts": {}, "files": {"names.txt": ""}}',
        b'{"format_version": 1, "files": {"model.safetensors": ""}}',
    ],
    ids=lambda content: ascii(content[:60]),
)
def test_what_is_not_a_manifest_is_refused(store: Store, content: bytes) -> None:
    path = version_directory(store, "tiny", store.publish("tiny", FIRST, NAMES, {})) / MANIFEST_FILE
    path.write_bytes(content)
    with pytest.raises(StoreError):
        store.load("tiny")


def test_a_manifest_cannot_reach_other_files(store: Store) -> None:
    path = version_directory(store, "tiny", store.publish("tiny", FIRST, NAMES, {})) / MANIFEST_FILE
    manifest = json.loads(path.read_text(encoding="utf-8"))
    current = store.root / "tiny" / "current"
    manifest["files"]["../../current"] = hashlib.sha256(current.read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(StoreError, match="is not a manifest"):
        store.load("tiny")


def test_names_that_are_not_utf_8_are_refused(store: Store) -> None:
    """Even where the manifest agrees with them."""
    folder = version_directory(store, "tiny", store.publish("tiny", FIRST, NAMES, {}))
    content = b"ab\n\xff\xfe\n"
    (folder / NAMES_FILE).write_bytes(content)
    manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    manifest["files"][NAMES_FILE] = hashlib.sha256(content).hexdigest()
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(StoreError):
        store.load("tiny")


def test_a_list_in_parts_is_the_list(tmp_path: Path) -> None:
    names = [f"né{i:05}" for i in range(20_000)]
    content = names_file(names)
    parts = parse_names(content, tmp_path)
    assert len(parts) > 2
    assert "".join(parts).encode() == content
    assert all(part.endswith("\n") for part in parts)
    assert distinct_names(parts) == frozenset(names)
    assert distinct_names(parse_names(b"", tmp_path)) == frozenset()
    assert distinct_names(parse_names(b"b\n\na", tmp_path)) == {"a", "b"}


def test_another_whole_model_in_a_version_is_refused(store: Store) -> None:
    """Its files and manifest agree with each other, and not with the digest they lie under."""
    first, second = store.publish("tiny", FIRST, NAMES, {}), store.publish("tiny", SECOND, NAMES, {})
    folder = version_directory(store, "tiny", second)
    shutil.rmtree(folder)
    shutil.copytree(version_directory(store, "tiny", first), folder)
    with pytest.raises(StoreError, match="holds version"):
        store.load("tiny")
    assert same_content(store.load("tiny", first), FIRST)


def test_another_model_under_a_manifest_rewritten_to_fit_is_refused(store: Store) -> None:
    """The manifest names the digest it lies under and the hash of a model that is not of that digest."""
    folder = version_directory(store, "tiny", store.publish("tiny", FIRST, NAMES, {}))
    manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    manifest["files"][MODEL_FILE] = checkpoint_header.digest(SECOND)
    (folder / MODEL_FILE).write_bytes(SECOND)
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(StoreError, match="does not match the digest that names its directory"):
        store.load("tiny")


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"0" * 63, b"0" * 65, b"..", b"\xff" * 64, b"G" * 64, b"0" * 64 + b"\n" + b"0" * 64, b"0" * 64],
    ids=lambda content: ascii(content[:70]),
)
def test_a_current_that_names_no_version_is_refused(store: Store, content: bytes) -> None:
    digest = store.publish("tiny", FIRST, None, {})
    (store.root / "tiny" / "current").write_bytes(content)
    with pytest.raises(StoreError):
        store.load("tiny")
    assert same_content(store.load("tiny", digest), FIRST)
    store.publish("tiny", FIRST, None, {})
    assert same_content(store.load("tiny"), FIRST)


def test_publishing_over_a_damaged_version_is_refused_and_moves_nothing(store: Store) -> None:
    first, second = store.publish("tiny", FIRST, NAMES, {}), store.publish("tiny", SECOND, NAMES, {})
    flip(version_directory(store, "tiny", first) / MODEL_FILE, -1, 1)
    with pytest.raises(REFUSED):
        store.publish("tiny", FIRST, NAMES, {})
    assert store.current("tiny") == second


# What is never published


def broken() -> dict[str, bytes]:
    header = int.from_bytes(FIRST[:8], "little")
    nan = FIRST[:-4] + b"\x00\x00\xc0\x7f"
    return {
        "empty": b"",
        "garbage": b"garbage" * 100,
        "pickle": pickle.dumps({"a": 1}),
        "no payload": FIRST[: 8 + header],
        "half": FIRST[: len(FIRST) // 2],
        "last byte missing": FIRST[:-1],
        "longer": FIRST + b"\0",
        "nan": nan,
        "header length": (2**63).to_bytes(8, "little") + FIRST[8:],
    }


@pytest.mark.parametrize("data", broken().values(), ids=broken().keys())
def test_broken_bytes_are_never_published(store: Store, data: bytes) -> None:
    with pytest.raises(CheckpointError):
        store.publish("tiny", data, NAMES, {})
    assert not store.root.exists()
    digest = store.publish("tiny", SECOND, NAMES, {})
    before = everything(store.root)
    with pytest.raises(CheckpointError):
        store.publish("tiny", data, NAMES, {})
    assert everything(store.root) == before
    assert store.current("tiny") == digest


def test_a_header_with_a_flipped_byte_is_refused_or_still_a_model(store: Store) -> None:
    header = 8 + int.from_bytes(FIRST[:8], "little")
    refused = 0
    for position in range(0, header, 3):
        data = bytearray(FIRST)
        data[position] ^= 1 << position % 8
        try:
            store.publish("tiny", bytes(data), None, {})
        except CheckpointError:
            refused += 1
        else:
            assert store.load("tiny").digest == hashlib.sha256(data).hexdigest()
    assert refused > header // 3 // 2


@pytest.mark.parametrize("facts", [{"a": float("nan")}, {"a": {1, 2}}], ids=["nan", "set"])
def test_facts_that_are_not_json_are_never_published(store: Store, facts: dict[str, Any]) -> None:
    digest = store.publish("tiny", FIRST, NAMES, {})
    before = everything(store.root)
    with pytest.raises((TypeError, ValueError)):
        store.publish("tiny", SECOND, NAMES, facts)
    assert everything(store.root) == before
    assert store.current("tiny") == digest


# Modes and interruptions


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000], ids=oct)
def test_another_user_can_read_a_version_and_not_write_it(store: Store, umask: Callable[[int], int], mask: int) -> None:
    umask(mask)
    digest = store.publish("tiny", FIRST, NAMES, {})
    folder = version_directory(store, "tiny", digest)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    for path in [*folder.iterdir(), store.root / "tiny" / "current"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    for path in (store.root, store.root / "tiny", store.root / "tiny" / "versions"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o755 == 0o755, path.relative_to(store.root.parent)


def count_syncs(monkeypatch: pytest.MonkeyPatch, publish: Callable[[], object]) -> int:
    calls = 0
    real = os.fsync

    def counting(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", counting)
        publish()
    return calls


def fail_at(monkeypatch: pytest.MonkeyPatch, k: int) -> None:
    calls = 0
    real = os.fsync

    def failing(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == k:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", failing)


def succeeds(publish: Callable[[], object]) -> bool:
    """False for the refusal that names the interruption; any other error is let through."""
    try:
        publish()
    except StoreError as error:
        if "No space left on device" not in str(error):
            raise
        return False
    return True


def test_the_interruptions_below_cover_every_sync(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    store.publish("tiny", FIRST, NAMES, {})
    assert count_syncs(monkeypatch, lambda: store.publish("tiny", SECOND, NAMES, {}, REPORT)) in range(1, SYNCS + 1)


@pytest.mark.parametrize("k", range(1, SYNCS + 1))
def test_a_publish_that_fails_leaves_the_old_version_and_no_litter(
    monkeypatch: pytest.MonkeyPatch, store: Store, k: int
) -> None:
    first = store.publish("tiny", FIRST, NAMES, FACTS)
    before = everything(store.root)
    second = hashlib.sha256(SECOND).hexdigest()
    with monkeypatch.context() as patch:
        fail_at(patch, k)
        if succeeds(lambda: store.publish("tiny", SECOND, NAMES, {}, REPORT)):  # fewer than k syncs
            assert store.current("tiny") == second
            return
    assert store.current("tiny") == first
    assert same_content(store.load("tiny"), FIRST)
    assert store.earlier("tiny") == []
    after = everything(store.root)
    before["tiny/history"] = after["tiny/history"]  # it may be one ahead: what counts is where it leads
    assert before.items() <= after.items()
    whole = {f"tiny/versions/{second}/{file}" for file in (MODEL_FILE, NAMES_FILE, TABLE_FILE, MANIFEST_FILE, *REPORT)}
    assert after.keys() - before.keys() in (set(), whole)  # a version that nothing points to is no litter
    assert {path.name for path in (store.root / "tiny").iterdir()} == {"versions", "current", "history"}
    assert {path.name for path in (store.root / "tiny" / "versions").iterdir()} <= {first, second}
    assert store.publish("tiny", SECOND, NAMES, {}) == second
    assert same_content(store.load("tiny"), SECOND)


@pytest.mark.parametrize("k", range(1, SYNCS + 1))
def test_a_first_publish_that_fails_leaves_no_model(monkeypatch: pytest.MonkeyPatch, store: Store, k: int) -> None:
    with monkeypatch.context() as patch:
        fail_at(patch, k)
        if not succeeds(lambda: store.publish("tiny", FIRST, None, {})):
            assert store.names() == []
            assert {path.name for path in store.root.rglob(".*")} <= {".lock"}
    store.publish("tiny", FIRST, None, {})
    assert same_content(store.load("tiny"), FIRST)


@pytest.mark.parametrize("call", ["rename", "replace"])
def test_a_move_that_fails_leaves_the_old_version_and_no_litter(
    monkeypatch: pytest.MonkeyPatch, store: Store, call: str
) -> None:
    first = store.publish("tiny", FIRST, NAMES, {})

    def failing(*_: Path) -> Path:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, call, failing)
        with pytest.raises(StoreError, match="Input/output error"):
            store.publish("tiny", SECOND, NAMES, {})
    assert store.current("tiny") == first
    assert {path.name for path in store.root.rglob(".*")} == {".lock"}


def test_a_root_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="ascii")
    with pytest.raises(StoreError, match="cannot publish to"):
        Store(tmp_path / "file").publish("tiny", FIRST, None, {})


def test_the_same_bytes_with_another_list_are_refused_rather_than_ignored(store: Store) -> None:
    store.publish("tiny", FIRST, None, {})
    with pytest.raises(StoreError, match="with another list; remove it"):
        store.publish("tiny", FIRST, ["ana"], {})
    assert store.load("tiny").training_names is None


def test_a_damaged_version_says_what_to_remove(store: Store) -> None:
    digest = store.publish("tiny", FIRST, NAMES, {})
    (store.root / "tiny" / "versions" / digest / NAMES_FILE).write_text("x")
    with pytest.raises(StoreError, match=f"remove .*{digest} and publish again"):
        store.publish("tiny", FIRST, NAMES, {})


@pytest.mark.parametrize("name", ["a\nb", "\ud800", "a\x00"])
def test_a_name_that_cannot_be_kept_in_lines_is_refused(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match="cannot be stored"):
        store.publish("tiny", FIRST, [name], {})
    assert store.names() == []
