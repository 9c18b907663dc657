"""The service over HTTP beside its references, one worker each, loaded in turn, round after round."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from benchmarks.http.reference_apps import SIZES, sample_body
from benchmarks.tools import servers, wrk
from benchmarks.tools.servers import Server
from benchmarks.tools.tables import print_table, quantity
from benchmarks.tools.wrk import Load
from model.store import store
from model.store.store import Store

_CONNECTIONS = 16
_STARTS = 3
_WARM_UP_SECONDS = 1
_GOALS = {1: 1.0, 100: 0.9, 1000: 0.5}
_LOSS_NAMES = 1000
_LOSS_GOAL_MS = 5.0
_TORCH_SIZES = (1, 100)


@dataclass(frozen=True)
class Call:
    server: Server
    label: str
    body: bytes
    path: str = "/sample"
    connections: int = _CONNECTIONS


Results = dict[Call, list[Load]]


def main(quick: bool) -> None:
    if reason := wrk.reason_missing():
        print(f"\n{reason}")
        return
    rounds, seconds = (1, 1) if quick else (3, 3)
    starts = list(_starts_of_namesmith(0 if quick else _STARTS - 1))
    with ExitStack() as stack:
        everyone = [stack.enter_context(servers.namesmith())]
        everyone += [stack.enter_context(servers.reference(name)) for name in ("empty", "raw", "torch")]
        service, empty, raw, network = everyone
        starts.append(service.seconds_to_ready)
        at_start = [server.memory_mib() for server in everyone]
        results = _measure(list(_calls(service, empty, raw, network)), rounds, seconds)
        at_end = [server.memory_mib() for server in everyone]
        ready = [median(starts), *(server.seconds_to_ready for server in everyone[1:])]
    _print_goals(results)
    _print_all(results, rounds, seconds)
    _print_processes(everyone, ready, at_start, at_end, len(starts))


def _starts_of_namesmith(count: int) -> Iterator[float]:
    for _ in range(count):
        with servers.namesmith() as server:
            yield server.seconds_to_ready


def _calls(service: Server, empty: Server, raw: Server, network: Server) -> Iterator[Call]:
    """In the order in which they are loaded: those that are compared stand side by side."""
    for n in SIZES:
        for server in (service, empty, raw):
            yield Call(server, f"n = {n}", sample_body(n=n))
        yield Call(service, f"n = {n}, with a seed", sample_body(n=n, seed=1))
    for n in _TORCH_SIZES:  # a name at a time: 100 names take about a second, so they are not asked for 16-fold
        yield Call(network, f"n = {n}", sample_body(n=n), connections=_CONNECTIONS if n == 1 else 1)
    lyn = sample_body(n=100, suffix="lyn", min_length=4, max_length=8)
    yield Call(service, "n = 100, suffix lyn, 4 to 8 letters", lyn)
    yield Call(service, "n = 100, novel", sample_body(n=100, novel=True))
    names = sorted(Store(store.BUNDLED).open("us-names").training_names or ())
    body = sample_body(names=names[:: len(names) // _LOSS_NAMES][:_LOSS_NAMES])
    for connections in (1, _CONNECTIONS):
        for server in (service, empty):
            yield Call(server, f"loss of {_LOSS_NAMES:,} names", body, "/loss", connections)


def _measure(calls: list[Call], rounds: int, seconds: int) -> Results:
    """All calls in turn, round after round, so that a noisy moment does not meet one of them alone."""
    results: Results = {call: [] for call in calls if _answered(call)}
    for _ in range(rounds):
        for call, loads in results.items():
            loads.append(_load(call, seconds))
    return results


def _answered(call: Call) -> bool:
    """Once, so that all is prepared. A request that this version does not know is left out."""
    status = call.server.status("POST", call.path, call.body)
    if status == 422:
        print(f"\nLeft out, as {call.server.name} answers 422: {call.label}.")
    elif status != 200:
        raise RuntimeError(f"{call.server.name} answers {status} to {call.label}")
    return status == 200


def _load(call: Call, seconds: int) -> Load:
    """After a warm-up. What is still being answered when time is up is waited for each time."""
    load = None
    for duration in (_WARM_UP_SECONDS, seconds):
        load = wrk.post(call.server.url(call.path), call.body, call.connections, duration)
        call.server.status("GET", "/readyz")
    assert load is not None
    return load


def _print_goals(results: Results) -> None:
    found = {(call.server.name, call.label, call.connections): loads for call, loads in results.items()}
    rows = []
    for n, goal in _GOALS.items():
        mine, empty = (found[name, f"n = {n}", _CONNECTIONS] for name in ("namesmith", "empty"))
        ratios = sorted(a.per_second / b.per_second for a, b in zip(mine, empty, strict=True))
        ratio = median(ratios)
        rates = [quantity(wrk.middle(loads).per_second) for loads in (mine, empty)]
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        rows.append([f"n = {n}", *rates, f"{ratio:.2f}", spread, f"{goal}", _met(ratio >= goal)])
    columns = ["POST /sample", "namesmith, requests/s", "empty typed endpoint", "ratio", "rounds", "goal", "met"]
    print_table("Beside a FastAPI endpoint with the same types that does nothing:", columns, rows)
    label = f"loss of {_LOSS_NAMES:,} names"
    loss, nothing = (wrk.middle(found[name, label, 1]).p50_ms for name in ("namesmith", "empty"))
    row = [f"{_LOSS_NAMES:,} names", f"{loss:.2f}", f"{nothing:.2f}", f"{_LOSS_GOAL_MS:g}"]
    columns = ["POST /loss, one client", "namesmith, median ms", "empty typed endpoint", "goal", "met"]
    print_table("Scores beside an endpoint with the same types:", columns, [[*row, _met(loss <= _LOSS_GOAL_MS)]])


def _met(met: bool) -> str:
    return "yes" if met else "no"


def _print_all(results: Results, rounds: int, seconds: int) -> None:
    rows = []
    for call, loads in results.items():
        load = wrk.middle(loads)
        figures = [quantity(load.per_second), f"{load.p50_ms:.2f}", f"{load.p99_ms:.2f}", str(load.failed)]
        rows.append([f"{call.server.name}: {call.label}", str(call.connections), *figures])
    title = f"All calls ({wrk.version()}, one thread; medians of {rounds} rounds of {seconds} s):"
    print_table(title, ["call", "connections", "requests/s", "p50 ms", "p99 ms", "failed"], rows)


def _print_processes(
    everyone: list[Server],
    ready: list[float],
    at_start: list[float | None],
    at_end: list[float | None],
    starts: int,
) -> None:
    rows = [
        [server.name, f"{seconds:.2f}", quantity(before), quantity(after)]
        for server, seconds, before, after in zip(everyone, ready, at_start, at_end, strict=True)
    ]
    title = f"Processes (resident memory; time to the first 200 of /readyz, namesmith's the median of {starts}):"
    print_table(title, ["server", "s to ready", "MiB at start", "MiB after load"], rows)
