"""Checkpoints that no service should serve, made current in the store of one that runs: each is rejected and counted,
the model of before serves, and the service stays ready."""

import io
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest
import safetensors.torch
import torch

from model.network import checkpoint
from model.store.store import Store
from tests.model.network.test_checkpoint import joined, new_checkpoint, parts
from tests.running import Running, free_port, running_on
from tests.service.bad_versions import make_current, publish_bytes, publish_corrupt

Figure = Callable[[str, str], None]
NAME = "x"
_WITHOUT = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""A superuser started so reads no file that it has no right to."""
AS_ANYONE = os.geteuid() != 0 or (
    shutil.which("setpriv") is not None and subprocess.run([*_WITHOUT, "true"], check=False).returncode == 0
)


class Served(NamedTuple):
    service: Running
    store: Path
    good: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("bad")
    store = Store(root / "store")
    good = store.publish(NAME, checkpoint.dumps(new_checkpoint()), ["abc", "bad", "cab"], {})
    through = _WITHOUT if os.geteuid() == 0 and AS_ANYONE else ()
    with running_on(free_port(), store.root, root / "log", through=through, metrics="true") as service:
        yield Served(service, store.root, good)
    log = (root / "log").read_bytes()
    assert b"Traceback" not in log


def changed(tensor: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        tensors, metadata = parts(data)
        tensor(tensors)
        return joined(tensors, metadata)

    return change


def one_of(tensors: dict[str, torch.Tensor], end: str) -> torch.Tensor:
    return next(tensor for name, tensor in tensors.items() if name.endswith(end))


def pickled(data: bytes) -> bytes:
    file = io.BytesIO()
    torch.save(safetensors.torch.load(data), file)
    return file.getvalue()


def wider(tensors: dict[str, torch.Tensor]) -> None:
    name = next(name for name in tensors if name.endswith("weight"))
    tensors[name] = torch.cat([tensors[name], tensors[name]])


BYTES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "corrupt": (lambda data: data[:40] + b"\xff" + data[41:], "not a safetensors file"),
    "cut off": (lambda data: data[:-1], "not a safetensors file"),
    "pickled": (pickled, "pickled files are never read"),
    "wrong shape": (changed(wider), "has shape"),
    "NaN": (changed(lambda t: one_of(t, "weight").view(-1)[0].fill_(torch.nan)), "NaN or infinity"),
    "negative running variance": (changed(lambda t: one_of(t, "running_var")[0].fill_(-1)), "running_var is negative"),
}


def publish_huge(store: Path) -> None:
    """300 MB on no disk; larger than any model that is read."""
    file = publish_bytes(store, NAME, b"huge")
    os.truncate(file, 300_000_000)


def publish_link(store: Path) -> None:
    """To a whole and valid file outside the store."""
    data = checkpoint.dumps(new_checkpoint(seed=2))
    file = publish_bytes(store, NAME, data)
    file.unlink()
    (store.parent / "outside").write_bytes(data)
    file.symlink_to(store.parent / "outside")


def publish_unreadable(store: Path) -> None:
    """As safetensors leaves a file that another user has written: 0600."""
    file = publish_bytes(store, NAME, checkpoint.dumps(new_checkpoint(seed=3)))
    if os.geteuid() == 0:
        os.chown(file, 12_345, 12_345)
        file.chmod(0o600)
    else:
        file.chmod(0)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bit of its digest off": (lambda store: publish_corrupt(store, NAME), "holds version"),
    "huge": (publish_huge, "larger than"),
    "symlink": (publish_link, "cannot read"),
    "unreadable": (publish_unreadable, "Permission denied"),
}


def publish_bad(store: Path, case: str) -> str:
    """Makes it current; gives what is said of it."""
    if case in FILES:
        publish, why = FILES[case]
        publish(store)
    else:
        make, why = BYTES[case]
        publish_bytes(store, NAME, make(Store(store).open(NAME).data))
    return why


@pytest.mark.parametrize("case", [*BYTES, *FILES])
def test_a_bad_checkpoint_is_rejected_and_counted_and_the_old_model_serves(
    served: Served, figure: Figure, case: str
) -> None:
    if case == "unreadable" and not AS_ANYONE:
        pytest.skip("the superuser may read every file, and setpriv cannot keep it from that here")
    service, store, good = served
    before = rejections(service)
    try:
        why = publish_bad(store, case)
        began = time.monotonic()
        found = wait_for(service, lambda ready: NAME in ready["rejected"])
        seconds = time.monotonic() - began
        assert why in found["rejected"][NAME]
        assert found["models"][NAME] == good
        assert httpx.get(f"{service.url}/readyz").status_code == 200
        answer = httpx.get(f"{service.url}/sample?n=3&model={NAME}")
        assert (answer.status_code, answer.headers["X-Model-Digest"]) == (200, good)
        assert rejections(service) == before + 1
        figure(
            f"{case} checkpoint", f"rejected and counted after {seconds:.1f} s, the old model serves, ready stays 200"
        )
    finally:
        make_current(store, NAME, good)
        wait_for(service, lambda ready: NAME not in ready["rejected"])


def rejections(service: Running) -> float:
    lines = httpx.get(f"{service.url}/metrics").text.splitlines()
    wanted = [line for line in lines if line.startswith("namesmith_swaps_total") and f'model="{NAME}"' in line]
    return sum(float(line.split()[-1]) for line in wanted if 'result="rejected"' in line)


def wait_for(service: Running, happened: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    until = time.monotonic() + 60
    while True:
        ready: dict[str, Any] = httpx.get(f"{service.url}/readyz").json()
        if happened(ready):
            return ready
        assert time.monotonic() < until, ready
        time.sleep(0.05)


def test_the_file_that_is_only_unreadable_is_served_once_it_can_be_read(served: Served) -> None:
    """So that the case above is about its mode and nothing else."""
    service, store, good = served
    data = checkpoint.dumps(new_checkpoint(seed=4))
    publish_bytes(store, NAME, data)
    bad = Store(store).current(NAME)
    try:
        wait_for(service, lambda ready: ready["models"].get(NAME) == bad)
    finally:
        make_current(store, NAME, good)
        wait_for(service, lambda ready: ready["models"].get(NAME) == good)
