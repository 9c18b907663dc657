"""`preferred`: which form an Accept header asks for, by the rules of RFC 9110, section 12.5.1."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.http.negotiation import preferred

OFFERED = {"application/json": "json", "application/x-ndjson": "ndjson", "text/csv": "csv", "text/plain": "lines"}


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        # nothing said, or anything
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        # one form
        ("application/json", "json"),
        ("application/x-ndjson", "ndjson"),
        ("text/csv", "csv"),
        ("text/plain", "lines"),
        ("text/*", "csv"),
        # letters of either case, white space, empty elements, parameters
        ("Text/CSV", "csv"),
        ("  text/csv  ;  q=1 ", "csv"),
        (",, text/plain ,,", "lines"),
        ("text/plain;charset=utf-8", "lines"),
        ("text/csv;header=present;q=0.5, text/plain;q=0.4", "csv"),
        ("text/csv;Q=0.1, text/plain;Q=0.2", "lines"),
        # weights
        ("application/json;q=0.5, text/csv", "csv"),
        ("text/csv;q=0.5, application/json;q=0.4", "csv"),
        ("text/csv;q=0.001, application/json;q=0", "csv"),
        ("text/plain;q=0.7, text/csv;q=0.71", "csv"),
        ("text/plain;q=1.000, text/csv;q=0.999", "lines"),
        # the more specific range says more, wherever it stands
        ("text/*;q=0.9, text/csv;q=0.1", "lines"),
        ("text/csv;q=0.1, text/*;q=0.9", "lines"),
        ("*/*;q=0.1, text/*;q=0.2, application/*;q=0.3", "json"),
        ("*/*, application/json;q=0.5", "ndjson"),
        ("*/*;q=0.5, text/plain", "lines"),
        ("application/json;q=0, application/*", "ndjson"),
        ("text/csv;q=0, text/*", "lines"),
        ("*/*, application/*;q=0", "csv"),
        # the first one offered among equals, not the first one named
        ("text/plain, text/csv, application/x-ndjson, application/json", "json"),
        ("text/plain, text/csv", "csv"),
        # none of them
        ("image/png", "json"),
        ("text/html", "json"),
        ("text/csv;q=0", "json"),
        ("*/*;q=0", "json"),
        ("application/json;q=0", "json"),
        # what browsers send
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
        # junk
        (";", "json"),
        ("/", "json"),
        ("*", "json"),
        ("text/", "json"),
        ("text", "json"),
        ("text/csvx", "json"),
        ("xtext/csv", "json"),
        ("text/csv;q=", "json"),
        ("text/csv;q=high", "json"),
        ("text/csv;q=nan", "json"),
        ("text/csv;q=-1", "json"),
        ("text/csv;q=high, text/plain;q=0.1", "lines"),
        ("text/csv text/plain", "json"),
        ("text/csv\x00", "json"),
        ("téxt/csv", "json"),
    ],
)
def test_the_form_of_a_header(accept: str | None, form: str) -> None:
    assert preferred(accept, OFFERED) == form


@given(st.permutations(["text/csv;q=0.4", "text/*;q=0.3", "*/*;q=0.2", "application/x-ndjson;q=0.1", "image/png"]))
def test_the_order_of_ranges_does_not_matter(ranges: list[str]) -> None:
    assert preferred(",".join(ranges), OFFERED) == "csv"


@given(st.dictionaries(st.sampled_from(sorted(OFFERED)), st.integers(0, 1000), min_size=1))
def test_the_greatest_weight_wins(weights: dict[str, int]) -> None:
    accept = ", ".join(f"{media_type};q={weight / 1000:.3f}" for media_type, weight in weights.items())
    most = max(weights.values())
    best = [media_type for media_type in OFFERED if weights.get(media_type, 0) == most and most > 0]
    assert preferred(accept, OFFERED) == OFFERED[best[0] if best else "application/json"]


RANGES = ["text/csv", "text/plain", "application/json", "application/x-ndjson", "text/*", "application/*", "*/*"]


def test_every_pair_of_ranges_follows_the_rules() -> None:
    """Weights of 0, 0.3 and 1: the most specific range that covers a type gives its weight."""
    for (one, other), p, q in itertools.product(itertools.permutations(RANGES, 2), (0, 0.3, 1), (0, 0.3, 1)):
        weights = {one: p, other: q}

        def weight(media_type: str, weights: dict[str, float] = weights) -> float:
            covering = (media_type, media_type.split("/")[0] + "/*", "*/*")
            return next((weights[name] for name in covering if name in weights), 0)

        most = max(map(weight, OFFERED))
        expected = next((t for t in OFFERED if most > 0 and weight(t) == most), "application/json")
        accept = f"{one};q={p}, {other};q={q}"
        assert preferred(accept, OFFERED) == OFFERED[expected], accept


@settings(max_examples=500)
@given(st.text() | st.text(st.sampled_from("textcsv/*;q=.019, ")))
def test_any_text_gives_some_form(accept: str) -> None:
    assert preferred(accept, OFFERED) in OFFERED.values()


def test_a_weight_is_never_cut_off_a_long_header() -> None:
    """`text/plain;q=0`, cut behind its type, would be a wish."""
    for filler in range(900, 1010):
        accept = "image/" + "x" * filler + ", text/plain;q=0, application/json;q=0.1"
        assert preferred(accept, OFFERED) == "json"


@pytest.mark.parametrize(
    "accept",
    [
        "text/csv" + ",image/png" * 6_000,
        "text/csv" + "," * 60_000,
        "text/csv" + ";a=b" * 15_000,
        "text/csv, " + "x" * 60_000,
        "text/csv, " + "text/plain;q=0.1," * 3_000,
    ],
    ids=["ranges", "commas", "parameters", "one long range", "weights"],
)
def test_a_very_long_header_is_read_in_no_time(accept: str) -> None:
    """The event loop waits for it: 20 ms, for a header at the server's limit."""
    began = time.process_time()
    assert preferred(accept, OFFERED) == "csv"
    assert time.process_time() - began < 0.02
