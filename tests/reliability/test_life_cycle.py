"""Told to end, killed, stopped or restarted: what was accepted is answered, and what died is replaced."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import httpx2 as httpx
import pytest

from tests.reliability.raw import Exchange, check_problem, exchange, post, read_to_the_end, request
from tests.running import ROOT, Running, running

Size = Callable[[int, int], int]
Figure = Callable[[str, str], None]
DRAIN_SECONDS = 20.0
SAMPLE = request(b"POST", b"/sample", b"Content-Type: application/json", body=b'{"n":10}', close=False)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


def until(condition: Callable[[], bool], seconds: float) -> float:
    """How long it took for `condition` to be true."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - began


class Client(Thread):
    """Asks again and again over a connection that is kept while the service keeps it, until it is turned away."""

    def __init__(self, port: int, stop: Event) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.stop = stop
        self.answered = 0
        self.failures: list[str] = []
        self.refused = False

    def run(self) -> None:
        while not self.stop.is_set() and not self.refused:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
            except ConnectionRefusedError:
                self.refused = True
                return
            with connection:
                self._ask(connection)

    def _ask(self, connection: socket.socket) -> None:
        """Until the service says that the connection ends."""
        while not self.stop.is_set():
            try:
                connection.sendall(SAMPLE)
                answer = _read_one(connection)
            except OSError as error:
                self.failures.append(repr(error))
                return
            if not answer.startswith(b"HTTP/1.1 200 "):
                self.failures.append(repr(answer[:100]))
                return
            self.answered += 1
            if b"connection: close" in answer:
                return


def _read_one(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"}"):
        chunk = connection.recv(65_536)
        if not chunk:
            raise OSError("closed without an answer" if not data else "half an answer")
        data += chunk
    return data


@pytest.mark.parametrize("workers", [1, 2])
def test_drain(store: Path, tmp_path: Path, size: Size, figure: Figure, workers: int) -> None:
    """SIGTERM under load: every accepted request is answered, and the service exits within its grace period."""
    failures, answered, slowest = [], 0, 0.0
    for _ in range(size(1, 10)):
        with running(store, tmp_path / "log", workers) as service:
            clients = [Client(service.port, Event()) for _ in range(size(24, 100))]
            for client in clients:
                client.start()
            time.sleep(1)
            slow = [exchange_later(service.port, b'{"n":10000}') for _ in range(4)]
            began = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(DRAIN_SECONDS + 10) == 0
            slowest = max(slowest, time.monotonic() - began)
            for client in clients:
                client.join(30)
                assert client.refused, "it should have been turned away in the end"
            failures += [failure for client in clients for failure in client.failures]
            answered += sum(client.answered for client in clients)
            assert [len(result().answers()) for result in slow] == [1] * 4
    assert not failures, failures[:5]
    assert answered > 100
    assert slowest < DRAIN_SECONDS
    kind = "1 worker" if workers == 1 else f"{workers} workers"
    figure(f"drain, {kind}", f"0 of {answered:,} accepted requests failed; exit code 0 within {slowest:.1f} s")


def exchange_later(port: int, body: bytes) -> Callable[[], Exchange]:
    """Asks at once and gives the answer when it is asked for."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(post(body))

    def result() -> Exchange:
        with connection:
            return Exchange(*read_to_the_end(connection), 0.0)

    return result


def test_a_service_that_ends_says_so_and_keeps_a_connection_for_the_request_on_its_way(
    store: Path, tmp_path: Path
) -> None:
    with running(store, tmp_path / "log") as service, slow_stream(service):
        with socket.create_connection(("127.0.0.1", service.port), timeout=10) as first:
            first.sendall(request(close=False))
            assert _read_one(first).startswith(b"HTTP/1.1 200 ")
            with socket.create_connection(("127.0.0.1", service.port), timeout=10) as second:
                second.sendall(request(close=False)[:-10])
                time.sleep(0.1)
                service.process.send_signal(signal.SIGTERM)
                time.sleep(0.4)
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", service.port))
                first.sendall(request(b"GET", b"/readyz", close=False))
                second.sendall(request(close=False)[-10:])
                (ready,) = Exchange(*read_to_the_end(first), 0.0).answers()
                (live,) = Exchange(*read_to_the_end(second), 0.0).answers()
        assert check_problem(ready, 503).type == "draining"
        assert int(ready.headers["retry-after"]) >= 1
        assert live.status == 200
        assert ready.headers["connection"] == live.headers["connection"] == "close"


class slow_stream:  # noqa: N801
    """A client that reads a long answer too slowly to see its end."""

    def __init__(self, service: Running) -> None:
        self._connection = socket.socket()
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._connection.settimeout(10)
        self._connection.connect(("127.0.0.1", service.port))
        self._connection.sendall(request(b"GET", b"/sample?n=1000000", b"Accept: text/plain"))
        self.data = self._connection.recv(1000)

    def __enter__(self) -> "slow_stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_not_done_in_time_is_cut_off(store: Path, tmp_path: Path, workers: int) -> None:
    with running(store, tmp_path / "log", workers, drain_seconds="2") as service, slow_stream(service):
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == 0
        assert 1.9 < time.monotonic() - began < 10
    assert b"cut off" in (tmp_path / "log").read_bytes()
    assert b"Traceback" not in (tmp_path / "log").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_order_ends_the_service_at_once(
    store: Path, tmp_path: Path, workers: int, number: signal.Signals
) -> None:
    with running(store, tmp_path / "log", workers, drain_seconds="300") as service, slow_stream(service):
        processes = service.processes()
        service.process.send_signal(number)
        time.sleep(0.5)
        assert service.process.poll() is None
        service.process.send_signal(number)
        assert service.process.wait(60) == 1
        until(lambda: not any(alive(pid) for pid in processes), 60)


def alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.fixture
def two(store: Path, tmp_path: Path) -> Iterator[Running]:
    with running(store, tmp_path / "log", 2, health_seconds="2") as service:
        yield service


@pytest.mark.parametrize(("number", "within"), [(signal.SIGKILL, 2.0), (signal.SIGSTOP, 6.0)])
def test_worker_death_and_replacement(two: Running, figure: Figure, number: signal.Signals, within: float) -> None:
    """A worker that dies is replaced at once, one that hangs after the time set for it (2 s here); the log says why."""
    first = two.workers()
    assert len(first) == 2
    os.kill(first[0], number)
    seconds = until(lambda: len(set(two.workers()) - {first[0]}) == 2, within)
    until(lambda: two.log.read_bytes().count(b"Application startup complete") == 3, 60)
    assert first[1] in two.workers()
    for _ in range(20):
        assert exchange(two.port, request(b"GET", b"/readyz")).answers()[0].status == 200
    log = two.log.read_text()
    assert f"worker {first[0]} ended" in log
    assert ("SIGKILL" if number == signal.SIGKILL else "no sign of life for 2 s") in log
    figure(f"worker replaced after {number.name}", f"a new one starts {seconds:.1f} s later")


def test_a_worker_whose_event_loop_is_blocked_is_replaced(store: Path, tmp_path: Path) -> None:
    """Its threads go on, and could answer for it."""
    log = tmp_path / "log"
    with starting(store, log, 2, str(ROOT / "store"), "tests.reliability.blocking") as (port, process):
        service = Running(f"http://127.0.0.1:{port}", port, process, log)
        until(lambda: log.read_bytes().count(b"Application startup complete") == 2, 60)
        before = service.workers()
        assert len(before) == 2
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request(b"GET", b"/block"))
            until(lambda: set(service.workers()) != set(before), 8)
            connection.settimeout(5)
            assert read_to_the_end(connection) == (b"", True)
        until(lambda: b"no sign of life for 2 s" in log.read_bytes(), 5)
        until(lambda: log.read_bytes().count(b"Application startup complete") == 3, 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_workers_that_die_at_once_are_replaced_ever_more_slowly(two: Running) -> None:
    killed = set()
    began = time.monotonic()
    while time.monotonic() - began < 6:
        for pid in two.workers()[:1]:
            if pid != two.process.pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        time.sleep(0.02)
    assert 2 <= len(killed) <= 10
    until(lambda: len(two.workers()) == 2, 40)
    until(lambda: _status(two) == 200, 60)


def _replaced(service: Running, before: set[int]) -> bool:
    now = service.workers()
    return len(now) == 2 and not before & set(now)


def _status(service: Running) -> int:
    try:
        return httpx.get(service.url + "/readyz").status_code
    except httpx.TransportError:
        return 0


def test_a_restart_of_the_workers_one_by_one_fails_no_request(two: Running, size: Size, figure: Figure) -> None:
    first = set(two.workers())
    stop = Event()
    clients = [Client(two.port, stop) for _ in range(size(8, 50))]
    for client in clients:
        client.start()
    for _ in range(size(1, 5)):
        before = set(two.workers())
        two.process.send_signal(signal.SIGHUP)
        until(lambda old=before: _replaced(two, old), 90)  # type: ignore[misc]
    stop.set()
    for client in clients:
        client.join(30)
    failures = [failure for client in clients for failure in client.failures]
    assert not failures, failures[:5]
    assert not any(client.refused for client in clients)
    assert not first & set(two.workers())
    answered = sum(client.answered for client in clients)
    figure("restart one by one (SIGHUP) under load", f"0 of {answered:,} requests failed")


def test_workers_end_when_their_supervisor_is_killed(two: Running) -> None:
    workers = two.workers()
    two.process.kill()
    until(lambda: not any(alive(pid) for pid in workers), 10)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("damaged", [False, True])
def test_a_start_without_a_good_model_is_live_and_not_ready(
    store: Path, tmp_path: Path, workers: int, damaged: bool
) -> None:
    if damaged:
        version = store / "names" / "versions" / ("0" * 64)
        version.mkdir(parents=True)
        (version / "model.safetensors").write_bytes(b"\x80\x04rubbish")
        (store / "names" / "current").write_text("0" * 64)
    with starting(store, tmp_path / "log", workers, str(tmp_path / "none")) as (port, process):
        until(lambda: (tmp_path / "log").read_bytes().count(b"Application startup complete") == workers, 60)
        for path, status in ((b"/livez", 200), (b"/readyz", 503), (b"/sample", 503)):
            assert exchange(port, request(b"GET", path)).answers()[0].status == status
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


class starting:  # noqa: N801
    """A service that need not become ready."""

    def __init__(self, store: Path, log: Path, workers: int, bundled: str, module: str = "service") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        served = ["serve", "--port", str(self._port), "--workers", str(workers)]
        command = [sys.executable, "-m", module, *(served if module == "service" else [str(self._port)])]
        environment = os.environ | {"NAMESMITH_STORE": str(store), "NAMESMITH_BUNDLED_STORE": bundled}
        with log.open("ab") as output:
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)

    def __enter__(self) -> "tuple[int, subprocess.Popen[bytes]]":
        return self._port, self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_order_to_end_during_the_start_is_obeyed(store: Path, tmp_path: Path, workers: int) -> None:
    with starting(store, tmp_path / "log", workers, str(ROOT / "store")) as (_, process):
        until(lambda: (tmp_path / "log").read_bytes().count(b"Waiting for application startup") == workers, 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert b"Traceback" not in (tmp_path / "log").read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_one_clear_line(store: Path, workers: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "service", "serve", "--port", str(port), "--workers", str(workers)]
        environment = os.environ | {"NAMESMITH_STORE": str(store)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"error: cannot listen on 127.0.0.1, port {port}: address already in use\n"
