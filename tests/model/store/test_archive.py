"""A version as one file: the same on another store, and anything else is refused."""

import json
import random
import shutil
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from model.errors import NamesmithError, StoreError
from model.store import archive
from model.store.archive import HISTORY_ENTRY, unpack
from model.store.store import Store
from model.store.version_files import MANIFEST_FILE, MODEL_FILE, NAMES_FILE
from tests.model.store.test_store import FACTS, FIRST, NAMES, REPORT, SECOND, everything, version_directory
from tests.reliability.damage import mutated

PLACE = Path("backup.zip")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A model with two versions."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.publish("tiny", FIRST, NAMES, FACTS, REPORT)
    store.publish("tiny", SECOND, NAMES, FACTS, REPORT)
    return store


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store(tmp_path / "other")


def entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def zipped(contents: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as opened:
        for name, content in contents.items():
            opened.writestr(name, content)
    return out.getvalue()


def test_an_imported_version_is_the_exported_one(store: Store, other: Store) -> None:
    digest = store.current("tiny")
    assert other.add(store.export("tiny"), PLACE) == ("tiny", digest)
    old, new = version_directory(store, "tiny", digest), version_directory(other, "tiny", digest)
    assert everything(new) == everything(old)
    other.verify("tiny", other.current("tiny"))


def test_a_version_gives_the_same_file_each_time_and_any_unzip_reads_it(store: Store) -> None:
    digest = store.current("tiny")
    data = store.export("tiny", digest)
    assert data == store.export("tiny")
    files = everything(version_directory(store, "tiny", digest))
    past = "".join(f"{each}\n" for each in (*store.earlier("tiny"), digest))
    assert entries(data) == {**files, HISTORY_ENTRY: past.encode()}


def test_a_model_that_is_new_to_a_store_brings_its_history(store: Store, other: Store) -> None:
    first, second = store.digests("tiny")
    other.add(store.export("tiny", second), PLACE)
    assert (other.root / "tiny" / "history").read_text() == f"{first}\n{second}\n"
    assert other.earlier("tiny") == []  # that version is not there
    assert other.add(store.export("tiny", first), PLACE)[1] == first == other.current("tiny")
    assert other.earlier("tiny") == [second]
    assert other.rollback("tiny") == second


def test_a_version_can_be_imported_under_another_name_and_again(store: Store, other: Store) -> None:
    data = store.export("tiny")
    assert other.add(data, PLACE, "small")[0] == "small"
    before = everything(other.root / "small" / "versions")
    assert other.add(data, PLACE, "small") == ("small", other.current("small"))
    assert everything(other.root / "small" / "versions") == before
    assert other.names() == ["small"]
    other.verify("small", other.current("small"))
    with pytest.raises(StoreError, match="cannot name a model"):
        other.add(data, PLACE, "../small")


def test_a_damaged_version_is_not_exported(store: Store, other: Store) -> None:
    shutil.copytree(store.root, other.root)
    digest = other.current("tiny")
    (version_directory(other, "tiny", digest) / "report" / "report.html").write_bytes(b"?")
    with pytest.raises(StoreError, match="differs from what its manifest says"):
        other.export("tiny")


def test_whatever_happens_to_a_file_it_is_refused_or_the_same_version(store: Store) -> None:
    data, chance, refused = store.export("tiny"), random.Random(1), 0
    whole = unpack(data, PLACE)
    for _ in range(1_000):
        try:
            assert unpack(mutated(data, chance), PLACE) == whole
        except NamesmithError:
            refused += 1
    assert refused > 900


def manifest_with(contents: Mapping[str, bytes], **changed: object) -> bytes:
    return json.dumps(json.loads(contents[MANIFEST_FILE]) | changed).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"../evil": b""}, "holds files that belong to no version"),
        ({"/etc/passwd": b""}, "holds files that belong to no version"),
        ({"report/../../evil": b""}, "holds files that belong to no version"),
        ({"report/": b""}, "holds files that belong to no version"),
        ({"other.txt": b""}, "holds files that belong to no version"),
        ({MANIFEST_FILE: None}, "lacks manifest.json"),
        ({MODEL_FILE: None}, "lacks model.safetensors"),
        ({HISTORY_ENTRY: None}, "lacks history"),
        ({NAMES_FILE: None}, "not hold exactly the files"),
        ({NAMES_FILE: b"ab\n"}, "differs from what its manifest says"),
        ({MODEL_FILE: SECOND[:-1]}, "differs from what its manifest says"),
        ({HISTORY_ENTRY: b""}, "does not end with the version"),
        ({HISTORY_ENTRY: b"0" * 64 + b"\n"}, "does not end with the version"),
        ({HISTORY_ENTRY: b"?\n"}, "one digest a line"),
        ({HISTORY_ENTRY: (b"0" * 64 + b"\n") * 30}, "holds files that belong to no version"),
        ({MANIFEST_FILE: b"[" * 100_000}, "not JSON"),
        ({MANIFEST_FILE: b"{}"}, "not a manifest"),
    ],
)
def test_what_is_not_exactly_a_version_is_refused(
    store: Store, other: Store, change: dict[str, bytes | None], words: str
) -> None:
    contents = {
        name: content for name, content in (entries(store.export("tiny")) | change).items() if content is not None
    }
    with pytest.raises(StoreError, match=words):
        other.add(zipped(contents), PLACE)
    assert not other.root.exists()


def test_digests_that_lie_are_refused(store: Store, other: Store) -> None:
    contents = entries(store.export("tiny"))
    first, _ = store.digests("tiny")
    lies: list[dict[str, object]] = [{"digest": first}, {"name": "../x"}, {"name": 1}, {"files": {}}]
    for changed in lies:
        lying = {**contents, MANIFEST_FILE: manifest_with(contents, **changed)}
        lying[HISTORY_ENTRY] = f"{json.loads(lying[MANIFEST_FILE])['digest']}\n".encode()
        with pytest.raises(StoreError):
            other.add(zipped(lying), PLACE)
    assert not other.root.exists()


def test_work_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zips that unpack to too much, list too much, or are packed in ways that take memory."""
    contents = entries(store.export("tiny"))
    with pytest.raises(StoreError, match="holds files that belong to no version"):
        unpack(zipped(contents, zipfile.ZIP_LZMA), PLACE)
    with pytest.raises(StoreError, match="cut short"):
        unpack(zipped(contents | {f"{number:0200}": b"" for number in range(100)}), PLACE)
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        opened.writestr(MODEL_FILE, FIRST)
        with pytest.warns(UserWarning, match="Duplicate"):
            opened.writestr(MODEL_FILE, FIRST)
    with pytest.raises(StoreError, match="holds files that belong to no version"):
        unpack(out.getvalue(), PLACE)
    data = store.export("tiny")
    with pytest.raises(StoreError, match="cut short"):
        unpack(data[:-22] + b"PK\6\7" + bytes(16) + data[-22:], PLACE)
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 1_000)
    with pytest.raises(StoreError, match="holds files that belong to no version"):
        unpack(zipped(contents | {NAMES_FILE: bytes(10_000_000)}), PLACE)
    monkeypatch.undo()
    monkeypatch.setattr(archive, "MAX_ARCHIVE_BYTES", 1_000)
    with pytest.raises(StoreError, match="holds files that belong to no version"):
        unpack(data, PLACE)
