"""`python -m service sample` gives the names of /sample, in any number, to files and pipes."""

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient

from service.answers.sample import Draw

ROOT = Path(__file__).resolve().parents[3]
Run = Callable[..., Any]
Fields = dict[str, Any]
REQUESTS: list[Fields] = [
    {"n": 10, "seed": 7},
    {"n": 9_000, "seed": "a word", "case": "upper"},
    {"n": 200, "seed": 3, "model": "us-names", "suffix": "lyn", "max_length": 8, "novel": True},
    {"n": 200, "seed": 1, "model": "us-names", "near": "aria", "distance": 1, "exclude": ["x", "rr"]},
    {"n": 40, "seed": 2**63 - 1, "unique": True, "temperature": 1.5, "top_k": 9, "top_p": 0.9},
]


def arguments(fields: Fields) -> list[str]:
    given: list[str] = []
    for name, value in fields.items():
        option = f"--{name.replace('_', '-')}"
        for each in value if isinstance(value, list) else [value]:
            given += [option, *([] if each is True else [str(each)])]
    return given


def read(data: bytes, form: str) -> list[dict[str, Any]]:
    """As a reader of the form gets them."""
    if form == "text":
        return [{"name": line} for line in data.decode().splitlines()]
    if form == "csv":
        return list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    if form == "ndjson":
        return [json.loads(line) for line in data.splitlines()]
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
    return rows


def start(store: Path, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    environment = os.environ | {"NAMESMITH_STORE": str(store), "NAMESMITH_DEFAULT_MODEL": "tiny"}
    command = [sys.executable, "-m", "service", "sample", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, **options)


@pytest.mark.parametrize("form", ["text", "csv", "ndjson", "parquet"])
@pytest.mark.parametrize("fields", REQUESTS, ids=str)
def test_the_names_are_those_of_http(both: TestClient, run: Run, fields: Fields, form: str) -> None:
    answer = both.post("/sample", json={"model": "tiny"} | fields).json()
    done = run("sample", "--format", form, *arguments(fields))
    assert done.code == 0, done.err
    assert [row["name"] for row in read(done.out, form)] == answer["names"]
    assert done.err.count("\n") == 1
    for fact in (f"{len(answer['names']):,} names", answer["model"]["digest"][:12], f"seed {fields['seed']}"):
        assert fact in done.err
    assert ("no more distinct names exist" in done.err) == answer["exhausted"]


@pytest.mark.parametrize("model", ["tiny", "unlisted"])
@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_details_are_those_of_http(both: TestClient, run: Run, form: str, model: str) -> None:
    fields: Fields = {"n": 100, "seed": 5, "details": True, "model": model}
    expected = both.post("/sample", json=fields).json()["details"]
    rows = read(run("sample", "--format", form, *arguments(fields)).out, form)
    if form == "csv":
        shown = {"true": True, "false": False, "": None}
        rows = [row | {"log_prob": float(row["log_prob"]), "novel": shown[row["novel"]]} for row in rows]
    assert rows == expected


@pytest.mark.parametrize("ending", ["txt", "csv", "ndjson", "jsonl", "parquet"])
def test_the_ending_of_the_file_tells_the_format(run: Run, tmp_path: Path, ending: str) -> None:
    form = {"txt": "text", "jsonl": "ndjson"}.get(ending, ending)
    path = tmp_path / f"names.{ending}"
    done = run("sample", "--seed", 1, "-n", 20_000, "-o", path, "-q")
    assert (done.code, done.out, done.err) == (0, b"", "")
    assert path.read_bytes() == run("sample", "--seed", 1, "-n", 20_000, "--format", form).out
    assert len(read(path.read_bytes(), form)) == 20_000
    assert list(tmp_path.iterdir()) == [path]


def test_more_names_continue_a_shorter_list(run: Run) -> None:
    longer = run("sample", "--seed", 4, "-n", 1_200_000).out
    shorter = run("sample", "--seed", 4, "-n", 10_001).out
    assert longer.startswith(shorter)
    assert longer.count(b"\n") == 1_200_000


def test_a_drawn_seed_is_told_and_reproduces_the_names(run: Run) -> None:
    first = run("sample", "-n", 50)
    seed = first.err.partition("seed ")[2].partition(",")[0]
    assert run("sample", "-n", 50, "--seed", seed).out == first.out
    assert run("sample", "-n", 50).out != first.out


def test_a_file_is_written_whole_or_not_at_all(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "names.txt"
    path.write_text("before")
    path.chmod(0o640)
    names = Draw.names

    def half(draw: Draw, first: int = 0) -> Iterator[Any]:
        yield next(names(draw, first))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Draw, "names", half)
        done = run("sample", "-n", 20_000, "-o", path)
    assert (done.code, done.err) == (1, "error: input or output: No space left on device\n")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    link = tmp_path / "link.txt"
    link.symlink_to(path)
    assert run("sample", "-n", 3, "-o", link).code == 0
    assert len(path.read_text().splitlines()) == 3
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_to_and_not_replaced(run: Run) -> None:
    assert run("sample", "-n", 3, "--format", "text", "-o", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()


def test_a_run_that_is_told_to_end_leaves_nothing_behind(tiny_store: Path, tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    with start(tiny_store, "-n", "1000000000", "-o", str(path)) as process:
        while not any(entry.stat().st_size for entry in tmp_path.iterdir()):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_has_enough_ends_it_quietly(tiny_store: Path) -> None:
    with start(tiny_store, "-n", "1000000000", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().decode().strip()
        process.stdout.close()
        assert process.wait(120) == 0
        assert process.stderr.read() == b""


def test_a_terminal_gets_a_bar_on_stderr(tiny_store: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with start(tiny_store, "-n", "3000000", "-o", str(tmp_path / "n.txt"), stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65_536):
                shown += data
        except OSError:  # how Linux says that the other side has closed
            pass
        assert process.wait(120) == 0
    os.close(ours)
    assert "━".encode() in shown
    assert b"3,000,000 names" in shown


def peak_kib(*arguments: str, store: Path) -> int:
    """Of the process itself."""
    program = (
        "import sys, service.cli as c\ntry: c.main()\nexcept SystemExit as e: assert not e.code\n"
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print(next(l.split()[1] for l in lines if l.startswith('VmHWM')), file=sys.stderr)"
    )
    environment = os.environ | {"NAMESMITH_STORE": str(store), "NAMESMITH_DEFAULT_MODEL": "tiny"}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stderr=subprocess.PIPE, timeout=300)
    return int(done.stderr)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
@pytest.mark.parametrize("form", ["text", "parquet"])
def test_memory_does_not_grow_with_the_names(tiny_store: Path, form: str) -> None:
    few, many = (
        peak_kib("sample", "-q", "-o", "/dev/null", "--format", form, "-n", count, store=tiny_store)
        for count in ("1500000", "4500000")
    )
    assert many - few < 16 * 1024  # 3 million names as text are some 22 MiB


def test_without_pyarrow_only_parquet_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    done = run("sample", "-o", tmp_path / "names.parquet")
    assert (done.code, done.err) == (1, "error: Parquet needs pyarrow, which is not installed: pip install pyarrow\n")
    assert list(tmp_path.iterdir()) == []
    assert run("sample", "-o", tmp_path / "names.csv").code == 0


def test_a_blend_is_asked_for_as_over_http(run: Run, both: TestClient) -> None:
    done = run("sample", "--model", "tiny*2+unlisted", "-n", 20, "--seed", 3)
    assert done.code == 0
    expected = both.post("/sample", json={"model": "tiny*2+unlisted", "n": 20, "seed": 3}).json()["names"]
    assert done.out.decode().splitlines() == expected
    assert run("sample", "--model", "tiny+nobody").code == 1
