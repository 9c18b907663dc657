"""One file that needs nothing else, well formed, small, and with every word of a user escaped."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from training.diagnosis.diagnostics import Diagnostics
from training.diagnosis.finding import Reached
from training.report.figures import pictures
from training.report.report import render
from training.report.report_subject import ReportSubject

Watch = Callable[[str, bool], Any]
VOID = {"meta", "link", "br", "hr", "img", "input"}
EVIL = "<script>alert(1)</script>\"'&"
MAX_BYTES = 2_000_000
QUALITY = {
    "count": 10_000,
    "validity": 0.999,
    "uniqueness": {1000: 0.98, 10_000: 0.91},
    "novelty": 0.4,
    "distances": {"length": 0.001, "bigram": 0.01, "trigram": 0.06},
    "noise_floor": {"length": 0.002, "bigram": 0.02, "trigram": 0.09},
    "held_out_novelty": 0.876,
}


class Page(HTMLParser):
    """Elements that are opened and closed in order, their attributes, and the words."""

    def __init__(self, content: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(content.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def seen(watched: Watch) -> Diagnostics:
    found: Diagnostics = watched("good", True).diagnostics
    return found


@pytest.fixture(scope="module")
def subject(seen: Diagnostics) -> ReportSubject:
    facts = {"losses": {"train": 2.0, "dev": 2.1, "test": None}, "data": {"source": EVIL}, "config": {EVIL: EVIL}}
    run = {
        "baselines": {"dev": {"unigram": 2.8, "bigram": 2.5, "kneser_ney": 2.2}},
        "quality": QUALITY,
        "environment": {"torch": "2"},
        "gate": [{"name": "names end", "passed": True, "detail": EVIL}],
    }
    return ReportSubject(EVIL, seen, "ab" * 32, [EVIL], facts, run, [EVIL, "emma"])


def test_it_is_well_formed_and_needs_nothing_else(subject: ReportSubject) -> None:
    content = render(subject)
    page = Page(content)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "xlink:href", "action", "srcset"):
            assert value
            assert value.startswith("#")
    assert b"@import" not in content
    assert re.findall(rb"url\((?!#)", content) == []
    assert len(content) < MAX_BYTES / 4


def test_ids_are_unique_and_what_is_referred_to_exists(subject: ReportSubject) -> None:
    text = render(subject).decode()
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'(?:url\(#|href="#)([^)"]+)', text):
        assert target in ids


def test_every_word_of_a_user_is_escaped(subject: ReportSubject) -> None:
    content = render(subject)
    assert b"<script" not in content
    assert EVIL in Page(content).text


def test_it_reads_in_light_and_in_dark_and_aloud(subject: ReportSubject) -> None:
    content = render(subject).decode()
    assert "prefers-color-scheme: dark" in content
    assert "currentColor" in content
    for picture in pictures(subject.diagnostics, Reached()) if subject.diagnostics else []:
        assert f'aria-labelledby="{picture.name}-title {picture.name}-desc"' in picture.svg
        assert "#010203" not in picture.svg
        assert not re.search(
            r"(fill|stroke): (#000000|#ffffff|black|white)\b(?!; (fill|stroke)-opacity: 0)", picture.svg
        )


def test_it_shows_losses_beside_those_of_counting_and_the_quality(subject: ReportSubject) -> None:
    text = Page(render(subject)).text
    for words in ("2.1000", "counting contexts (Kneser-Ney)", "2.2000", "distinct among 10,000", "91.0%", "0.0600"):
        assert words in text


def test_equal_subjects_give_equal_bytes(subject: ReportSubject) -> None:
    assert render(subject) == render(subject)


@pytest.mark.parametrize(
    "facts",
    [{}, {"losses": "low"}, {"losses": {"dev": "low"}, "data": [1], "config": None}],
    ids=["none", "odd", "odder"],
)
def test_what_is_not_known_is_left_out_and_named(facts: dict[str, Any]) -> None:
    text = Page(
        render(ReportSubject("bare", None, facts=facts, run={"gate": "?", "baselines": [1], "quality": 3}))
    ).text
    assert "without diagnostics" in text
    assert "losses are not known" in text


def test_a_run_that_failed_before_its_first_step_has_a_report(seen: Diagnostics) -> None:
    empty = Diagnostics(300, 27, seen.layers, [], replace(seen.train, steps=[], values=[]), seen.dev, {}, "no luck")
    assert "The run did not produce a model" in Page(render(ReportSubject("none", empty))).text


def test_a_deep_stack_stays_small(seen: Diagnostics) -> None:
    """Twenty times the layers: only some are drawn, and all are in the tables."""
    times, n = 20, len(seen.layers)
    layers = [
        replace(t, index=i * n + t.index, label=f"{i * n + t.index} X") for i in range(times) for t in seen.layers
    ]
    looks = [
        replace(
            look,
            layers=[replace(x, index=i * n + x.index) for i in range(times) for x in look.layers],
            weights=[
                replace(w, layer=i * n + w.layer, name=f"{i * n + w.layer}.weight")
                for i in range(times)
                for w in look.weights
            ],
        )
        for look in seen.looks
    ]
    updates = {f"{i * n + int(k.split('.')[0])}.weight": c for i in range(times) for k, c in seen.updates.items()}
    content = render(ReportSubject("deep", replace(seen, layers=layers, looks=looks, updates=updates)))
    assert len(content) < MAX_BYTES
    assert f"{times * n - 1} X" in content.decode()
