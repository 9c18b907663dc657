"""The same names from every worker, before and after a restart, whatever the number asked for."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx

from service.answers.sample import prepare
from service.catalog.hot_swap import load_catalog
from service.http.requests import SampleRequest
from service.http.responses import SampleResponse
from service.settings import Settings
from tests.running import BUNDLED, ROOT, running

SEEDS: list[int | str] = [*range(250), *(f"seed {i}" for i in range(250))]


def digest(answers: list[list[str]]) -> str:
    return hashlib.sha256("\n".join(",".join(names) for names in answers).encode()).hexdigest()


def counts() -> list[int]:
    """How many names each seed is asked for: 1 to 1000, every size twice over the seeds or so."""
    return [1 + (i * 397) % 1000 for i in range(len(SEEDS))]


def ask(url: str) -> list[list[str]]:
    """Each seed over a connection of its own, so that every worker gets its share."""
    answers = []
    with httpx.Client(base_url=url, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        for seed, n in zip(SEEDS, counts(), strict=True):
            answer = client.post("/sample", json={"seed": seed, "n": n})
            assert answer.status_code == 200, answer.text
            answers.append(answer.json()["names"])
    return answers


def test_500_seeds_give_one_hash_over_workers_and_restarts(tmp_path: Path) -> None:
    catalog = load_catalog(Settings(store=ROOT / "tests", bundled_store=BUNDLED))
    longest = [
        SampleResponse.model_validate_json(prepare(catalog, SampleRequest(seed=seed, n=1000)).json()).names
        for seed in SEEDS
    ]
    expected = digest([names[:n] for names, n in zip(longest, counts(), strict=True)])
    for workers in (2, 1):
        with running(ROOT / "tests", tmp_path / f"{workers}.log", workers) as service:
            before = service.ticks()
            assert len(before) == workers
            assert digest(ask(service.url)) == expected
            assert all(used > before[pid] for pid, used in service.ticks().items()), "some worker answered nothing"


PRINT_HASH = "from tests.test_workers import all_names, digest; print(digest(all_names()))"


def all_names() -> list[list[str]]:
    """What each seed gives in this process, which makes the table from the network."""
    catalog = load_catalog(Settings(store=ROOT / "tests", bundled_store=BUNDLED))
    answers = (prepare(catalog, SampleRequest(seed=seed, n=200)).json() for seed in SEEDS)
    return [SampleResponse.model_validate_json(answer).names for answer in answers]


def test_500_seeds_give_one_hash_over_instruction_sets_and_threads() -> None:
    """PyTorch chooses its kernels by the processor, and splits sums among threads."""
    kinds = [{"ATEN_CPU_CAPABILITY": kind, "OMP_NUM_THREADS": "1"} for kind in ("default", "avx2", "avx512")]
    kinds.append({"OMP_NUM_THREADS": "2"})
    hashes = set()
    for variables in kinds:
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
        done = subprocess.run(
            [sys.executable, "-c", PRINT_HASH], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        hashes.add(done.stdout)
    assert hashes == {digest(all_names()) + "\n"}
