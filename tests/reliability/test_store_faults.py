"""Disk full, I/O errors and kill -9 while a version is published."""

import errno
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from model.errors import NamesmithError, StoreError
from model.store.store import Store
from tests.model.store.test_store_history import put
from tests.reliability.damage import mutated
from tests.running import ROOT

Size = Callable[[int, int], int]
Figure = Callable[[str, str], None]
CALLS = ("open", "write", "fsync", "mkdir", "rename", "replace")
_PUBLISHER = """
import sys
from pathlib import Path
from model.store.store import Store
from tests.model.store.test_store_history import put
store = Store(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 1_000_000):
    print(put(store, number), flush=True)
"""


def failing_at(k: int, code: int, root: Path, patch: pytest.MonkeyPatch) -> list[int]:
    """Lets the k-th of the system calls that write fail, from 0; the list grows by one for each."""
    made: list[int] = []

    def wrap(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(first: Any, *rest: Any, **more: Any) -> Any:
            ours = isinstance(first, int) or (Path(os.fsdecode(first)).is_relative_to(root) and rest[:1] != (READ,))
            if ours:
                made.append(1)
                if len(made) == k + 1:
                    raise OSError(code, os.strerror(code))
            return real(first, *rest, **more)

        return call

    for name in CALLS:
        patch.setattr(os, name, wrap(getattr(os, name)))
    return made


READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def attempt(store: Store) -> tuple[str | None, str]:
    """The digest that was published, or why not."""
    try:
        return put(store, 1), ""
    except StoreError as error:
        return None, str(error)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=errno.errorcode.get)
def test_an_error_at_any_call_leaves_the_old_version_or_the_new_one(tmp_path: Path, code: int, figure: Figure) -> None:
    k, refused = 0, 0
    while True:
        store = Store(tmp_path / str(k))
        old = put(store, 0)
        with pytest.MonkeyPatch.context() as patch:
            made = failing_at(k, code, store.root, patch)
            new, why = attempt(store)
        assert new is not None or os.strerror(code) in why
        assert new is not None or store.current("x") == old
        refused += new is None
        if len(made) <= k:
            assert store.current("x") == new
            break
        store.verify("x", store.current("x"))
        last = put(store, 2)
        assert store.current("x") == last
        assert {path.name for path in store.root.rglob(".*")} == {".lock"}
        k += 1
    assert refused >= k // 2
    figure(
        "disk full or I/O error while publishing", f"{errno.errorcode[code]} at each of {k} calls: {refused} refused"
    )


def test_an_error_at_any_call_of_rename_or_remove_leaves_whole_models(tmp_path: Path, figure: Figure) -> None:
    calls: dict[str, tuple[Callable[[Store], object], set[str]]] = {
        "rename": (lambda store: store.rename("x", "y"), {"y"}),
        "remove": (lambda store: store.remove("x"), set()),
    }
    for name, (act, after) in calls.items():
        for k in itertools.count():
            store = Store(tmp_path / f"{name}-{k}")
            digest = put(store, 0)
            with pytest.MonkeyPatch.context() as patch, suppress(StoreError):
                made = failing_at(k, errno.EIO, store.root, patch)
                act(store)
            if len(made) <= k:
                assert set(store.names()) == after
                break
            assert set(store.names()) in ({"x"}, after, {"x"} | after)
            for model in store.names():
                store.verify(model, digest)
            put(store, 1)
            assert {path.name for path in store.root.rglob(".*")} == {".lock"}
        figure("disk full or I/O error while publishing", f"{name}, EIO at each of {k} calls: whole models alone")


def test_a_publisher_killed_at_any_moment_leaves_a_whole_version(tmp_path: Path, size: Size, figure: Figure) -> None:
    store, chance, kills, published = Store(tmp_path / "store"), random.Random(1), size(4, 200), 0
    for _ in range(kills):
        command = [sys.executable, "-c", _PUBLISHER, str(store.root), str(published)]
        with subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            said = process.stdout.readline().strip()  # it has begun
            time.sleep(chance.random() * 0.05)
            process.send_signal(signal.SIGKILL)
            said = [said, *process.stdout.read().split()][-1]
        store.verify("x", store.current("x"))
        assert said in (store.current("x"), *store.earlier("x")), "what was reported as published is not there"
        published += 1000
    put(store, published)
    assert {path.name for path in store.root.rglob(".*")} == {".lock"}
    figure("a reader never sees half a version", f"{kills} publishers killed with SIGKILL: always a whole version")


def test_a_full_disk_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    """A real one: a file system of 64 KiB in memory."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        bundled = Store(ROOT / "store").open("us-names")
        file = tmp_path / "model.safetensors"
        file.write_bytes(bundled.data)
        command = [
            sys.executable,
            "-m",
            "training",
            "publish",
            str(file),
            "--name",
            "x",
            "--store",
            str(place / "store"),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "No space left on device" in done.stderr
        assert Store(place / "store").names() == []
        assert [path for path in place.rglob("*") if path.is_file() and path.stat().st_size] == []
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_damaged_store_never_raises_anything_unforeseen(tmp_path: Path, size: Size, figure: Figure) -> None:
    """Bits flipped, files cut, spliced, emptied or replaced: a reader has a typed error or the version."""
    store, chance, cases, whole = Store(tmp_path / "store"), random.Random(5), size(400, 20_000), 0
    digest = put(store, 0)
    files = [path for path in store.root.rglob("*") if path.is_file() and path.name != ".lock"]
    contents = {path: path.read_bytes() for path in files}
    slowest = 0.0
    for _ in range(cases):
        path = chance.choice(files)
        path.write_bytes(mutated(contents[path], chance))
        began = time.perf_counter()
        try:
            store.verify("x", store.current("x"))
            store.earlier("x")
            whole += 1
        except NamesmithError:
            pass
        slowest = max(slowest, time.perf_counter() - began)
        path.write_bytes(contents[path])
    store.verify("x", digest)
    assert slowest < 1
    assert whole < cases / 2
    figure(
        "weights parse safely",
        f"{cases:,} damaged files: typed errors, or {whole:,} times the version; {slowest:.2f} s",
    )
