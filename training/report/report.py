"""The report: one HTML file that needs nothing else, readable in light and in dark."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.diagnosis.finding import Finding
from training.diagnosis.findings import findings
from training.report import tables
from training.report.figures import pictures
from training.report.report_subject import ReportSubject

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(subject: ReportSubject) -> bytes:
    """The same subject gives the same bytes."""
    seen = subject.diagnostics
    found = findings(seen, subject.reached) if seen else []
    page = _PAGES.get_template("report.html").render(
        subject=subject,
        findings=found,
        summary=_summary(found),
        missing=_missing(subject),
        losses=tables.losses(subject.reached),
        pictures=pictures(seen, subject.reached) if seen else [],
        quality=tables.quality(subject.quality) if subject.quality else None,
        numbers=[tables.layers(seen), tables.weights(seen)] if seen else [],
        facts=_facts(subject),
    )
    return page.encode()


def _summary(found: list[Finding]) -> str:
    """What is wrong, or that nothing is."""
    counts = Counter(finding.severity.value for finding in found)
    said = [f"{n} {word}{'' if n == 1 else 's'}" for word in ("warning", "note") if (n := counts[word])]
    as_usual = f"{counts['ok']} of {len(found)} checks found what is usual."
    return f"{' and '.join(said)}; {as_usual}" if said else f"Nothing unusual: {as_usual}"


def _missing(subject: ReportSubject) -> list[str]:
    lines = []
    if subject.diagnostics is None:
        lines.append("This version was published without diagnostics; to get them, train it again.")
    if not subject.reached.losses:
        lines.append("Its losses are not known.")
    if not subject.reached.baselines:
        lines.append("What counting reaches on the same names is not known; give the list to measure it.")
    return lines


def _facts(subject: ReportSubject) -> list[tables.Table]:
    titled = {
        "Training list": subject.facts.get("data"),
        "Configuration": subject.facts.get("config"),
        "Environment": subject.run.get("environment"),
        "Network": {str(i): layer for i, layer in enumerate(subject.layers)},
        "Run": {key: subject.run[key] for key in ("seconds", "total_seconds", "forced") if key in subject.run},
        "Gate": _gate(subject.run.get("gate")),
    }
    return [
        tables.Table(
            title, ["", ""], [[str(key), _plain(value)] for key, value in sorted(known.items(), key=_order)], text=True
        )
        for title, known in titled.items()
        if isinstance(known, Mapping) and known
    ]


def _gate(checks: Any) -> dict[str, str]:
    """Facts may have been written elsewhere, in another form."""
    known = [check for check in checks if isinstance(check, dict)] if isinstance(checks, list) else []
    words = {True: "passed", False: "refused"}
    return {
        str(check.get("name")): f"{words.get(check.get('passed') is True)}: {check.get('detail')}" for check in known
    }


def _order(entry: tuple[Any, Any]) -> tuple[int, str]:
    """Places of layers by number, names of facts by letters: a manifest's keys have lost their order."""
    key = str(entry[0])
    return (int(key), "") if key.isdecimal() else (-1, key)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
