"""What the tests of promises under faults share: their two sizes, and the figures that they print."""

import os
from collections.abc import Callable

import pytest

FULL = os.environ.get("NAMESMITH_SOAK") == "full"
"""Set by `scripts/soak`: the sizes that are promised. Else smaller ones, for every change."""
_FIGURE = "reliability figure"


@pytest.fixture
def size() -> Callable[[int, int], int]:
    """`size(small, full)`: which of the two this run takes."""
    return lambda small, full: full if FULL else small


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str, str], None]:
    """`figure(row, text)`: what was measured for a row of docs/reliability.md, printed at the end of the run."""
    return lambda row, text: record_property(_FIGURE, f"| {row} | {text} |")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    figures = [
        value
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for key, value in report.user_properties
        if key == _FIGURE
    ]
    if figures:
        terminalreporter.section("figures of reliability, " + ("in full" if FULL else "small sizes"))
        terminalreporter.write_line("\n".join(map(str, figures)))
