"""POST and GET /sample in the streamed forms: the names of the JSON answer, however many, for as long as the client
reads."""

import csv
import http.client
import io
import json
import math
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient

from model.sampling import sampler
from tests.running import Running, running

NDJSON, CSV, LINES = "application/x-ndjson", "text/csv", "text/plain"
STREAMED = (NDJSON, CSV, LINES)
CheckProblem = Callable[..., dict[str, Any]]
REQUESTS: list[dict[str, Any]] = [
    {},
    {"n": 1, "case": "lower"},
    {"n": 3_000, "case": "upper"},
    {"n": 50, "suffix": "lyn", "max_length": 8},
    {"n": 50, "temperature": 1.5, "top_k": 12, "top_p": 0.9, "contains": "an"},
    {"n": 50, "unique": True, "novel": True, "pattern": "[^e]+"},
    {"n": 300, "model": "tiny", "max_length": 12},
    {"n": 300, "model": "unlisted"},
]


def ask(client: TestClient, accept: str, fields: dict[str, Any], method: str = "POST") -> httpx.Response:
    if method == "POST":
        return client.post("/sample", json=fields, headers={"accept": accept})
    shown = {key: str(value).lower() if isinstance(value, bool) else value for key, value in fields.items()}
    return client.get("/sample", params=shown, headers={"accept": accept})


def stream(client: TestClient, accept: str, fields: dict[str, Any], method: str = "POST") -> httpx.Response:
    answer = ask(client, accept, fields, method)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == accept
    return answer


def document(client: TestClient, fields: dict[str, Any], method: str = "POST") -> dict[str, Any]:
    answer = ask(client, "application/json", fields, method)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def names_in(answer: httpx.Response) -> list[str]:
    """As a reader of the form gets them."""
    text = answer.content.decode("utf-8")
    match answer.headers["content-type"].partition(";")[0]:
        case "text/plain":
            assert text.endswith("\n")
            return text.splitlines()
        case "text/csv":
            heading, *rows = rows_of(text)
            assert heading[0] == "name"
            assert text.count("\r\n") == text.count("\n") == len(rows) + 1
            return [row[0] for row in rows]
        case _:
            assert text.endswith("\n")
            return [json.loads(line)["name"] for line in text.splitlines()]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("accept", STREAMED)
@pytest.mark.parametrize("fields", REQUESTS, ids=str)
def test_the_names_are_those_of_the_json_answer(
    both: TestClient, fields: dict[str, Any], accept: str, method: str
) -> None:
    asked = fields | {"seed": 7}
    expected = document(both, asked)
    answer = stream(both, accept, asked, method)
    assert names_in(answer) == expected["names"]
    assert len(expected["names"]) == fields.get("n", 10)


@pytest.mark.parametrize("accept", STREAMED)
@pytest.mark.parametrize("seed", [0, 2**63 - 1, "a word", 'é"\\', "\x7f", "new\nline"])
def test_headers_hold_the_facts_of_the_json_answer(both: TestClient, accept: str, seed: int | str) -> None:
    fields = {"seed": seed, "suffix": "a", "max_length": 7}
    expected = document(both, fields)
    headers = stream(both, accept, fields).headers
    assert json.loads(headers["x-seed"]) == seed
    assert re.fullmatch("[!-~ ]+", headers["x-seed"])
    assert float(headers["x-probability"]) == expected["probability"]
    assert headers["x-model-digest"] == expected["model"]["digest"]
    assert headers["x-sampler-version"] == str(sampler.SAMPLER_VERSION)
    assert len(headers.get_list("x-request-id")) == 1


@pytest.mark.parametrize("accept", STREAMED)
def test_a_drawn_seed_is_told_and_replays_the_stream(both: TestClient, accept: str) -> None:
    answers = [stream(both, accept, {"n": 20}) for _ in range(3)]
    seeds = [json.loads(answer.headers["x-seed"]) for answer in answers]
    assert len(set(seeds)) == 3
    for seed, answer in zip(seeds, answers, strict=True):
        assert document(both, {"n": 20, "seed": seed})["names"] == names_in(answer)


@pytest.mark.parametrize("model", ["us-names", "tiny", "unlisted"])
def test_details_are_those_of_the_json_answer(both: TestClient, model: str) -> None:
    fields = {"model": model, "n": 200, "seed": 2, "details": True, "temperature": 0.9}
    expected = document(both, fields)["details"]
    by_line = [json.loads(line) for line in stream(both, NDJSON, fields).text.splitlines()]
    assert by_line == expected
    assert all(list(fact) == ["name", "log_prob", "novel"] for fact in by_line)
    heading, *rows = rows_of(stream(both, CSV, fields).text)
    assert heading == ["name", "log_prob", "novel"]
    shown = {True: "true", False: "false", None: ""}
    assert rows == [[fact["name"], repr(fact["log_prob"]), shown[fact["novel"]]] for fact in expected]
    assert names_in(stream(both, LINES, fields)) == [fact["name"] for fact in expected]


def test_a_name_that_asks_for_quotes_is_quoted(publish: Callable[..., str], serve: Any, tmp_path: Path) -> None:
    publish(tmp_path, "odd", letters='a",\\é\U0001f600')
    client = serve(store=tmp_path)
    fields = {"n": 500, "seed": 1, "details": True, "max_length": 9}
    expected = document(client, fields)["names"]
    assert set('",\\') <= set("".join(expected))
    for accept in STREAMED:
        assert names_in(stream(client, accept, fields)) == expected
        assert names_in(stream(client, accept, fields | {"details": False})) == expected


@pytest.mark.parametrize("accept", STREAMED)
def test_a_hundred_thousand_names_continue_a_shorter_list(both: TestClient, accept: str) -> None:
    names = names_in(stream(both, accept, {"n": 100_000, "seed": 3}))
    assert len(names) == 100_000
    assert names[:10_000] == document(both, {"n": 10_000, "seed": 3})["names"]


def test_twenty_thousand_details_cross_chunks_whole(both: TestClient) -> None:
    fields = {"n": 20_000, "seed": 4, "details": True, "case": "lower"}
    facts = [json.loads(line) for line in stream(both, NDJSON, fields).text.splitlines()]
    assert [fact["name"] for fact in facts] == names_in(stream(both, LINES, fields))
    assert facts[:10_000] == document(both, fields | {"n": 10_000})["details"]


def test_more_than_ten_thousand_are_refused_as_json(both: TestClient, check_problem: CheckProblem) -> None:
    for accept in ("application/json", "*/*", "image/png", "text/csv;q=0.1, application/json"):
        for method in ("GET", "POST"):
            problem = check_problem(ask(both, accept, {"n": 10_001}, method), 422, "validation", "/n")
            assert "10,000" in problem["detail"]


@pytest.mark.parametrize("accept", STREAMED)
def test_what_is_wrong_is_a_problem_before_a_stream(both: TestClient, check_problem: CheckProblem, accept: str) -> None:
    for method in ("GET", "POST"):
        for fields, status, problem_type, pointer in (
            ({"n": 1_000_001}, 422, "validation", "/n"),
            ({"n": 0}, 422, "validation", "/n"),
            ({"n": 100_001, "unique": True}, 422, "validation", "/n"),
            ({"n": 5, "model": "nobody"}, 404, "unknown-model", None),
            ({"n": 5, "suffix": "1"}, 422, "unsatisfiable", None),
            ({"n": 5, "pattern": "("}, 422, "constraint", "/pattern"),
            ({"n": 5, "top_k": 28}, 422, "validation", "/top_k"),
            ({"n": 5, "novel": True, "model": "unlisted"}, 422, "validation", "/novel"),
            ({"n": 5, "x": 1}, 422, "validation", "/x"),
        ):
            check_problem(ask(both, accept, fields, method), status, problem_type, pointer)
    malformed = {"content-type": "application/json", "accept": accept}
    check_problem(both.post("/sample", content=b"{", headers=malformed), 400, "malformed-json")
    typed = {"content-type": "text/plain", "accept": accept}
    check_problem(both.post("/sample", content=b"{}", headers=typed), 415, "unsupported-media-type")


@pytest.mark.parametrize("accept", ["application/json", *STREAMED])
def test_a_search_for_different_names_that_takes_too_much_memory_is_a_problem(
    both: TestClient, check_problem: CheckProblem, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    monkeypatch.setattr(sampler, "_RECORD_BYTES", 4096)
    answer = ask(both, accept, {"n": 1_000, "seed": 1, "unique": True})
    problem = check_problem(answer, 422, "constraint", "/unique")
    assert "1,000 names" in problem["detail"]


@pytest.mark.parametrize("accept", STREAMED)
def test_unique_names_that_run_out_end_the_stream(both: TestClient, accept: str) -> None:
    fields = {"n": 20_000, "seed": 5, "unique": True, "pattern": "emma|ava|eva"}
    assert sorted(names_in(stream(both, accept, fields))) == ["Ava", "Emma", "Eva"]
    assert document(both, fields | {"n": 4})["exhausted"] is True
    assert document(both, fields | {"n": 3})["exhausted"] is False


def test_unique_names_over_ten_thousand_all_differ(both: TestClient) -> None:
    fields = {"n": 30_000, "seed": 6, "unique": True}
    names = names_in(stream(both, LINES, fields))
    assert len(set(names)) == 30_000
    assert names[:10_000] == document(both, fields | {"n": 10_000})["names"]


def test_accept_in_several_lines_is_one_list(both: TestClient) -> None:
    fields = {"n": 2, "seed": 1}
    lines = [("accept", "application/json;q=0.1"), ("accept", "text/csv")]
    for answer in (both.post("/sample", json=fields, headers=lines), both.get("/sample", params=fields, headers=lines)):
        assert answer.headers["content-type"].partition(";")[0] == "text/csv"


# A real server


LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    none = tmp_path_factory.mktemp("none")
    with running(none, none / "service.log") as service:
        yield service


def connect(server: Running, path: str, accept: str = LINES) -> socket.socket:
    """A connection on which the answer comes as it is read."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode("ascii"))
    return connection


def ticks(server: Running) -> int:
    return sum(server.ticks().values())


class Peak(NamedTuple):
    lines: int
    bytes: int
    growth: int


def read_whole(server: Running, path: str, accept: str, pause: float = 0) -> Peak:
    """Reads a stream, watching the server's memory."""
    parts = urlsplit(server.url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    before = peak = server.memory_kib() * 1024
    connection.request("GET", path, headers={"Accept": accept})
    answer = connection.getresponse()
    assert answer.status == 200
    lines = size = 0
    while chunk := answer.read(1 << 18):
        lines += chunk.count(b"\n")
        size += len(chunk)
        peak = max(peak, server.memory_kib() * 1024)
        time.sleep(pause)
    connection.close()
    return Peak(lines, size, peak - before)


@LINUX
@pytest.mark.parametrize(("pause", "details"), [(0, "false"), (0.02, "false"), (0, "true")], ids=str)
def test_a_million_names_take_no_memory(server: Running, pause: float, details: str) -> None:
    """Less than 30 MB, whether the client reads fast or slowly. All of them are 7 MB as text."""
    accept = NDJSON if details == "true" else LINES
    read_whole(server, f"/sample?n=20000&seed=1&details={details}", accept)  # what is made once
    whole = read_whole(server, f"/sample?n=1000000&seed=1&details={details}", accept, pause)
    assert whole.lines == 1_000_000
    assert whole.bytes > 6_000_000
    assert whole.growth < 30_000_000


ABANDONED = [
    ("/sample?n=1000000&seed=1", LINES),
    ("/sample?n=1000000&seed=1&details=true", CSV),
    ("/sample/stream?n=100&seed=1&min_length=20&max_length=64", "text/event-stream"),
]


@LINUX
@pytest.mark.parametrize(("path", "accept"), ABANDONED, ids=["text", "details", "events"])
@pytest.mark.parametrize("reads", [1, 3], ids=["at once", "in the middle"])
def test_work_stops_when_the_client_goes_away(server: Running, path: str, accept: str, reads: int) -> None:
    """Within a tenth of a second, allowing as much again for the watch: after 0.2 s a second passes without work."""
    read_whole(server, re.sub(r"n=\d+", "n=1", path), accept)  # what is made once
    with connect(server, path, accept) as connection:
        for _ in range(reads):
            assert connection.recv(1 << 16)
    time.sleep(0.2)
    before = ticks(server)
    time.sleep(1)
    assert ticks(server) - before <= 3


@LINUX
def test_work_waits_for_a_client_that_does_not_read(server: Running) -> None:
    with connect(server, "/sample?n=1000000&seed=1&details=true", NDJSON) as connection:
        assert connection.recv(1 << 10)
        time.sleep(0.5)
        before = ticks(server)
        time.sleep(1)
        assert ticks(server) - before <= 3
        size = 0
        while chunk := connection.recv(1 << 20):
            size += len(chunk)
    assert size > 50_000_000


def test_other_requests_go_on_beside_streams_and_their_ends(server: Running) -> None:
    """Three clients read a million names with details each and go away, over and over; others see their own names."""
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            with suppress(OSError), connect(server, ABANDONED[1][0], CSV) as connection:
                for _ in range(20):
                    connection.recv(1 << 16)

    threads = [threading.Thread(target=come_and_go) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        seconds = []
        with httpx.Client(base_url=server.url, timeout=30) as client:
            expected = client.get("/sample?n=50&seed=9").json()
            for _ in range(100):
                began = time.perf_counter()
                assert client.get("/sample?n=50&seed=9").json() == expected
                seconds.append(time.perf_counter() - began)
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=30)
    assert math.fsum(seconds) / len(seconds) < 1
    assert server.process.poll() is None
