"""The parts that explain: they show what /loss, /next and /top say."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]
Api = Callable[..., Any]
HOSTILE = '<img src="x" onerror="document.title=1">'


def test_each_letter_is_coloured_by_its_surprisal(visit: Visit, api: Api) -> None:
    scored = api("/loss", name="quinlan", details=True)["names"][0]
    page = visit("score", name="quinlan")
    tiles = page.locator(".tile.s0, .tile.s1, .tile.s2, .tile.s3, .tile.s4, .tile.s5").and_(page.locator("button"))
    expect(tiles).to_have_count(8)
    for i, character in enumerate(scored["characters"]):
        bits = -character["log_prob"] / math.log(2)
        tile = tiles.nth(i)
        assert tile.locator(".glyph").inner_text() == (character["char"] or "end")
        assert float(tile.locator(".odds").inner_text()) == pytest.approx(bits, abs=0.051)
        step = sum(bits >= bound for bound in (1, 2, 4, 6, 8))
        assert f"s{step}" in (tile.get_attribute("class") or "").split()
    assert f"log-probability −{-scored['log_prob']:.2f}" in page.inner_text(".scored .facts")
    assert "in the training list" in page.inner_text(".scored .facts")


def test_a_name_is_compared_with_names_the_model_has_not_seen(visit: Visit, api: Api) -> None:
    dev = api("/models/us-names")["losses"]["dev"]
    page = visit("score", name=["kayla", "xqzzt"])
    said = page.locator(".comparison p")
    expect(said.first).to_contain_text(f"{dev:.2f}")
    assert "much less likely than" in said.nth(1).inner_text()
    marks = page.locator(".line .mark, .line .usual").evaluate_all("(all) => all.map((m) => parseFloat(m.style.left))")
    usual_of_kayla, kayla, usual, xqzzt = marks
    assert kayla < usual == usual_of_kayla < xqzzt


def test_the_numbers_of_a_letter_show_on_hover_and_with_the_arrow_keys(visit: Visit) -> None:
    page = visit("score", name="emma")
    page.wait_for_load_state("networkidle")  # the list is drawn again when the models are known
    readout = page.locator(".readout")
    tiles = page.locator("button.tile")
    expect(readout).to_contain_text("The greatest surprise: “e” as the first letter")
    tiles.nth(2).hover()
    expect(readout).to_contain_text("“m” after “em”, 24 %, 2.1 bits")
    tiles.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    expect(readout).to_contain_text("the end after “emma”")
    page.keyboard.press("ArrowRight")  # there is nothing beyond
    expect(tiles.nth(4)).to_be_focused()
    assert tiles.evaluate_all("(all) => all.map((tile) => tile.tabIndex)") == [-1, -1, -1, -1, 0]


def test_names_are_scored_as_they_are_typed(visit: Visit) -> None:
    page = visit("score")
    expect(page.locator(".scored h3")).to_have_text(["Emma", "Quinlan", "Xqzzt"])
    page.fill("#score-names", "")
    expect(page.locator("#score-empty")).to_be_visible()
    expect(page.locator(".scored")).to_have_count(0)
    page.fill("#score-names", "zoë\n\n  ada  \n")
    expect(page.locator(".scored h3")).to_have_text(["zoë", "ada"])
    expect(page.locator(".scored .wrong")).to_contain_text("Not scored")
    assert page.url.endswith("#score?name=zo%C3%AB&name=ada")
    page.fill("#score-names", "\n".join(["ada"] * 41))
    expect(page.locator("#score-more")).to_be_visible()
    expect(page.locator(".scored")).to_have_count(40)


def test_nothing_that_is_typed_is_html(visit: Visit) -> None:
    page = visit("score", name=HOSTILE, model="us-names")
    expect(page.locator(".scored h3")).to_have_text(HOSTILE)
    assert page.locator("main img").count() == 0
    page = visit("explore", context=HOSTILE)
    expect(page.locator("#explore-problem")).to_be_visible()
    page = visit("generate", model=HOSTILE)
    expect(page.locator("#generate-problem")).to_be_visible()
    assert page.locator("main img").count() == 0
    assert page.title() == "namesmith"


def test_bars_show_what_follows_and_lead_on(visit: Visit, api: Api) -> None:
    answer = api("/next", context="em")["next"]
    page = visit("explore", context="em")
    bars = page.locator("#next .bar")
    expect(bars.first).to_be_visible()
    assert bars.locator(".glyph").all_text_contents() == [each["char"] or "end" for each in answer]
    widths = page.locator("#next .fill").evaluate_all("(all) => all.map((fill) => parseFloat(fill.style.width))")
    assert widths == pytest.approx([100 * each["prob"] / answer[0]["prob"] for each in answer], abs=0.01)
    expect(page.locator("#next > li:visible")).to_have_count(15)
    page.click("#all-letters")
    expect(page.locator("#next > li:visible")).to_have_count(27)

    page.locator("#next button", has_text="m").first.click()
    expect(page.locator("#next-title")).to_have_text("What comes after “emm”")
    assert page.input_value("#context") == "emm"
    expect(page.locator("#context")).to_be_focused()
    page.click("#back")
    expect(page.locator("#next-title")).to_have_text("What comes after “em”")
    page.click("#restart")
    expect(page.locator("#next-title")).to_have_text("How names begin")
    expect(page.locator("#back")).to_be_disabled()


def test_the_likeliest_names_are_those_of_top(visit: Visit, api: Api) -> None:
    answer = api("/top", k=15, prefix="ro")
    page = visit("explore", context="ro")
    expect(page.locator("#top li")).to_have_count(15)
    assert page.locator("#top a").all_inner_texts() == [name["name"] for name in answer["names"]]
    odds = float(page.inner_text("#top-share").split()[2].replace(",", ""))
    assert odds == pytest.approx(1 / answer["probability"], rel=0.05)


def test_a_letter_that_the_model_does_not_know_is_told(visit: Visit) -> None:
    page = visit("explore", context="é")
    expect(page.locator("#explore-problem h3")).to_have_text("That letter is not in the alphabet")
    expect(page.locator("#explored")).to_be_hidden()
    page.fill("#context", "e")
    expect(page.locator("#explored")).to_be_visible()
    expect(page.locator("#explore-problem")).to_be_hidden()
