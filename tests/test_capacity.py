"""docs/capacity.md: each derived figure follows from the measured ones, by arithmetic that is done here once more."""

import math
import re
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks.scale import capacity_tables
from benchmarks.scale.capacity_tables import Inputs, Output, Request, derived, inputs_of
from benchmarks.tools.tables import print_table
from service.settings import Settings
from tests.manifests import of_kind, pod_templates

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "capacity.md").read_text(encoding="utf-8")
CORES, GBIT, DISK = 32, 25, 10**9
DAY, HOUR = 86_400, 3_600
FULL = Fraction(7, 10)


def rows_under(title: str) -> dict[str, list[str]]:
    """The cells of a table by the first of their row, or by the first two where that repeats."""
    (table,) = re.findall(rf"^{re.escape(title)}.*?:\n\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    repeats = len({row[0] for row in rows}) < len(rows)
    return {" ".join(row[:2]): row[2:] for row in rows} if repeats else {row[0]: row[1:] for row in rows}


def number(cell: str) -> Fraction:
    return Fraction(cell.replace(",", ""))


def near(cell: str, value: Fraction) -> None:
    """With the digits that are shown: three, or all of a number above 100."""
    assert math.isclose(number(cell), value, rel_tol=6e-3), (cell, float(value))


REQUESTS = {name: (number(cpu) / 1000, number(size)) for name, (cpu, size) in rows_under("A request").items()}
OUTPUTS = {
    name: (number(cpu) / 10**6, number(size) if size != "–" else Fraction(0))
    for name, (cpu, size) in rows_under("A million names").items()
}
TRAINING, TRAINING_MIB, VERSION, WORKER, MODEL = (number(cell) for (cell,) in rows_under("Models and workers").values())


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_of_a_machine(name: str) -> None:
    seconds, size = REQUESTS[name]
    core, machine, network, first = rows_under("Requests a second")[name]
    near(core, FULL / seconds)
    near(machine, FULL / seconds * CORES)
    near(network, Fraction(GBIT * 10**9, 8) / size)
    assert first == ("processor" if number(machine) < number(network) else "network")


@pytest.mark.parametrize("rate", [10**3, 10**5, 10**7])
@pytest.mark.parametrize("name", REQUESTS)
def test_what_a_rate_takes(name: str, rate: int) -> None:
    seconds, size = REQUESTS[name]
    workers, machines, gib, gbit = rows_under("To answer so many")[f"{name} {rate:,}"]
    busy = rate * seconds / FULL
    assert number(workers) == math.ceil(busy)
    assert number(machines) == max(
        math.ceil(Fraction(math.ceil(busy), CORES)), math.ceil(rate * size * 8 / 10**9 / GBIT)
    )
    near(gib, math.ceil(busy) * WORKER / 1024)
    near(gbit, rate * size * 8 / 10**9)


@pytest.mark.parametrize("rate", [10**3, 10**5, 10**7])
def test_what_workers_ask_of_the_volume(rate: int) -> None:
    workers, looks, megabytes, seconds = rows_under("What their workers ask of the shared volume")[f"{rate:,}"]
    assert number(workers) == math.ceil(rate * next(iter(REQUESTS.values()))[0] / FULL)
    near(looks, number(workers) * 2)
    near(megabytes, number(workers) * VERSION)
    near(seconds, number(workers) * VERSION * 10**6 / DISK)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_million_million_names(name: str) -> None:
    seconds, size = OUTPUTS[name]
    days, hours, terabytes, written, filling, first = rows_under("10^12 names")[name]
    near(days, seconds * 10**12 / DAY)
    near(hours, seconds * 10**12 / HOUR / CORES)
    if not size:
        assert (terabytes, written, filling, first) == ("–", "–", "–", "processor")
        return
    near(terabytes, size)
    near(written, size * 10**12 / DISK / HOUR)
    near(filling, seconds / (size / DISK))
    assert first == ("disk" if seconds / CORES < size / DISK else "processor")


@pytest.mark.parametrize("count", [10**3, 10**5])
def test_many_models(count: int) -> None:
    (fitting,) = map(int, re.findall(r"^So many models, (\d+) in a pod:$", PAGE, re.MULTILINE))
    assert WORKER + (fitting - 1) * MODEL + 192 <= 2048 < WORKER + fitting * MODEL + 192
    hours, together, stored, pods = rows_under("So many models")[f"{count:,}"]
    near(hours, count * TRAINING / HOUR)
    near(together, count * TRAINING / HOUR / CORES)
    near(stored, count * VERSION / 1000)
    assert number(pods) == -(-count // fitting)


def test_the_tables_are_what_the_benchmark_prints_of_these_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    requests = {name: Request(float(seconds * 1000), float(size)) for name, (seconds, size) in REQUESTS.items()}
    outputs = {name: Output(float(seconds * 10**6), float(size)) for name, (seconds, size) in OUTPUTS.items()}
    inputs = Inputs(requests, outputs, *map(float, (TRAINING, TRAINING_MIB, VERSION, WORKER, MODEL)))
    for table in (*inputs_of(inputs), *derived(inputs)):
        print_table(*table)
        assert capsys.readouterr().out.strip() in PAGE, table[0]


def test_what_is_assumed_is_what_is_deployed() -> None:
    (scaler,), (deployment,) = of_kind("HorizontalPodAutoscaler"), of_kind("Deployment")
    (pod,) = pod_templates(deployment)
    (container,) = pod["spec"]["containers"]
    assert scaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == capacity_tables.UTILISATION * 100
    assert container["resources"]["limits"]["memory"] == f"{capacity_tables.POD_MIB // 1024}Gi"
    assert container["resources"]["requests"]["memory"] == "1Gi"
    assert WORKER < 1024 - capacity_tables.PLANS_MIB
    (training,) = pod_templates(of_kind("CronJob"))
    assert training["spec"]["containers"][0]["resources"]["requests"]["memory"] == "1Gi"
    assert TRAINING_MIB < 1024
    assert Settings.model_fields["plan_cache_mb"].default == capacity_tables.PLANS_MIB
    assert Settings.model_fields["poll_seconds"].default == capacity_tables.POLL_SECONDS
