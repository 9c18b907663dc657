"""What a request, a million names and a model cost one core, and what that comes to at scale (see docs/capacity.md).

Processor time is counted, not time, so that others on the machine do not matter much.
"""

import os
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks import ROOT
from benchmarks.http import further_models
from benchmarks.http.reference_apps import sample_body
from benchmarks.scale.capacity_tables import Inputs, Output, Request, derived, inputs_of
from benchmarks.tools import servers, wrk
from benchmarks.tools.processes import Spent, run
from benchmarks.tools.served import Served
from benchmarks.tools.servers import Server
from benchmarks.tools.tables import print_table, quantity
from model.store.store import BUNDLED, Store

_CONNECTIONS, _ROUNDS, _SECONDS = 16, 5, 4
_SIZES = (1, 100, 1000)
_LOSS_NAMES = 1000
_SENT = 20
_REPEATS = 3
_COUNT, _QUICK_COUNT = 10_000_000, 200_000
_FORMATS = {"text": "txt", "NDJSON": "ndjson", "Parquet": "parquet"}
_LIST = ROOT / "data" / "us-names.csv"


def main(quick: bool) -> None:
    if reason := wrk.reason_missing():
        print(f"\n{reason}")
        return
    os.environ["OMP_NUM_THREADS"] = "1"  # of the commands: one core each
    with servers.namesmith() as server:
        requests = {label: _request(server, path, body, 1 if quick else _ROUNDS) for label, path, body in _calls()}
    training, version_mb = _training(quick)
    started = further_models.starts()
    inputs = Inputs(
        requests,
        _outputs(_QUICK_COUNT if quick else _COUNT),
        _rounded(training.cpu_seconds),
        _rounded(training.peak_mib),
        _rounded(version_mb),
        _rounded(started[0].mib),
        _rounded(further_models.further_mib(started)),
    )
    for table in (*inputs_of(inputs), *derived(inputs)):
        print_table(*table)


def _rounded(number: float | None) -> float:
    """As it is printed, so that the tables follow from each other. Raises ValueError where there is no /proc."""
    if number is None:
        raise ValueError("what a process takes is read from /proc, which is not here")
    return float(quantity(number).replace(",", ""))


def _calls() -> list[tuple[str, str, bytes]]:
    """Label, path and body."""
    names = sorted(Store(BUNDLED).open("us-names").training_names or ())
    scored = sample_body(names=names[:: len(names) // _LOSS_NAMES][:_LOSS_NAMES])
    drawn = [(f"POST /sample, n = {n}", "/sample", sample_body(n=n)) for n in _SIZES]
    return [*drawn, (f"POST /loss, {_LOSS_NAMES:,} names", "/loss", scored)]


def _request(server: Server, path: str, body: bytes, rounds: int) -> Request:
    """The least of rounds under load, as others on the machine only add to it; the first does not count."""
    costs = []
    for _ in range(rounds + 1):
        before = server.cpu_seconds()
        load = wrk.post(server.url(path), body, _CONNECTIONS, _SECONDS)
        server.status("GET", "/readyz")
        if load.failed:
            raise RuntimeError(f"{load.failed} requests to {path} failed")
        costs.append((server.cpu_seconds() - before) / load.requests * 1000)
    return Request(_rounded(min(costs[1:])), _rounded(_bytes_of(server, path, body)))


def _bytes_of(server: Server, path: str, body: bytes) -> float:
    """In and out, the mean of some requests as wrk sends them."""
    host = f"127.0.0.1:{server.port}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    sent, came = head.encode() + body, 0
    for _ in range(_SENT):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(1 << 16):
                came += len(part)
    return len(sent) + came / _SENT


def _outputs(count: int) -> dict[str, Output]:
    sampler, render = Served().sampler(), Served().render
    found = {
        "nothing: drawn": _in_process(count, lambda: sampler.draw(1, count)),
        "nothing: drawn and rendered": _in_process(count, lambda: map(render, sampler.draw(1, count))),
    }
    with tempfile.TemporaryDirectory() as directory:
        bundled = Store(BUNDLED).open("us-names")  # published anew it carries its table, so that the start is short
        Store(Path(directory, "store")).publish("us-names", bundled.data, bundled.training_names, {})
        for label, ending in _FORMATS.items():
            file = Path(directory, f"names.{ending}")
            start, whole = (_written(file, n) for n in (1, count))
            cpu = (whole - start) / count * 1e6
            found[label] = Output(_rounded(cpu), _rounded(file.stat().st_size / count))
    return found


def _written(file: Path, count: int) -> float:
    """Processor seconds of the command, the least of some."""
    places = ["--store", str(file.parent / "store"), "--output", str(file)]
    command = ["sample", "--seed", "1", "--n", str(count), *places, "--quiet"]
    return min(run("service", *command).cpu_seconds for _ in range(_REPEATS))


def _in_process(count: int, chunks: Callable[[], Iterable[object]]) -> Output:
    """Of chunks that nobody keeps, the least of some times."""

    def seconds() -> float:
        before = time.process_time()
        deque(chunks(), maxlen=0)
        return time.process_time() - before

    return Output(_rounded(min(seconds() for _ in range(_REPEATS)) / count * 1e6), 0)


def _training(quick: bool) -> tuple[Spent, float]:
    """One model of the bundled list by the command, and the megabytes (10^6) of its version."""
    with tempfile.TemporaryDirectory() as directory:
        places = ["--store", f"{directory}/store", "--snapshots", f"{directory}/runs"]
        hurried = ["--steps", "20", "--force"] if quick else []
        spent = run("training", "train", str(_LIST), "--preset", "fast", *places, *hurried)
        files = [file for file in Path(directory, "store").rglob("*") if file.is_file()]
        return spent, sum(file.stat().st_size for file in files) / 1e6
