"""Every command, program and answer that README.md and docs/ show, but for those in ELSEWHERE, each with its reason.

Training runs have a few steps on a short list here, and what begins with `python -m training` runs in a fork of a
process that has imported it; all else is what a reader types.
"""

import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest

from tests.documentation import ROOT, run_shell
from tests.running import free_port
from training.recipe.stacks import tanh_stack

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ADDRESS = "http://127.0.0.1:8000"
MORE = "…"
DOCKER = "tests/test_docker.py runs the containers where there is an engine"
CLUSTER = "needs a cluster; tests/test_kubernetes.py and tests/test_kubernetes_in_use.py read what it is told"
ROOT_NEEDED = "needs root and systemd; tests/test_deploy.py has systemd read the unit"
ELSEWHERE = {
    ("README.md", "scripts/serve"): "does not end; it is what starts the service that the commands here ask",
    ("docs/start.md", "scripts/serve"): "the same",
    ("README.md", "docker compose up"): DOCKER,
    ("docs/capacity.md", "scripts/bench capacity"): "minutes of load; tests/test_capacity.py derives its tables",
    ("docs/client.md", "pip install ./client"): "tests/client/test_documentation.py installs it",
    ("docs/cluster.md", "scripts/venv ray"): "installs; it is what the tests of the cluster run with",
    (
        "docs/cluster.md",
        "export PYTHONPATH=",
    ): "needs machines; tests/service/cluster/test_serving.py starts nodes here",
    ("docs/cluster.md", "serve deploy"): "needs nodes; tests/service/cluster/test_configuration.py reads the file",
    ("docs/cluster.md", "python -m service sample"): "tests/service/cluster/test_documentation.py runs the commands",
    ("docs/command-line.md", "python -m service sample"): "tests/service/commands/test_documentation.py runs the page",
    ("docs/command-line.md", "printf 'emma"): "tests/service/commands/test_documentation.py runs the page",
    ("docs/dependencies.md", "export NAMESMITH_TORCH_INDEX="): "an address that a person looks up",
    (
        "docs/deploy.md",
        "export NAMESMITH_TRUSTED_PROXIES=",
    ): f"{DOCKER}; tests/reliability/test_rollout.py runs the proxy",
    ("docs/deploy.md", "old=$(docker compose"): f"{DOCKER}; tests/reliability/test_rollout.py rolls without them",
    ("docs/deploy.md", "useradd --system"): ROOT_NEEDED,
    ("docs/deploy.md", "sudo -u namesmith"): ROOT_NEEDED,
    ("docs/deploy.md", "cp deploy/systemd/namesmith-train"): ROOT_NEEDED,
    ("docs/kubernetes.md", "docker build -t namesmith:"): CLUSTER,
    ("docs/kubernetes.md", "kubectl create secret"): CLUSTER,
    ("docs/kubernetes.md", "kubectl create configmap"): CLUSTER,
    ("docs/kubernetes.md", "kubectl exec"): CLUSTER,
    ("docs/kubernetes.md", "docker build -t namesmith-ray:"): CLUSTER,
    ("docs/performance.md", "scripts/bench http"): "minutes of load on a machine that does nothing else",
    ("docs/training.md", "scripts/venv ray"): "tests/training/cluster/test_lists.py runs such on a cluster",
    ("docs/supply-chain.md", "pip install --require-hashes"): "scripts/venv does so; see tests/test_supply_chain.py",
}
"""Blocks by their page and beginning, with where they are run, or why nowhere."""
PROGRAMS_ELSEWHERE = {"docs/client.md": "tests/client/test_documentation.py"}
FEWER = {
    "--learning-rate 0.003:0.1:6 --seed 1,2,3": "--learning-rate 0.003:0.1:2 --seed 1,2 --steps 3",
    "train-all lists --json": "train-all lists --steps 60 --json",
}
"""What would take minutes, and what is done instead."""
TRAIN = """#!/usr/bin/env bash
case " $* " in *" best "*) set -- "$@" --preset fast ;; esac # its teachers keep their steps
exec .venv/bin/python -m training train "$@" --steps 12 --force
"""
PYTHON = """#!/usr/bin/env bash
[ "${1-} ${2-}" != "-m training" ] || exec {python} -SE {root}/tests/forked.py {socket} "${@:2}"
exec {python} "$@"
"""


class Block(NamedTuple):
    language: str
    text: str


def path_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = [Block(*each) for each in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]
    assert len(found) * 2 == len(re.findall(r"^ *```", text, re.MULTILINE)), f"{page} has a block that is not seen"
    return found


BLOCKS = {path_of(page): blocks_of(page) for page in PAGES}


def left_out(page: str, block: Block) -> bool:
    return block.language == "sh" and any(p == page and block.text.startswith(begin) for p, begin in ELSEWHERE)


def run_here(page: str) -> list[int]:
    return [i for i, block in enumerate(BLOCKS[page]) if block.language == "sh" and not left_out(page, block)]


def agrees(said: Any, true: Any) -> bool:
    """Whether an answer is as a page shows it, with fields left out, `…` for the rest, and numbers rounded."""
    if isinstance(said, dict):
        return isinstance(true, dict) and all(key in true and agrees(said[key], true[key]) for key in said)
    if isinstance(said, list):
        whole = said[-1:] != [MORE]
        shown = said if whole else said[:-1]
        fits = isinstance(true, list) and (len(true) == len(shown) if whole else len(true) > len(shown))
        return fits and all(agrees(one, other) for one, other in zip(shown, true, strict=False))
    if isinstance(said, float):
        return isinstance(true, float) and math.isclose(said, true, rel_tol=1e-3)
    if isinstance(said, str) and said.endswith(MORE):
        return isinstance(true, str) and true.startswith(said.removesuffix(MORE))
    return type(said) is type(true) and bool(said == true)


def reads_like(said: str, true: str) -> bool:
    """The same for text: what stands between `…` is there, in this order."""
    pieces = [re.escape(piece.strip("\n")) for piece in said.split(MORE)]
    return re.fullmatch(".*".join(pieces), true.strip("\n"), re.DOTALL) is not None


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages use of a checkout, with a short list and hurried training; the code is that of this one."""
    bench = tmp_path_factory.mktemp("bench")
    (bench / ".venv" / "bin").mkdir(parents=True)
    for program in Path(sys.executable).parent.iterdir():
        if program.name != "python":
            (bench / ".venv" / "bin" / program.name).symlink_to(program)
    (bench / "scripts").mkdir()
    (bench / "scripts" / "train").write_text(TRAIN)
    (bench / "scripts" / "train").chmod(0o755)
    (bench / "data").mkdir()
    rows = (ROOT / "data" / "us-names.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (bench / "data" / "us-names.csv").write_text("".join(rows[:400]), encoding="utf-8")
    towns = sorted({row.partition(",")[0].lower() for row in rows[1:120]})
    (bench / "towns.txt").write_text("\n".join(towns) + "\n", encoding="utf-8")
    (bench / "layers.json").write_text(json.dumps(tanh_stack(len(set("".join(towns))) + 1, 8, dim=4, width=12)))
    return bench


@pytest.fixture(scope="module")
def _training(bench: Path) -> Iterator[None]:
    """`.venv/bin/python -m training` in forks; see forked.py."""
    socket = bench / "forks"
    command = [sys.executable, "-m", "tests.forked", str(socket)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        try:
            until = time.monotonic() + 120
            while not socket.exists():
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
            shim = bench / ".venv" / "bin" / "python"
            text = PYTHON.replace("{python}", sys.executable).replace("{root}", str(ROOT))
            shim.write_text(text.replace("{socket}", str(socket)))
            shim.chmod(0o755)
            yield
        finally:
            process.kill()


@pytest.fixture(scope="module")
def environment(bench: Path, _training: None) -> dict[str, str]:
    return {"NAMESMITH_STORE": str(bench / "own"), "NAMESMITH_SNAPSHOTS": str(bench / "runs"), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def url(bench: Path, environment: dict[str, str]) -> Iterator[str]:
    """Of a service that `scripts/serve` starts."""
    port = free_port()
    command = [str(ROOT / "scripts" / "serve"), "--port", str(port)]
    with (bench / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=bench, env=os.environ | environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                with urlopen(f"http://127.0.0.1:{port}/readyz"):
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < until, (bench / "log").read_text()  # noqa: PT018
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.parametrize("page", [page for page in BLOCKS if run_here(page)])
def test_the_commands_run_and_answer_as_shown(page: str, bench: Path, environment: dict[str, str], url: str) -> None:
    script = 'curl() { command curl --silent --show-error --fail-with-body --max-time 60 "$@"; }\n'
    for number in run_here(page):
        text = BLOCKS[page][number].text
        if '"status": 4' in after(page, number, "json"):
            text = text.rstrip() + " || true\n"
        for said, done in FEWER.items():
            text = text.replace(said, done)
        for model in re.findall(r"[?&]model=([\w-]+)", text):  # a second later it is there
            script += (
                f"for _ in $(seq 100); do curl {ADDRESS}/models/{model} >/dev/null 2>&1 && break; sleep 0.2; done\n"
            )
        script += f"printf '\\n@@{number}\\n'\n{text}"
    printed = run_shell(script.replace(ADDRESS, url), bench, **environment)
    answers = {int(number): text for number, text in re.findall(r"@@(\d+)\n(.*?)(?=\n@@|\Z)", printed, re.DOTALL)}
    assert list(answers) == run_here(page)
    for number, answer in answers.items():
        if said := after(page, number, "json"):
            assert agrees(json.loads(said), json.loads(answer)), (said, answer[:2000])
        if said := after(page, number, "text"):
            assert reads_like(said, answer), (said, answer[:2000])


def after(page: str, number: int, language: str) -> str:
    """The block after this one, if it is of that language: the answer to the last command."""
    following = BLOCKS[page][number + 1 : number + 2]
    return following[0].text if following and following[0].language == language else ""


def test_the_programs_run_and_print_what_is_shown(bench: Path, environment: dict[str, str]) -> None:
    seen = 0
    for page, blocks in BLOCKS.items():
        for number, block in enumerate(blocks):
            if block.language == "python" and page not in PROGRAMS_ELSEWHERE:
                (bench / "program.py").write_text(block.text, encoding="utf-8")
                assert after(page, number, "text")
                assert reads_like(after(page, number, "text"), run_shell("python program.py", bench, **environment))
                seen += 1
    assert seen


def test_no_block_is_of_a_kind_that_nobody_looks_at() -> None:
    for page, blocks in BLOCKS.items():
        for i, block in enumerate(blocks):
            assert block.language in ("sh", "python", "json", "text"), page
            if block.language == "json":
                assert i, page
                assert blocks[i - 1].language == "sh", f"{page}: an answer without a request"


def test_the_list_of_exceptions_is_not_stale() -> None:
    for (page, begin), reason in ELSEWHERE.items():
        matching = [block for block in BLOCKS[page] if block.language == "sh" and block.text.startswith(begin)]
        assert len(matching) == 1, (page, begin)
        for test in re.findall(r"tests/[\w/]+\.py", reason):
            assert (ROOT / test).exists(), test
    for page, test in PROGRAMS_ELSEWHERE.items():
        assert any(block.language == "python" for block in BLOCKS[page])
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")
    everything = "".join(block.text for blocks in BLOCKS.values() for block in blocks)
    assert all(said in everything for said in FEWER)


def test_answers_are_compared_in_earnest() -> None:
    assert agrees({"a": [1, MORE], "b": "ab…"}, {"a": [1, 2], "b": "abc", "c": 1})
    assert not agrees({"a": [1]}, {"a": [1, 2]})
    assert not agrees({"a": [1, MORE]}, {"a": [1]})
    assert not agrees({"a": 1.01}, {"a": 1.02})
    assert not agrees({"a": False}, {"a": 0})
    assert not agrees({"a": None}, {})
    assert reads_like("a\n…\nc\n", "a\nb\nc\n")
    assert not reads_like("a\nb\n", "a\nb\nc\n")
