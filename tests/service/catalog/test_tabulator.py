"""Tables from a child process: bit for bit those made here, and one clear line for whatever goes wrong in it."""

import os
import re
import signal
import socket
import string
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
import torch

from model.compiler.compile_model import compile_older
from model.errors import CheckpointError, NamesmithError
from model.network.checkpoint import Checkpoint, dumps, loads
from model.network.checkpoint_header import digest, read_header
from model.network.stack import Stack
from model.store.store import Store
from model.store.stored_version import StoredVersion
from model.store.table_file import MAX_FILE_BYTES, table_file
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Transitions
from service.catalog import tabulator
from service.catalog.tabulator import Tabulator
from tests.running import BUNDLED

ROOT = Path(__file__).resolve().parents[3]
READ_REQUEST = (
    "import os, sys, time; r = sys.stdin.buffer; w = sys.stdout.buffer; r.read(int.from_bytes(r.read(8), 'little'));"
)
FILE = table_file(Transitions.dense(np.full((4, 4), -np.log(4)), 1), "")
TABLE_LINE = f'w.write(b\'{{"parameters": 16, "table": {len(FILE)}}}\\n\');'
OTHER_FILE = table_file(Transitions.dense(np.full((4, 2), -np.log(2)), 2), "")
HALF_LINE = "w.write(b'{\"parameters\": 16');"
Publish = Callable[..., str]


@pytest.fixture(autouse=True)
def _as_if_torch_were_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.catalog.tabulator._torch_is_here", lambda: False)


@pytest.fixture(scope="module")
def bundled() -> StoredVersion:
    return Store(BUNDLED).open("us-names")


@pytest.fixture
def small(publish: Publish, tmp_path: Path) -> StoredVersion:
    """A model of four symbols and one character of context."""
    publish(tmp_path, "small")
    return Store(tmp_path).open("small")


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """All children that were started; none is left at the end."""
    started: list[subprocess.Popen[bytes]] = []
    start = tabulator._start

    def recorded() -> subprocess.Popen[bytes]:
        started.append(start())
        return started[-1]

    monkeypatch.setattr("service.catalog.tabulator._start", recorded)
    yield started
    assert all(child.returncode is not None for child in started)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts another program in the place of the child."""

    def put(text: str) -> None:
        monkeypatch.setattr("service.catalog.tabulator._COMMAND", [sys.executable, "-c", text])

    return put


def damaged(stored: StoredVersion) -> StoredVersion:
    """Its last number is not one."""
    data = stored.data[:-4] + np.float32("nan").tobytes()
    return StoredVersion(stored.name, stored.digest, data, stored.header, None, None, {}, Path())


def test_tables_are_those_made_here_bit_by_bit_and_share_a_child(
    bundled: StoredVersion, small: StoredVersion, children: list[object]
) -> None:
    with Tabulator() as tabulator:
        for stored in (bundled, small):
            found, model = tabulator.tabulate(stored), loads(stored.data)
            expected = compile_older(model)
            assert found.transitions.log_probs.dtype == np.float64
            assert found.transitions.log_probs.shape == expected.log_probs.shape
            assert found.transitions.log_probs.tobytes() == expected.log_probs.tobytes()
            assert found.transitions.block_size == expected.block_size
            assert not found.transitions.log_probs.flags.writeable
            assert found.parameters == model.stack.parameter_count
    assert len(children) == 1


def test_a_table_that_an_older_program_served_is_served_though_no_version_keeps_so_large_a_one() -> None:
    letters, block_size = tuple(string.ascii_lowercase), 4
    size = 1 + len(letters)
    stack = Stack.build(
        [
            {"type": "Embedding", "num_embeddings": size, "embedding_dim": 1},
            {"type": "Flatten"},
            {"type": "Linear", "in_features": block_size, "out_features": size, "bias": True},
        ]
    )
    stack.reset_parameters(torch.Generator().manual_seed(1))
    data = dumps(Checkpoint(stack, block_size, Vocabulary(letters), {}))
    with Tabulator() as tabulator:
        found = tabulator.tabulate(
            StoredVersion("large", digest(data), data, read_header(data), None, None, {}, Path())
        ).transitions
    assert found.nbytes > MAX_FILE_BYTES
    names = torch.randint(size, (100, block_size), generator=torch.Generator().manual_seed(2))
    rows = (names * size ** torch.arange(block_size - 1, -1, -1)).sum(1).numpy()
    expected = torch.log_softmax(stack.to(dtype=torch.float64).eval()(names), dim=1).numpy()
    np.testing.assert_allclose(found.log_probs[rows], expected, atol=1e-5)


def test_a_broken_model_is_refused_in_its_own_words_and_the_child_goes_on(
    small: StoredVersion, children: list[object]
) -> None:
    with Tabulator() as tabulator:
        with pytest.raises(CheckpointError, match=r"^tensor 0\.weight holds NaN or infinity$"):
            tabulator.tabulate(damaged(small))
        tabulator.tabulate(small)
    assert len(children) == 1


def test_where_torch_is_loaded_the_table_is_made_here(
    small: StoredVersion, children: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.catalog.tabulator._torch_is_here", lambda: "torch" in sys.modules)
    with Tabulator() as tabulator:
        found = tabulator.tabulate(small)
        with pytest.raises(CheckpointError, match="NaN"):
            tabulator.tabulate(damaged(small))
    assert found.transitions.log_probs.tobytes() == compile_older(loads(small.data)).log_probs.tobytes()
    assert not children


@pytest.mark.parametrize("size", [0, 1 << 20], ids=["at once", "while it is written to"])
def test_a_child_that_is_killed_costs_one_model(
    small: StoredVersion, children: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    larger = StoredVersion("large", small.digest, small.data + b"\x00" * size, small.header, None, None, {}, Path())
    with Tabulator() as tabulator:
        with monkeypatch.context() as patch:
            patch.setattr(
                "service.catalog.tabulator._COMMAND", [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
            )
            with pytest.raises(
                NamesmithError, match=rf"has no table: .* gave no table \(exit code -{signal.SIGKILL:d}\)$"
            ):
                tabulator.tabulate(larger)
        tabulator.tabulate(small)
    assert len(children) == 2


@pytest.mark.parametrize("answer", ["", HALF_LINE, TABLE_LINE], ids=["nothing", "half a line", "half a table"])
def test_a_child_that_takes_too_long_is_killed(
    small: StoredVersion, children: list[subprocess.Popen[bytes]], program: Callable[[str], None], answer: str
) -> None:
    program(f"{READ_REQUEST} {answer} w.flush(); time.sleep(60)")
    began = time.monotonic()
    expected = r"^model small has no table: .* took longer than 0\.5 s$"
    with Tabulator(time_limit=0.5) as tabulator, pytest.raises(NamesmithError, match=expected):
        tabulator.tabulate(small)
    assert time.monotonic() - began < 10
    assert children[0].returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "w.write(b'\\x00' * 200_000);",
        "w.write(b'hello\\n');",
        "w.write(b'null\\n');",
        "w.write(b'[' * 50_000 + b'\\n');",
        HALF_LINE,
        TABLE_LINE,
        f"{TABLE_LINE} w.write({FILE[:-1]!r});",
        f"{TABLE_LINE} w.write({FILE[:-8] + bytes(8)!r});",
        f"{TABLE_LINE} w.write({OTHER_FILE!r});",
        f"{TABLE_LINE.replace(str(len(FILE)), '1000000000000')}",
        f"{TABLE_LINE.replace(str(len(FILE)), '-1')} w.write({FILE!r});",
        f"{TABLE_LINE.replace('16', '1.5')} w.write({FILE!r});",
        'w.write(b\'{"error": "CheckpointError"}\\n\');',
        "raise SystemExit(3)",
        "print(1 / 0)",
    ],
)
def test_nonsense_is_one_line_that_names_the_model(
    small: StoredVersion, children: list[object], program: Callable[[str], None], answer: str
) -> None:
    program(f"{READ_REQUEST}\n{answer}")
    with Tabulator() as tabulator, pytest.raises(NamesmithError) as caught:
        tabulator.tabulate(small)
    assert re.fullmatch(r"model small has no table: the process that makes it [^\n]+", str(caught.value))
    assert len(children) == 1


@pytest.mark.parametrize("error", ["NamesmithError", "OSError", "UnknownCharacterError", "SystemExit", ""])
def test_only_errors_that_a_table_can_have_are_raised_by_name(
    small: StoredVersion, program: Callable[[str], None], error: str
) -> None:
    program(READ_REQUEST + f'w.write(b\'{{"error": "{error}", "message": "why"}}\\n\')')
    with Tabulator() as tabulator, pytest.raises(NamesmithError, match=r"^why$") as caught:
        tabulator.tabulate(small)
    assert type(caught.value) is NamesmithError


def test_a_child_finds_the_model_from_any_directory(
    small: StoredVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "__init__.py").write_text("raise ImportError('not this one')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Tabulator() as tabulator:
        assert tabulator.tabulate(small).parameters == 16


def test_a_child_ends_with_the_input_of_a_parent_that_is_gone() -> None:
    child = tabulator._start()
    child.communicate(timeout=60)
    assert child.returncode == 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not show what a process has loaded")
def test_a_started_worker_has_not_loaded_torch(tmp_path: Path) -> None:
    """Nor is a child left beside it; and started from elsewhere, with the package on PYTHONPATH."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "service", "serve", "--port", str(port), "--store", str(tmp_path / "none")]
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as worker:
        try:
            assert "us-names" in _ready(f"http://127.0.0.1:{port}/readyz")
            assert "libtorch" not in Path(f"/proc/{worker.pid}/maps").read_text()
            children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
            assert not children.exists() or children.read_text() == ""
        finally:
            worker.terminate()


def _ready(url: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(url)
            if answer.status_code == 200:
                return answer.text
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("not ready within a minute")
