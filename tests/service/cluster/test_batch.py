"""Folders of many files: the bytes are those of one machine, whoever makes them and whoever dies."""

import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from ray.exceptions import AuthenticationError

from service import cli
from service.bulk.formats import FileFormat
from service.catalog import pinned_versions
from service.cluster import jobs
from service.cluster.connecting import ClusterError
from service.cluster.folders import PARTS_FILE, RUN_FILE, SUCCESS_FILE
from service.cluster.parts import made
from service.cluster.sampling import SampleJob
from service.http.requests import SampleRequest
from tests.running import BUNDLED

NAMES, PART = 60_000, 7_000
CONNECTED = "the cluster that this process is connected to"
Run = Callable[..., str]
pytestmark = [
    pytest.mark.usefixtures("nodes"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),  # of its own settings
]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `python -m service` with these arguments; returns what it prints on stderr."""
    monkeypatch.setenv("NAMESMITH_BUNDLED_STORE", str(BUNDLED))
    monkeypatch.setenv("NAMESMITH_STORE", str(tmp_path / "own"))
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["service", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capsys.readouterr().err
        assert end.value.code == code, told
        return told

    return command


def sampling(folder: Path | str, *others: object, seed: int = 7) -> list[object]:
    asked = ["sample", "-n", NAMES, "--seed", seed, "--output", folder, "--cluster", CONNECTED, "--part-names", PART]
    return [*asked, *others]


def contents(folder: Path) -> dict[str, str]:
    """A digest of every file, by its path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in paths}


def test_the_parts_of_a_list_are_its_names_in_order(run: Run, tmp_path: Path) -> None:
    told = run(*sampling("parts", "--format", "text"))
    run("sample", "-n", NAMES, "--seed", 7, "--output", "one.txt")
    parts = sorted((tmp_path / "parts").glob("part-*.txt"))
    assert [part.name for part in parts] == [f"part-{number:06d}.txt" for number in range(9)]
    assert b"".join(part.read_bytes() for part in parts) == (tmp_path / "one.txt").read_bytes()
    assert told.startswith("9 files, 60,000 names, model us-names ")
    assert "seed 7" in told


def test_one_two_and_four_workers_give_the_same_folder(run: Run, tmp_path: Path) -> None:
    for workers in (1, 2, 4):
        run(*sampling(f"by-{workers}", "--format", "parquet", "--details", "--workers", workers))
    one = contents(tmp_path / "by-1")
    assert len(one) == 9 + 1
    assert one == contents(tmp_path / "by-2") == contents(tmp_path / "by-4")


def writer_of_a_part(folder: Path) -> int | None:
    """A process that has a file open that is to become a part, so that it is making it right now."""
    for descriptors in Path("/proc").glob("[0-9]*/fd"):
        try:
            for link in descriptors.iterdir():
                if str(link.readlink()).startswith(f"{folder}/.part-"):
                    return int(descriptors.parent.name)
        except OSError:  # gone, or somebody else's
            continue
    return None


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_worker_changes_nothing(run: Run, tmp_path: Path) -> None:
    ours, folder = tmp_path / "ours", (tmp_path / "killed").resolve()
    big = ["--format", "ndjson", "--details", "--part-names", NAMES // 3]
    run(*sampling(ours, *big))
    with ThreadPoolExecutor() as pool:
        done = pool.submit(jobs.run, job_of(folder, NAMES // 3), CONNECTED, 2, lambda *_: None)
        killed = None
        while killed is None and not done.done():
            killed = writer_of_a_part(folder)
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        until = time.monotonic() + 20
        while Path(f"/proc/{killed}").exists() and time.monotonic() < until:
            time.sleep(0.01)
        left = list(folder.glob(".part-*"))
        assert done.result().names == NAMES
    assert left, "it was making a part when it was killed"
    assert contents(folder) == contents(ours)


def job_of(folder: Path, part_names: int) -> SampleJob:
    request = SampleRequest(n=1, seed=7, details=True)
    pinned = pinned_versions.current(None, Path(os.environ["NAMESMITH_STORE"]))
    return SampleJob(pinned, folder, request, NAMES, part_names, FileFormat.NDJSON)


def test_an_interrupted_run_does_not_look_complete_and_goes_on(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    job = job_of(folder, PART)

    def stop(names: int, _: float | None) -> None:
        if names >= 3 * PART:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jobs.run(job, CONNECTED, 1, stop)
    assert not (folder / SUCCESS_FILE).exists()
    done = (folder / PARTS_FILE).read_text().count("\n")
    assert 3 <= done < job.parts
    (folder / "part-000001.ndjson").unlink()  # whatever is missing is made again
    before = {path: path.stat().st_mtime_ns for path in folder.glob("part-*")}
    counts: list[int] = []
    jobs.run(job, CONNECTED, 2, lambda names, _: counts.append(names))
    assert len(counts) == job.parts - done + 1
    assert {SUCCESS_FILE} == {name for name in contents(folder) if not name.startswith("part-")}
    assert sum(path.stat().st_mtime_ns == before.get(path) for path in folder.glob("part-*")) >= done - 1
    run(*sampling("whole", "--format", "ndjson", "--details"))
    assert contents(folder) == contents(tmp_path / "whole")


def test_a_complete_folder_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    told = run(*sampling("parts", "--format", "csv"))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").iterdir()}
    assert run(*sampling("parts", "--format", "csv")) == told
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").iterdir()} == before
    assert not (tmp_path / "parts" / RUN_FILE).exists()
    other = run(*sampling("parts", "--format", "csv", seed=8), code=1)
    assert other.startswith("error: ")
    assert "holds a different run (request differs): choose another folder, or empty this one" in other


def test_a_seed_that_was_drawn_is_kept(run: Run) -> None:
    asked = ["sample", "-n", 50, "--output", "parts", "--format", "text", "--cluster", CONNECTED]
    told = run(*asked)
    assert run(*asked) == told


def test_every_file_of_a_folder_gets_the_scores_that_it_would_get_alone(run: Run, tmp_path: Path) -> None:
    source, alone = tmp_path / "names", tmp_path / "alone"
    (source / "2024" / "_tmp").mkdir(parents=True)
    (source / "2024" / "_tmp" / "half.txt").write_text("unseen\n")
    (source / ".hidden.txt").write_text("unseen\n")
    (source / "_SUCCESS").write_text("")
    for number, ending in enumerate(["txt", "csv", "ndjson", "parquet"]):
        run("sample", "-n", 3_000 + number, "--seed", number, "--output", source / "2024" / f"names.{ending}")
        (source / "2024" / f"names.{ending}").rename(source / "2024" / f"{number}.{ending}")
    (source / "people.csv").write_text("name,born\nEmma,1990\nZoë,1991\n")
    told = run("score", source, "--output", "scored", "--cluster", CONNECTED, "--unknown", "skip")
    assert told.startswith("5 files, 12,008 names, model us-names ")
    assert told.rstrip().endswith("1 skipped")
    results = contents(tmp_path / "scored")
    files = [path for path in source.rglob("[0-9p]*.*") if path.is_file() and "_tmp" not in path.parts]
    assert len(files) == 5
    alone.mkdir()
    for file in files:
        name = file.relative_to(source).with_suffix(".csv" if file.suffix == ".txt" else file.suffix)
        run("score", file, "--output", alone / name.name, "--unknown", "skip")
        assert results.pop(name.as_posix()) == sha256((alone / name.name).read_bytes()).hexdigest()
    assert results.keys() == {SUCCESS_FILE}


def test_what_is_wrong_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "a.txt").write_text("emma\nzoë\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("")
    scoring = ["score", "names", "--cluster", CONNECTED, "--output"]
    wrong: list[tuple[list[object], int, str]] = [
        ([*scoring, "scored"], 1, "a.txt: line 2: "),
        ([*scoring, "names/scored"], 2, "--output: choose a folder other than"),
        ([*scoring, "-"], 2, "--output: give a folder"),
        ([*scoring, "full"], 1, "full is not empty: choose another folder"),
        (["score", "full/thesis.txt", *scoring[2:], "x"], 1, "thesis.txt: Not a directory"),
        (["score", *scoring[2:], "x"], 2, "--cluster: give a folder of files instead of stdin"),
        (sampling("x"), 2, "--format: choose one"),
        (sampling("x", "--format", "text", "--unique"), 2, "--unique: a cluster cannot draw names without repeats"),
        (sampling("x", "--format", "text", "--prefix", "qqqq", "--max-length", 3), 1, "no name of 1 to 3"),
        (["sample", "--workers", 2], 2, "--workers: only works with --cluster"),
    ]
    for arguments, code, what in wrong:
        said = run(*arguments, code=code)
        assert said.startswith("error: ")
        assert what in said
        assert said.count("\n") == 1
    assert not (tmp_path / "scored" / SUCCESS_FILE).exists()
    assert not (tmp_path / "x").exists()


def test_a_cluster_that_cannot_be_reached_is_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    said = run("sample", "--output", "x", "--format", "text", "--cluster", "127.0.0.1:1", code=1)
    assert said.startswith("error: no cluster at 127.0.0.1:1: connection refused; `ray start --head` starts one")
    said = run("sample", "--output", "x", "--format", "text", "--cluster", "no address", code=1)
    assert said.startswith("error: no cluster at no address: ")


def test_a_cluster_that_asks_for_a_token_is_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AuthenticationError("pages of text\nand more")

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", refuse)
    said = run("sample", "--output", "x", "--format", "text", "--cluster", "auto", code=1)
    assert said.startswith("error: no access to the cluster at auto: it requires a token: set RAY_AUTH_MODE=token")


def test_workers_use_the_version_that_was_current_at_the_start(publish: Callable[..., str], tmp_path: Path) -> None:
    store = tmp_path / "own"
    publish(store, "toy", facts={"version": 1})
    pinned = pinned_versions.current("toy", store)
    newer = publish(store, "toy", facts={"version": 2})
    assert pinned.digests["toy"] != newer
    assert pinned_versions.load(pinned).get("toy").digest == pinned.digests["toy"]
    (tmp_path / "parts").mkdir()
    job = SampleJob(pinned, tmp_path / "parts", SampleRequest(n=1, seed=1, model="toy"), 10, 5, FileFormat.TEXT)
    assert [part.number for part in sorted(made(job, [0, 1], 1), key=lambda part: part.number)] == [0, 1]


def test_a_node_without_the_version_says_so(publish: Callable[..., str], tmp_path: Path) -> None:
    publish(tmp_path / "own", "toy")
    pinned = pinned_versions.current("toy", tmp_path / "own")
    (tmp_path / "own").rename(tmp_path / "elsewhere")
    job = SampleJob(pinned, tmp_path, SampleRequest(n=1, seed=1, model="toy"), 10, 10, FileFormat.TEXT)
    with pytest.raises(ClusterError, match=r"every node needs the store, at the same path"):
        list(made(job, [0], 1))


def test_files_of_a_folder_that_would_get_one_name_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "a.txt").write_text("emma\n")
    (tmp_path / "names" / "a.csv").write_text("name\nemma\n")
    said = run("score", "names", "--output", "scored", "--cluster", CONNECTED, code=1)
    assert "a.csv and a.txt would both become a.csv" in said
