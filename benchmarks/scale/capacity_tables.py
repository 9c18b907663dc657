"""What measured costs come to at scale: each table by formulas from the inputs and from the machine that is assumed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, floor

from benchmarks.tools.tables import quantity

UTILISATION = 0.7
"""Of a core, so that requests do not wait; as the autoscaler of deploy/kubernetes has it."""
CORES, NETWORK_GBIT, DISK_MB = 32, 25, 1000
"""Of a machine, as clouds lend them; the disk's megabytes (10^6) are those a second."""
POD_MIB, PLANS_MIB = 2048, 192
"""What a pod may take, and what of it is for prepared samplers (NAMESMITH_PLAN_CACHE_MB)."""
POLL_SECONDS = 0.5
RATES = (1_000, 100_000, 10_000_000)
NAMES = 10**12
MODELS = (1_000, 100_000)
_DAY = 86_400

Table = tuple[str, list[str], list[list[str]]]
"""A title, columns and rows."""


@dataclass(frozen=True)
class Request:
    cpu_ms: float
    bytes: float
    """In and out, headers included."""


@dataclass(frozen=True)
class Output:
    cpu_seconds: float
    """For a million names."""
    bytes: float
    """A name, in the file; 0 where nothing is written."""


@dataclass(frozen=True)
class Inputs:
    """What was measured, by what it was measured of."""

    requests: Mapping[str, Request]
    outputs: Mapping[str, Output]
    training_cpu_seconds: float
    training_mib: float
    version_mb: float
    worker_mib: float
    model_mib: float


def inputs_of(inputs: Inputs) -> Iterator[Table]:
    rows = [[name, quantity(each.cpu_ms), quantity(each.bytes)] for name, each in inputs.requests.items()]
    yield "A request, in a worker under load:", ["request", "processor ms", "bytes in and out"], rows
    rows = [
        [name, quantity(each.cpu_seconds), quantity(each.bytes) if each.bytes else "–"]
        for name, each in inputs.outputs.items()
    ]
    yield "A million names:", ["written as", "processor s", "bytes a name"], rows
    facts = [
        ["a model trained with `fast`, judged and published: processor s", quantity(inputs.training_cpu_seconds)],
        ["the same: peak MiB", quantity(inputs.training_mib)],
        ["its version in the store, MB", quantity(inputs.version_mb)],
        ["a worker with one model, MiB", quantity(inputs.worker_mib)],
        ["each further model, MiB", quantity(inputs.model_mib)],
    ]
    yield "Models and workers:", ["what", "measured"], facts


def derived(inputs: Inputs) -> Iterator[Table]:
    yield _machine(inputs)
    yield _rates(inputs)
    yield _followers(inputs)
    yield _names(inputs)
    yield _models(inputs)


def _machine(inputs: Inputs) -> Table:
    rows = []
    for name, each in inputs.requests.items():
        by_cpu = UTILISATION / each.cpu_ms * 1000 * CORES
        by_network = NETWORK_GBIT * 1e9 / 8 / each.bytes
        first = "processor" if by_cpu < by_network else "network"
        rows.append([name, quantity(by_cpu / CORES), quantity(by_cpu), quantity(by_network), first])
    columns = ["request", "a second and core", "a machine, by processor", "by network", "full first"]
    return "Requests a second:", columns, rows


def _rates(inputs: Inputs) -> Table:
    rows = []
    for name, each in inputs.requests.items():
        for rate in RATES:
            workers = _workers(rate, each)
            gbit = rate * each.bytes * 8 / 1e9
            gib = workers * inputs.worker_mib / 1024
            machines = ceil(max(workers / CORES, gbit / NETWORK_GBIT))
            rows.append([name, f"{rate:,}", f"{workers:,}", f"{machines:,}", quantity(gib), quantity(gbit)])
    return "To answer so many:", ["request", "a second", "workers", "machines", "GiB of memory", "Gbit/s"], rows


def _followers(inputs: Inputs) -> Table:
    name, each = next(iter(inputs.requests.items()))
    rows = []
    for rate in RATES:
        workers = _workers(rate, each)
        megabytes = workers * inputs.version_mb
        row = [f"{rate:,}", f"{workers:,}", quantity(workers / POLL_SECONDS), quantity(megabytes)]
        rows.append([*row, quantity(megabytes / DISK_MB)])
    columns = ["a second", "workers", "looks a second", "MB read after a publish", "s for it"]
    return f"What their workers ask of the shared volume ({name}):", columns, rows


def _names(inputs: Inputs) -> Table:
    rows = []
    for name, each in inputs.outputs.items():
        core_seconds = each.cpu_seconds * NAMES / 1e6
        row = [name, quantity(core_seconds / _DAY), quantity(core_seconds / CORES / 3600)]
        if each.bytes:
            disk_seconds = each.bytes * NAMES / (DISK_MB * 1e6)
            first = "processor" if core_seconds / CORES > disk_seconds else "disk"
            written = [quantity(each.bytes * NAMES / 1e12), quantity(disk_seconds / 3600)]
            row += [*written, quantity(core_seconds / disk_seconds), first]
        else:
            row += ["–", "–", "–", "processor"]
        rows.append(row)
    columns = ["written as", "core days", "hours of all cores", "TB", "hours of the disk", "cores that fill it"]
    return "10^12 names:", [*columns, "full first"], rows


def _models(inputs: Inputs) -> Table:
    room = POD_MIB - PLANS_MIB - inputs.worker_mib
    fitting = 1 + floor(room / inputs.model_mib)
    rows = []
    for count in MODELS:
        hours = count * inputs.training_cpu_seconds / 3600
        stored = count * inputs.version_mb / 1000
        rows.append(
            [f"{count:,}", quantity(hours), quantity(hours / CORES), quantity(stored), f"{ceil(count / fitting):,}"]
        )
    columns = ["models", "core hours to train", "hours of all cores", "GB in the store", "pods that hold them"]
    return f"So many models, {fitting} in a pod:", columns, rows


def _workers(rate: int, each: Request) -> int:
    return ceil(rate * each.cpu_ms / 1000 / UTILISATION)
