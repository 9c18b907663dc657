"""Files of weights that nobody vouches for: a typed error or a valid model, soon and in little memory."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from model.errors import CheckpointError
from model.network import checkpoint as checkpoints
from model.store.store import Store
from tests.model.network.test_checkpoint import assert_refused_or_valid
from tests.reliability.damage import mutated_checkpoint
from tests.running import ROOT, status_kib

Size = Callable[[int, int], int]
Figure = Callable[[str, str], None]
_SECONDS = 1.0
_MEGABYTES = 64.0


def read_damaged(data: bytes, cases: int) -> dict[str, float]:
    """Reads `cases` damaged files, and counts those that are valid models all the same. In a process of its own: the
    memory of the whole of it is looked at, whoever takes it."""
    chance = random.Random(11)
    valid, slowest, largest, kinds = 0, 0.0, 0.0, set()
    for _ in range(cases):
        content = mutated_checkpoint(data, chance)
        held = _forget_peak()
        began = time.perf_counter()
        refusal = _refusal(content)
        slowest = max(slowest, time.perf_counter() - began)
        largest = max(largest, (status_kib("self", "VmHWM") - held) / 1000)
        assert len(refusal) < 1000
        kinds.add(refusal[:40])
        if not refusal:
            assert assert_refused_or_valid(content)
            valid += 1
    return {"valid": valid, "seconds": slowest, "megabytes": largest, "kinds": len(kinds)}


def _refusal(content: bytes) -> str:
    try:
        checkpoints.loads(content)
    except CheckpointError as error:
        return str(error)
    return ""


def _forget_peak() -> int:
    """KiB that the process takes; from now on its peak counts anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return status_kib("self", "VmRSS")


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells a process its memory")
def test_damaged_weights_are_a_typed_error_or_a_valid_model(tmp_path: Path, size: Size, figure: Figure) -> None:
    cases = size(400, 20_000)
    path = tmp_path / "model.safetensors"
    path.write_bytes(Store(ROOT / "store").open("us-names").data)
    command = [sys.executable, "-m", "tests.reliability.test_weights", str(path), str(cases)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["seconds"] < _SECONDS
    assert found["megabytes"] < _MEGABYTES
    assert 0.02 * cases < found["valid"] < cases / 2, "the damage is too small, or too large, to tell"
    assert found["kinds"] > 20
    refused = cases - found["valid"]
    figure(
        "weights parse safely",
        f"{cases:,} damaged files of weights: {refused:,} typed errors, {found['valid']:,} valid models; "
        f"{found['seconds']:.2f} s and {found['megabytes']:.1f} MB at most",
    )


def test_memory_that_a_reader_takes_is_noticed() -> None:
    """What the test above looks at does see 80 MB that were given back at once."""
    code = (
        "from tests.reliability.test_weights import _forget_peak, status_kib\n"
        "held = _forget_peak()\n"
        "len(bytearray(b'x' * 80_000_000))\n"
        "print((status_kib('self', 'VmHWM') - held) / 1000)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) > _MEGABYTES


if __name__ == "__main__":
    sys.stdout.write(json.dumps(read_damaged(Path(sys.argv[1]).read_bytes(), int(sys.argv[2]))))
