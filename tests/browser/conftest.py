"""What the tests of the pages share: the service as a process, Debian's Chromium, and pages that are watched."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2 as httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.running import Running, running

_FIGURE = "page figure"
_PATIENCE_MILLISECONDS = 20_000  # a machine may be busy with other tests
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Own models of the service; a test may publish some."""
    return tmp_path_factory.mktemp("pages") / "own"


@pytest.fixture(scope="session")
def site(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; on Debian: apt install chromium")
    with running(store, tmp_path_factory.mktemp("log") / "service.log") as service:
        yield service


@pytest.fixture(scope="module")
def browser(site: Running) -> Iterator[Browser]:
    """Ended with each file: while it runs, no other event loop can run in this process."""
    assert site.url
    expect.set_options(timeout=_PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, site: Running) -> Iterator[Callable[..., Page]]:
    """`visit("score", name="emma")`: a page of its own at this part, without motion unless that is asked for. What
    the page itself gets wrong fails the test: an exception, or something that its policy forbids."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def go(part: str = "", prepare: Callable[[Page], None] | None = None, **fields: Any) -> Page:
        options = {name: fields.pop(name) for name in list(fields) if name in ("viewport", "color_scheme")}
        motion = fields.pop("motion", "reduce")
        context = browser.new_context(reduced_motion=motion, **options)
        contexts.append(context)
        context.set_default_timeout(_PATIENCE_MILLISECONDS)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: wrong.append(line.text) if "Content Security Policy" in line.text else None)
        if prepare:
            prepare(page)
        page.goto(f"{site.url}/{'#' if part else ''}{part}{'?' if fields else ''}{urlencode(fields, doseq=True)}")
        return page

    yield go
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def api(site: Running) -> Iterator[Callable[..., Any]]:
    """`api("/sample", n=3)`: what the service itself answers."""
    with httpx.Client(base_url=site.url) as client:
        yield lambda path, **fields: client.get(path, params=fields).raise_for_status().json()


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """`figure(text)`: what was measured, printed at the end of the run."""
    return lambda text: record_property(_FIGURE, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for report in terminalreporter.stats.get("passed", []) if isinstance(report, pytest.TestReport)]
    figures = [value for report in reports for key, value in report.user_properties if key == _FIGURE]
    if figures:
        terminalreporter.section("figures of the page")
        terminalreporter.write_line("\n".join(map(str, figures)))
