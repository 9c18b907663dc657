"""A seed is a promise: 500 seeds of 1,000 names, the same however, wherever and beside whatever they are drawn.

Run as a script it makes the table of the bundled model and prints, as JSON, the hash of all names.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.compiler.dense_table import compile_table
from model.kernels.arrays import AliasRows
from model.kernels.random_numbers import MAX_SEED
from model.sampling import alias_rows
from model.sampling.sampler import Sampler
from model.store.store import BUNDLED, Store
from model.text.names import Names
from model.transitions.automaton import Transitions
from model.transitions.shaping import ShapeSettings

ROOT = Path(__file__).resolve().parents[3]
COUNT = 1_000
KNOWN = ("default", "avx2", "avx512")
OWN = torch.backends.cpu.get_cpu_capability().lower()
CAPABILITIES = KNOWN[: KNOWN.index(OWN) + 1] if OWN in KNOWN else KNOWN[:1]
"""Those that this processor has: told to use others, PyTorch would stop at an instruction that is not there."""
SHAPED = ShapeSettings(0.8, top_p=0.95, min_length=3, max_length=9)


def all_seeds() -> list[int | str]:
    chosen = random.Random(500)
    integers = [*range(100), *(2**k for k in range(7, 63)), MAX_SEED, MAX_SEED - 1]
    integers += [chosen.randrange(MAX_SEED) for _ in range(250 - len(integers))]
    letters = "abcXYZ 0189_é𐐨ß中"
    strings = [
        "",
        *map(str, range(50)),
        *("".join(chosen.choices(letters, k=chosen.randint(1, 64))) for _ in range(199)),
    ]
    return [*integers, *strings]


SEEDS = all_seeds()


def table_of_the_bundled_model() -> Transitions:
    return compile_table(Store(BUNDLED).load("us-names-classic").checkpoint)


def drawn(sampler: Sampler, seed: int | str, count: int = COUNT) -> Names:
    parts = list(sampler.draw(seed, count))
    assert len(parts) == 1
    return parts[0]


def hash_of(names: Names) -> bytes:
    return hashlib.sha256(names.symbols.tobytes() + names.ends.tobytes()).digest()


def digest(sampler: Sampler, seeds: Sequence[int | str] = SEEDS) -> str:
    """Of all names of all seeds, whatever the order in which they are drawn here."""
    hashes = {seed: hash_of(drawn(sampler, seed)) for seed in seeds}
    return hashlib.sha256(b"".join(hashes[seed] for seed in SEEDS if seed in hashes)).hexdigest()


def start_script(**environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass(frozen=True)
class Elsewhere:
    """What the scripts printed, by the capability that they were told to use."""

    scripts: dict[str, subprocess.Popen[str]]
    printed: dict[str, dict[str, str]]

    def __getitem__(self, name: str) -> dict[str, str]:
        if name not in self.printed:
            out, errors = self.scripts[name].communicate(timeout=120)
            assert self.scripts[name].returncode == 0, errors
            self.printed[name] = json.loads(out)
        return self.printed[name]


@pytest.fixture(scope="module", autouse=True)
def elsewhere() -> Iterator[Elsewhere]:
    """Started first, and waited for last."""
    scripts = {name: start_script(ATEN_CPU_CAPABILITY=name) for name in CAPABILITIES[1:]}
    scripts["default"] = start_script(ATEN_CPU_CAPABILITY="default", NPY_DISABLE_CPU_FEATURES=numpy_features())
    scripts["as it is"] = start_script()
    yield Elsewhere(scripts, {})
    for script in scripts.values():
        script.kill()
        script.communicate()


def numpy_features() -> str:
    """What numpy would use of this processor beyond the least that it needs."""
    numpy_core = np._core._multiarray_umath  # type: ignore[attr-defined]
    return " ".join(name for name in numpy_core.__cpu_dispatch__ if numpy_core.__cpu_features__[name])


@pytest.fixture(scope="module")
def table() -> Transitions:
    return table_of_the_bundled_model()


@pytest.fixture(scope="module")
def sampler(table: Transitions) -> Sampler:
    return Sampler(table, ShapeSettings())


@pytest.fixture(scope="module")
def promised(sampler: Sampler) -> str:
    return digest(sampler)


def test_there_are_500_seeds_and_their_names_differ(sampler: Sampler) -> None:
    assert len(SEEDS) == len(set(SEEDS)) == 500
    assert sum(isinstance(seed, str) for seed in SEEDS) == 250
    assert len({hash_of(drawn(sampler, seed)) for seed in SEEDS}) == 500


def test_fewer_names_are_the_first_of_more(sampler: Sampler) -> None:
    for seed in SEEDS:
        whole = drawn(sampler, seed)
        for count in (1, 2, 15, 16, 17, 63, 64, 65, 333, 999):
            part = drawn(sampler, seed, count)
            assert len(part) == count
            assert part.ends.tobytes() == whole.ends[: count + 1].tobytes()
            assert part.symbols.tobytes() == whole.symbols[: whole.ends[count]].tobytes()


@pytest.mark.parametrize("seed", [0, MAX_SEED, "0"], ids=repr)
def test_any_number_of_names_up_to_1_000_are_the_first_of_1_000(sampler: Sampler, seed: int | str) -> None:
    whole = drawn(sampler, seed)
    for count in range(1, COUNT + 1):
        part = drawn(sampler, seed, count)
        assert part.ends.tobytes() == whole.ends[: count + 1].tobytes()
        assert part.symbols.tobytes() == whole.symbols[: whole.ends[count]].tobytes()


def test_a_sampler_that_has_its_rows_and_a_fresh_one_draw_the_same(
    table: Transitions, sampler: Sampler, promised: str
) -> None:
    """Seeds in the other order, too, so that rows are made in another one."""
    assert digest(sampler) == promised
    assert digest(Sampler(table, ShapeSettings())) == promised
    assert digest(Sampler(table, ShapeSettings()), SEEDS[::-1]) == promised
    for seed in SEEDS[::50]:
        fresh = Sampler(table, ShapeSettings())
        assert hash_of(drawn(fresh, seed)) == hash_of(drawn(sampler, seed)) == hash_of(drawn(fresh, seed))


@pytest.mark.parametrize("rows", [0, 64], ids="{} rows".format)
def test_a_sampler_with_hardly_any_room_for_rows_draws_the_same(
    rows: int, table: Transitions, sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All characters, or most, are then weighed anew."""
    monkeypatch.setattr(alias_rows, "MAX_BYTES", 0)
    monkeypatch.setattr(alias_rows, "_FEWEST", rows)
    some, cramped = SEEDS[::20], Sampler(table, ShapeSettings())
    assert digest(cramped, some) == digest(sampler, some)
    assert digest(cramped, some) == digest(sampler, some)


def test_a_row_leads_nowhere_until_its_links_are_written(table: Transitions, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room for rows is full of what lay there before, and threads may read a row as soon as another leads to it."""
    on_lines, seen = alias_rows._on_lines, []

    def dirty(*shape: Any) -> NDArray[Any]:
        room = on_lines(*shape)
        room.fill(0x7FFF)
        return room

    def before_links(count: int, rows: AliasRows) -> None:
        width = rows.fine.shape[1]
        seen.append(rows.near[:count, width : width + rows.size].any())

    monkeypatch.setattr(alias_rows, "_on_lines", dirty)
    monkeypatch.setattr("model.kernels.rows.link_rows", before_links)
    Sampler(table, ShapeSettings()).get_ready()
    assert seen == [False]


@pytest.mark.parametrize("shared", [True, False], ids=["one sampler", "two samplers"])
def test_two_threads_at_once_draw_what_one_draws(table: Transitions, shared: bool, promised: str) -> None:
    """Both begin with nothing made, one at the last seed, and make rows under each other's eyes."""
    for _ in range(2):
        first = Sampler(table, ShapeSettings())
        second = first if shared else Sampler(table, ShapeSettings())
        barrier = Barrier(2)

        def work(sampler: Sampler, seeds: list[int | str], barrier: Barrier = barrier) -> str:
            barrier.wait()
            return digest(sampler, seeds)

        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(work, (first, second), (SEEDS, SEEDS[::-1])))
        assert found == [promised] * 2


def test_a_fresh_process_draws_the_same(promised: str, elsewhere: Elsewhere) -> None:
    assert elsewhere["as it is"]["plain"] == promised


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_tables_made_by_other_instructions_give_the_same_names(
    capability: str, promised: str, table: Transitions, elsewhere: Elsewhere
) -> None:
    """The tables themselves may differ in their last bits; with the least of them numpy does without, too."""
    found = elsewhere[capability]
    assert found["capability"] == capability.upper()
    assert found["plain"] == promised
    assert found["shaped"] == digest(Sampler(table, SHAPED), SEEDS[::5])


def test_the_scripts_did_use_other_instructions(elsewhere: Elsewhere) -> None:
    """Where there is a choice, at least one table differs in some bit: else the test above would show nothing."""
    if elsewhere["as it is"]["capability"] == "DEFAULT":
        pytest.skip("this processor leaves no choice")
    assert len({elsewhere[name]["table"] for name in CAPABILITIES}) > 1


def main() -> None:
    table = table_of_the_bundled_model()
    printed = {
        "capability": torch.backends.cpu.get_cpu_capability(),
        "table": hashlib.sha256(table.log_probs.tobytes()).hexdigest(),
        "plain": digest(Sampler(table, ShapeSettings())),
        "shaped": digest(Sampler(table, SHAPED), SEEDS[::5]),
    }
    sys.stdout.write(json.dumps(printed))


if __name__ == "__main__":
    main()
