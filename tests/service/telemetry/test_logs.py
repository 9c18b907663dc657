"""Logs: one line for each thing that happened, whatever a client puts into it."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.app import create_app
from service.settings import Settings
from service.telemetry import logs

Lines = Callable[[], list[dict[str, Any]]]
EVIL = ["a\nb", 'x"}\n{"event":"forged', "\x1b[2Jgone", "\u2028\u2029", "é\x00", "a\r\nb", "\u202egnp.exe"]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    names = [None, "namesmith", "uvicorn", "uvicorn.error"]
    before = [(logger := logging.getLogger(name), logger.handlers[:], logger.level) for name in names]
    yield
    for logger, handlers, level in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)


def follow(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Sets logging up, within a test, as pytest changes handlers before it; the lines since then are read as JSON."""
    logs.set_up("json", "info")
    logging.getLogger().handlers[0].setStream(sys.stderr)  # type: ignore[attr-defined]
    return lambda: [json.loads(line) for line in capsys.readouterr().err.split("\n") if line]


@pytest.fixture
def app(empty_store: Any) -> FastAPI:
    return create_app(Settings(store=empty_store, bundled_store=empty_store), access_log=True)


def test_a_request_is_one_line_with_its_id(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
    lines = follow(capsys)
    client = TestClient(app)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    client.get("/livez", headers={"X-Request-ID": "mine", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    (line,) = [line for line in lines() if line["event"] == "request"]
    assert (line["request_id"], line["status"], line["path"], line["method"]) == ("mine", 200, "/livez", "GET")
    assert line["trace_id"] == trace
    assert line["level"] == "info"
    assert line["milliseconds"] >= 0


def test_refused_requests_are_logged_without_being_asked_for(
    empty_store: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = follow(capsys)
    client = TestClient(create_app(Settings(store=empty_store, bundled_store=empty_store)))
    client.get("/livez")
    for i in range(50):
        client.get(f"/nothing{i}")
    requests = [line for line in lines() if line["event"] == "request"]
    assert [line["path"] for line in requests] == [f"/nothing{i}" for i in range(50)]


@pytest.mark.parametrize("text", EVIL)
def test_nothing_that_a_client_sends_begins_a_line(app: FastAPI, capsys: pytest.CaptureFixture[str], text: str) -> None:
    lines = follow(capsys)
    client = TestClient(app)
    client.get("/" + "".join(f"%{byte:02x}" for byte in text.encode()), headers={"X-Request-ID": "a b"})
    found = [line for line in lines() if line["event"] == "request"]
    assert [line["path"] for line in found] == ["/" + text]
    assert found[0]["request_id"] != "a b"


@given(text=st.text(max_size=300))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_is_one_line_at_a_terminal_too(capsys: pytest.CaptureFixture[str], text: str) -> None:
    logs.set_up("console", "info")
    logging.getLogger().handlers[0].setStream(sys.stderr)  # type: ignore[attr-defined]
    capsys.readouterr()
    logging.getLogger("namesmith").info("said: %s", text)
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert written[:-1].isprintable()


def test_what_fails_is_one_line_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    lines = follow(capsys)
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        logging.getLogger("namesmith").exception("it failed")
    (line,) = lines()
    assert line["level"] == "error"
    assert "ValueError: one\ntwo" in line["exception"]


def test_the_level_is_kept_to(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json", "error")
    logging.getLogger().handlers[0].setStream(sys.stderr)  # type: ignore[attr-defined]
    logging.getLogger("namesmith").info("not said")
    logging.getLogger("uvicorn.error").error("said")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "said"
