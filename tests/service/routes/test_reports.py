"""GET /models/{name}/report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from model.store.store import Store
from model.store.version_files import DIAGNOSTICS_FILE, REPORT_FILE
from training.run.run import Result

PAGE = b"<!doctype html><title>a report</title>"


@pytest.fixture
def reported(tiny: Result, tmp_path: Path) -> Path:
    """A store whose model `tiny` has a report and whose model `bare` has none."""
    store = Store(tmp_path / "own")
    store.publish("tiny", tiny.data, None, {}, {REPORT_FILE: PAGE, DIAGNOSTICS_FILE: b"{}"})
    store.publish("bare", tiny.data, None, {})
    return store.root


@pytest.fixture
def web(serve: Callable[..., TestClient], reported: Path) -> TestClient:
    return serve(store=reported, raise_server_exceptions=False)


def test_it_is_html_that_may_load_and_run_nothing(web: TestClient, tiny: Result) -> None:
    answer = web.get("/models/tiny/report")
    assert answer.status_code == 200
    assert answer.content == PAGE
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-model-digest"] == tiny.digest
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "style-src 'unsafe-inline'", "sandbox"} <= set(policy)
    assert "script-src" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_an_unchanged_report_is_not_sent_again(web: TestClient, form: str) -> None:
    tag = web.get("/models/tiny/report").headers["etag"]
    answer = web.get("/models/tiny/report", headers={"If-None-Match": form.format(tag)})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == tag
    assert web.get("/models/tiny/report", headers={"If-None-Match": '"other"'}).content == PAGE


def test_a_version_without_a_report_says_how_to_get_one(
    web: TestClient, check_problem: Callable[..., dict[str, Any]]
) -> None:
    problem = check_problem(web.get("/models/bare/report"), 404, "no-report")
    assert "python -m training report" in problem["detail"]
    check_problem(web.get("/models/nobody/report"), 404, "unknown-model")


@pytest.mark.parametrize("damage", ["changed", "missing", "a link", "unreadable"])
def test_a_damaged_report_is_a_problem_and_the_model_serves_on(
    web: TestClient, reported: Path, tiny: Result, check_problem: Callable[..., dict[str, Any]], damage: str
) -> None:
    path = reported / "tiny" / "versions" / tiny.digest / REPORT_FILE
    if damage == "changed":
        path.write_bytes(b"<script>alert(1)</script>")
    else:
        path.unlink()
    if damage == "a link":
        path.symlink_to(path.with_name("copy.html"))
        path.with_name("copy.html").write_bytes(PAGE)
    elif damage == "unreadable":
        path.mkdir()
    check_problem(web.get("/models/tiny/report"), 410, "report-gone")
    assert web.get("/sample", params={"model": "tiny"}).status_code == 200
