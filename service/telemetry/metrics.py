"""What the service counts, in Prometheus' terms. No label holds what a client made up.

With several workers each writes to files of its own (see `metric_files`), which the one that is asked adds up.
Requests and names are counted in lists first and handed over a few times a second: that costs a request half a
microsecond in place of eight. The lists hold numbers alone, which the garbage collector need not look at.
"""

import os
import resource
from bisect import bisect_left
from collections import defaultdict
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

SLOT_VARIABLE: Final = "NAMESMITH_WORKER_SLOT"
"""Set for a worker by its supervisor: which files of metrics are its own."""
NO_SLOT: Final = ""
"""None are: there is no room for them."""
_slot = os.environ.get(SLOT_VARIABLE)
if _slot == NO_SLOT:
    values.ValueClass = values.MutexValue
elif _slot is not None:
    values.ValueClass = values.MultiProcessValue(lambda: _slot)  # type: ignore[no-untyped-call]

T = TypeVar("T")
REGISTRY = CollectorRegistry()
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_MAX_PENDING = 4096


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"namesmith_{name}", meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str) -> Gauge:
    return Gauge(f"namesmith_{name}", meaning, registry=REGISTRY, multiprocess_mode="livesum")


REQUESTS = _counter("requests", "Requests answered.", "route", "method", "status")
REQUEST_SECONDS = Histogram(
    "namesmith_request_seconds",
    "From a request's headers to the end of its answer.",
    ["route"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
NAMES = _counter("names", "Names drawn.", "model")
CHARACTERS = _counter("characters", "Letters of the names drawn.", "model")
SCORED = _counter("scored_names", "Names scored.", "model")
PLANS = _counter("plans", "Requests for samplers: kept, shared, made, or refused.", "result")
PLAN_SECONDS = Histogram("namesmith_plan_seconds", "Time to make a sampler.", buckets=_SECONDS, registry=REGISTRY)
WAIT_SECONDS = Histogram(
    "namesmith_wait_seconds",
    "Time that requests waited for a turn, if they had to.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
REFUSALS = _counter("refusals", "Problems answered, by type, connection errors included.", "reason")
SWAPS = _counter("swaps", "Versions served, rejected or withdrawn, counted once in each worker.", "model", "result")
CONNECTIONS = _gauge("connections", "Open connections.")
RUNNING = _gauge("running_requests", "Requests being answered.")
RESIDENT = _gauge("resident_memory_bytes", "Resident memory of the workers.")

_lock = Lock()
_answered: dict[tuple[str, str, int], list[float]] = defaultdict(list)
"""Seconds of each request, by route, method and status."""
_counted: dict[tuple[Counter, str], list[int]] = defaultdict(list)


def count_request(route: str, method: str, status: int, seconds: float) -> None:
    """`route` is a template of the service's own, `method` one that it knows."""
    pending = _answered[route, method, status]
    pending.append(seconds)
    if len(pending) > _MAX_PENDING:
        flush()


def count(counter: Counter, label: str, amount: int = 1) -> None:
    """Adds to a counter of one label."""
    pending = _counted[counter, label]
    pending.append(amount)
    if len(pending) > _MAX_PENDING:
        flush()


def measure(connections: int, running: int) -> None:
    """Takes note of what the process has at the moment, and hands over what it counted."""
    CONNECTIONS.set(connections)
    RUNNING.set(running)
    RESIDENT.set(_resident_bytes())
    flush()


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:  # not Linux: the most that it ever was
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def flush() -> None:
    """Hands over what was counted since the last time. Called a few times a second, and before metrics are read."""
    with _lock:
        for (counter, label), pending in list(_counted.items()):
            if amounts := _taken(pending):
                counter.labels(label).inc(sum(amounts))
        for (route, method, status), waiting in list(_answered.items()):
            if times := _taken(waiting):
                REQUESTS.labels(route, method, str(status)).inc(len(times))
                _observe(REQUEST_SECONDS.labels(route), times)


def _taken(pending: list[T]) -> list[T]:
    """Empties a list that others append to meanwhile."""
    taken = pending[:]
    del pending[: len(taken)]
    return taken


def _observe(histogram: Histogram, observed: list[float]) -> None:
    """`histogram.observe` for many at once: one write for each bucket, and one for the sum."""
    numbers: dict[int, int] = defaultdict(int)
    for seconds in observed:
        numbers[bisect_left(_SECONDS, seconds)] += 1
    histogram._sum.inc(sum(observed))
    for bucket, number in numbers.items():
        histogram._buckets[bucket].inc(number)
