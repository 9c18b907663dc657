"""A reader never sees half a version: what a crash at any moment of a publish can leave on a disk is read.

The file operations of real calls are recorded. A crash then keeps all that was synced and any part of the rest: the
data of a file is safe after fsync of the file, an entry of a directory (made, renamed, removed) after fsync of the
directory.
"""

import copy
import itertools
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from model.errors import NamesmithError
from model.store.store import Store
from tests.model.store.test_store_history import put

Figure = Callable[[str, str], None]
Entries = dict[str, int]
Nodes = dict[int, "Entries | bytes"]
"""Files and directories by number, the top is 0; their names are the entries of directories."""
MOST_UNSAFE = 14


@dataclass(frozen=True)
class Operation:
    kind: str
    """link, rename, unlink (entries of the directory `node`), write (to the file `node`) or sync (either)."""
    node: int
    name: str = ""
    new_name: str = ""
    target: int = -1
    data: bytes = b""


def apply(operation: Operation, nodes: Nodes) -> None:
    content = nodes[operation.node]
    if operation.kind == "write":
        assert isinstance(content, bytes)
        nodes[operation.node] = content + operation.data
    elif operation.kind != "sync":
        assert isinstance(content, dict)
        if operation.kind in ("rename", "unlink"):
            content.pop(operation.name, None)
        if operation.kind in ("rename", "link"):
            content[operation.new_name] = operation.target


def read_tree(path: Path, nodes: Nodes) -> int:
    number = len(nodes)
    nodes[number] = b""
    if path.is_dir():
        children = sorted(entry for entry in path.iterdir() if entry.name != ".lock")
        nodes[number] = {}
        nodes[number] = {entry.name: read_tree(entry, nodes) for entry in children}
    else:
        nodes[number] = path.read_bytes()
    return number


@dataclass
class Recorder:
    """What was there, what was done, and what is there now."""

    root: Path
    nodes: Nodes = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    _open: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        read_tree(self.root, self.nodes)
        self.before = copy.deepcopy(self.nodes)

    def find(self, path: Any) -> int | None:
        number: int | None = 0
        for part in Path(path).relative_to(self.root).parts:
            content = self.nodes[number] if number is not None else b""
            number = content.get(part) if isinstance(content, dict) else None
        return number

    def holds(self, path: Any) -> bool:
        inside = isinstance(path, str | os.PathLike) and Path(path).is_relative_to(self.root)
        return inside and Path(path).name != ".lock"

    def link(self, path: Any, content: "Entries | bytes") -> int:
        number = len(self.nodes)
        self.nodes[number] = content
        self.before[number] = copy.copy(content)  # the node itself; no entry leads to it yet
        self.did("link", self.parent(path), new_name=Path(path).name, target=number)
        return number

    def parent(self, path: Any) -> int:
        number = self.find(Path(path).parent)
        assert number is not None
        return number

    def did(self, kind: str, node: int, **detail: Any) -> None:
        self.operations.append(Operation(kind, node, **detail))
        apply(self.operations[-1], self.nodes)

    # In place of the functions of `os`:

    def wrap(self, patch: pytest.MonkeyPatch) -> None:
        for name in ("open", "write", "fsync", "close", "mkdir", "rename", "replace", "unlink", "rmdir"):
            patch.setattr(os, name, self.wrapped(name, getattr(os, name)))

    def wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        after = getattr(self, f"after_{name}")

        def call(first: Any, *rest: Any, **more: Any) -> Any:
            if isinstance(first, int) and name in ("write", "fsync", "close"):
                if name == "close":
                    self._open.pop(first, None)
                result = real(first, *rest, **more)
                if first in self._open:
                    after(self._open[first], result, *rest)
                return result
            number = self.find(first) if self.holds(first) else None
            result = real(first, *rest, **more)
            if self.holds(first):
                after(first, number, result, *rest)
            return result

        return call

    def after_open(self, path: Any, number: int | None, descriptor: int, flags: int, *_: Any) -> None:
        if number is None:
            number = self.link(path, b"")
        else:
            assert not flags & os.O_TRUNC, "a file is written anew in its place"
        self._open[descriptor] = number
        self.names[number] = Path(path).name

    def after_write(self, number: int, count: int, data: Any) -> None:
        self.did("write", number, data=bytes(data[:count]))

    def after_fsync(self, number: int, _: None) -> None:
        self.did("sync", number, name=self.names[number])

    def after_close(self, *_: Any) -> None: ...

    def after_mkdir(self, path: Any, *_: Any) -> None:
        self.link(path, {})

    def after_rename(self, old: Any, number: int, _: None, new: Any) -> None:
        assert Path(old).parent == Path(new).parent
        self.did("rename", self.parent(old), name=Path(old).name, new_name=Path(new).name, target=number)

    after_replace = after_rename

    def after_unlink(self, path: Any, *_: Any) -> None:
        self.did("unlink", self.parent(path), name=Path(path).name)

    after_rmdir = after_unlink


@contextmanager
def recording(root: Path) -> Iterator[Recorder]:
    recorder = Recorder(root)
    with pytest.MonkeyPatch.context() as patch:
        recorder.wrap(patch)
        yield recorder
    there: Nodes = {}
    read_tree(root, there)
    assert visible(recorder.nodes, hidden=True) == visible(there, hidden=True), "an operation was not recorded"


def visible(nodes: Nodes, number: int = 0, hidden: bool = False) -> object:
    """A tree as a value; without staging directories and temporary files, which no reader looks at, unless `hidden`."""
    content = nodes[number]
    if isinstance(content, bytes):
        return content
    return frozenset((n, visible(nodes, each, hidden)) for n, each in content.items() if hidden or n[0] != ".")


def crashes(before: Nodes, operations: list[Operation]) -> Iterator[tuple[bool, object]]:
    """The trees that crashes can leave, each once, and whether the call had returned by then."""
    seen = set()
    for end in range(len(operations) + 1):
        done = operations[:end]
        synced = {each.node: i for i, each in enumerate(done) if each.kind == "sync"}
        unsafe = [i for i, each in enumerate(done) if each.kind != "sync" and i > synced.get(each.node, -1)]
        assert len(unsafe) <= MOST_UNSAFE, "too many to try all subsets"
        for count in range(len(unsafe) + 1):
            for dropped in itertools.combinations(unsafe, count):
                nodes = copy.deepcopy(before)
                for i, each in enumerate(done):
                    if i not in dropped:
                        apply(each, nodes)
                tree = (end == len(operations), visible(nodes))
                if tree not in seen:
                    seen.add(tree)
                    yield tree


def write_tree(tree: object, path: Path) -> None:
    if isinstance(tree, bytes):
        path.write_bytes(tree)
        return
    path.mkdir()
    for name, each in tree:  # type: ignore[attr-defined]
        write_tree(each, path / name)


def state(store: Store) -> object:
    """What a reader finds: the version, whole, and where rollback leads; where there is no model, where it would lead
    from the next version. While a model gets another name, it may have both, but none that is not whole."""
    if "y" in store.names():
        for name in store.names():
            store.verify(name, store.current(name))
        return "y", store.current("y"), store.earlier("y")[-1:]
    if "x" not in store.names():
        put(store, 9)
        return None, store.earlier("x")[-1:]
    digest = store.current("x")
    store.verify("x", digest)
    return digest, store.earlier("x")[-1:]


@dataclass(frozen=True)
class Recorded:
    before: Nodes
    operations: list[Operation]
    old: object
    new: object

    def faults(self, work: Path, *without: int) -> tuple[int, list[str]]:
        """How many trees were read, and those in which a reader finds neither the old nor the new, or after the call
        returned not the new; `without` are operations to leave out, and then the first fault is enough."""
        operations = [each for i, each in enumerate(self.operations) if i not in without]
        found, number = [], 0
        for number, (returned, tree) in enumerate(crashes(self.before, operations), 1):
            place = work / f"{'-'.join(map(str, without))}-{number}"
            write_tree(tree, place)
            try:
                read = state(Store(place))
            except NamesmithError as error:
                found.append(str(error))
            else:
                if read not in ((self.new,) if returned else (self.old, self.new)):
                    found.append(f"{read} after {'the end' if returned else 'a crash'}")
            if found and without:
                break
        return number, found


@cache
def exported() -> bytes:
    with TemporaryDirectory() as place:
        store = Store(Path(place))
        put(store, 1)
        return store.export("x")


CALLS: dict[str, tuple[list[int], Callable[[Store], object]]] = {
    "the first publish": ([], lambda store: put(store, 0)),
    "a publish over another": ([0], lambda store: put(store, 1)),
    "a version published again": ([0, 1], lambda store: put(store, 0)),
    "rollback": ([0, 1, 0], lambda store: store.rollback("x")),
    "withdraw": ([0], lambda store: store.withdraw("x")),
    "rename": ([0], lambda store: store.rename("x", "y")),
    "remove": ([0], lambda store: store.remove("x")),
    "import": ([0], lambda store: store.add(exported(), Path("x.zip"))),
}


def record(name: str, work: Path) -> Recorded:
    numbers, act = CALLS[name]
    exported()  # not while it is recorded
    store = Store(work / "store")
    store.root.mkdir(parents=True)
    for number in numbers:
        put(store, number)
    old = state(store) if numbers else (None, [])
    with recording(store.root) as recorder:
        act(store)
    assert name != "rename" or store.names() == ["y"]
    copied = work / "after"
    shutil.copytree(store.root, copied)
    return Recorded(recorder.before, recorder.operations, old, state(Store(copied)))


@pytest.mark.parametrize("name", CALLS)
def test_a_reader_finds_the_old_version_or_the_new_one(name: str, tmp_path: Path, figure: Figure) -> None:
    call = record(name, tmp_path)
    assert call.old != call.new
    read, found = call.faults(tmp_path)
    assert not found, found[:3]
    figure(
        "a reader never sees half a version",
        f"{name}: {len(call.operations)} operations, {read} different trees after crashes, 0 faults",
    )


def test_no_fsync_and_no_rename_can_be_left_out(tmp_path: Path, figure: Figure) -> None:
    """Else the test above would not show that they are needed: each has a call in which a crash without it leaves a
    fault. Some are there twice: that of NAME when `versions` was made in it, which the one for `history` repeats, and
    those of the directory in which a renamed model is made; without both there are faults. And a directory in which
    nothing was done since is synced for a writer that was killed in between."""
    caught: dict[tuple[object, ...], bool] = {}
    for name in CALLS:
        work = tmp_path / name
        call = record(name, work)
        for i, each in enumerate(call.operations):
            since = changed_since(call.operations, i)
            if each.kind not in ("rename", "sync") or (each.kind == "sync" and not since):
                continue
            role = (each.kind, each.name or each.new_name, *since) if each.kind == "sync" else ("rename", each.new_name)
            role = tuple(plain(str(part)) for part in role)
            if not caught.get(role):
                caught[role] = bool(call.faults(work, i)[1])
            if not caught[role] and (since == ["versions"] or ".staging-y" in role):
                again = [j for j in range(i + 1, len(call.operations)) if call.operations[j] == each]
                caught[role] = bool(call.faults(work, i, *again)[1])
    assert len(caught) >= 10
    assert all(caught.values()), [role for role, seen in caught.items() if not seen]
    figure(
        "a reader never sees half a version", f"{len(caught)} kinds of fsync and rename: each one missing is noticed"
    )


def changed_since(operations: list[Operation], i: int) -> list[str]:
    """What was done to a directory or file since it was last synced."""
    last = max((j for j in range(i) if operations[j] == operations[i]), default=-1)
    since = [each for each in operations[last + 1 : i] if each.node == operations[i].node]
    return [each.new_name or each.kind for each in since]


def plain(name: str) -> str:
    """Without digests and process ids."""
    return re.sub(r"[0-9a-f]{64}|\d+", "#", name)
