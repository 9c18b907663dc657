"""A good run, one without the gain, one with weights ten times too large and one with steps a hundred times too large:
the findings tell them apart, with and without normalisation."""

from collections.abc import Callable
from typing import Any

import pytest

from training.diagnosis.finding import Reached
from training.report.figures import pictures

Watch = Callable[[str, bool], Any]
RUNS = ("good", "no gain", "large weights", "large steps")
BOTH = pytest.mark.parametrize("normalised", [True, False], ids=["BatchNorm", "plain"])


def titles(run: Any) -> str:
    return "\n".join(run.unusual)


@BOTH
def test_the_good_run_has_no_warning(watched: Watch, normalised: bool) -> None:
    run = watched("good", normalised)
    assert [finding.title for finding in run.findings if finding.severity == "warning"] == []
    assert "The first weights have the right size" in [finding.title for finding in run.findings]


@BOTH
def test_a_missing_gain_is_named_with_its_size(watched: Watch, normalised: bool) -> None:
    run = watched("no gain", normalised)
    found = next(finding for finding in run.findings if "gain is missing" in finding.title)
    assert "1.7 times too small" in found.title
    assert found.severity == ("note" if normalised else "warning")
    assert ("makes up for it" in found.detail) == normalised
    assert ("Activations narrow" in titles(run)) == (not normalised)
    if normalised:  # without, the usual steps are truly too large for smaller weights
        assert "Steps too large" not in titles(run)


@BOTH
def test_weights_ten_times_too_large_are_named_with_their_size(watched: Watch, normalised: bool) -> None:
    run = watched("large weights", normalised)
    assert "Initial weights 10" in titles(run)
    assert ("saturated 9" in titles(run)) == (not normalised)
    assert ("initial weights too large" in titles(run)) == (not normalised)
    assert "Steps too large" not in titles(run)
    assert "gain is missing" not in titles(run)


@BOTH
def test_steps_a_hundred_times_too_large_are_named(watched: Watch, normalised: bool) -> None:
    run = watched("large steps", normalised)
    assert "Steps too large" in titles(run)
    assert "steps too large" in titles(run)
    assert "Initial weights" not in titles(run)


@BOTH
def test_no_two_runs_read_alike_or_look_alike(watched: Watch, normalised: bool) -> None:
    runs = [watched(name, normalised) for name in RUNS]
    assert len({titles(run) for run in runs}) == len(RUNS)
    drawn = [{p.name: p.svg for p in pictures(run.diagnostics, Reached())} for run in runs]
    for name in ("weight-scales", "updates"):
        assert len({pictures[name] for pictures in drawn}) == len(RUNS)


def test_normalised_activations_begin_alike_whatever_the_weights(watched: Watch) -> None:
    spreads = [[round(layer.outputs.std, 2) for layer in watched(name, True).diagnostics.bounded(0)] for name in RUNS]
    assert all(spread == spreads[0] for spread in spreads)


def test_every_finding_says_what_why_and_on_whose_word(watched: Watch) -> None:
    for name in RUNS:
        for finding in watched(name, False).findings:
            assert finding.title
            assert finding.detail.endswith(".")
            assert finding.source
