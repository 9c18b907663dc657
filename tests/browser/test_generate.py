"""The part that invents names says what /sample says."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

from service.http.requests import SampleRequest
from tests.running import Running

Visit = Callable[..., Page]
Api = Callable[..., Any]
ALL = {
    "prefix": "ka",
    "suffix": "a",
    "contains": "l",
    "n": "7",
    "temperature": "0.85",
    "min_length": "4",
    "max_length": "12",
    "near": "kamila",
    "distance": "3",
    "exclude": ["x", "rr"],
    "novel": "true",
    "unique": "true",
    "case": "upper",
    "pattern": "k.*",
    "top_k": "20",
    "top_p": "0.95",
    "seed": "forge",
}
_COUNT_LETTERS = """addEventListener("DOMContentLoaded", () => {
  window.seen = [];
  new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(
    (node) => window.seen.push(node.querySelector(".glyph").textContent)
  ))).observe(document.getElementById("letters"), { childList: true });
})"""


def shown(page: Page, count: int) -> list[str]:
    """The names in the list, once it is whole."""
    expect(page.locator("#names-said")).not_to_be_empty()
    expect(page.locator("#names li")).to_have_count(count)
    return page.locator("#names a").all_inner_texts()


def test_it_shows_the_names_of_the_api_and_which_are_new(visit: Visit, api: Api) -> None:
    wanted = {"suffix": "lyn", "max_length": 9, "seed": 11, "n": 12}
    answer = api("/sample", details=True, **wanted)
    page = visit("generate", **wanted)
    assert shown(page, 12) == answer["names"]
    marked = page.locator("#names li:has(.unseen) a").all_inner_texts()
    new = [detail["name"] for detail in answer["details"] if detail["novel"]]
    assert marked == new
    assert new
    assert f"{len(new)} of them new" in page.inner_text("#names-said")


def test_it_says_the_exact_probability_in_words(visit: Visit, api: Api) -> None:
    odds = 1 / api("/sample", suffix="lyn", seed=1)["probability"]
    page = visit("generate", suffix="lyn", seed=1)
    shown(page, 10)
    said = page.inner_text("#probability")
    assert said.startswith("1 in ")
    assert float(said[5:].replace(",", "")) == pytest.approx(odds, rel=0.05)
    page = visit("generate", seed=1)
    shown(page, 10)
    assert page.inner_text("#probability") == f"{api('/sample', seed=1)['probability']:.2%}".replace("%", " %")


def test_the_first_names_appear_letter_by_letter(visit: Visit, api: Api) -> None:
    names = api("/sample", n=5, seed=3)["names"]
    page = visit("generate", lambda page: page.add_init_script(_COUNT_LETTERS), n=5, seed=3, motion="no-preference")
    expect(page.locator("#letters .letter").first).to_be_visible()
    waiting = page.locator("#names .waiting")
    expect(waiting.first).to_be_attached()  # the list is not there before its first names were
    assert shown(page, 5) == names
    assert page.evaluate("window.seen") == [char for name in names[:3] for char in (*name, "end")]
    expect(waiting).to_have_count(0)
    assert page.locator("#letters .letter .glyph").all_inner_texts() == [*names[2], "end"]
    assert page.locator("#letters ul").first.locator("li").count() == 3


def test_every_setting_has_a_control_and_the_link_carries_them_all(visit: Visit, api: Api) -> None:
    page = visit("generate", **ALL)
    names = shown(page, 7)
    assert names == api("/sample", **ALL)["names"]
    form = page.locator("#generate-form")
    for field in set(SampleRequest.model_fields) - {"model", "details"}:  # the model is chosen for all parts
        control = form.locator(f"[name={field}]")
        expect(control.first).to_be_attached()
        assert field in ALL
    values = page.evaluate("Object.fromEntries(new FormData(document.getElementById('generate-form')))")
    assert values == {**ALL, "novel": "on", "unique": "on", "exclude": "x rr"}
    assert "exclude=x&exclude=rr" in page.url
    again = visit("generate", **parse_qs(page.url.partition("?")[2]))
    assert shown(again, 7) == names
    page.click("#clear")
    expect(page).to_have_url(page.url.partition("#")[0] + "#generate")


def test_more_like_a_name(visit: Visit, api: Api) -> None:
    """What was asked of letters no longer holds, everything else does."""
    page = visit("generate", seed=5, n=6, suffix="lyn", exclude="x", novel="true")
    name = shown(page, 6)[1]
    with page.expect_response(lambda response: "/sample" in response.url):
        page.get_by_role("button", name=f"More like {name}", exact=True).click()
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#near")).to_have_value(name)
    expect(page.locator("#suffix")).to_have_value("")
    expect(page.locator("#names-said")).to_contain_text("6 of them new")
    names = shown(page, 6)
    known = {"n": 6, "near": name, "exclude": "x", "novel": True, "seed": page.inner_text("#seed-used")}
    assert names == api("/sample", **known)["names"]
    page.go_back()
    expect(page.locator("#suffix")).to_have_value("lyn")


def test_a_wrong_part_is_told_beside_the_field(visit: Visit) -> None:
    page = visit("generate", exclude="x" * 65)
    expect(page.locator("#wrong-exclude")).to_contain_text("64")


def test_changing_a_setting_draws_anew(visit: Visit) -> None:
    page = visit("generate", seed=1)
    shown(page, 10)
    page.fill("#prefix", "qu")
    expect(page.locator("#names a")).to_have_text([re.compile("^Qu")] * 10)
    assert "prefix=qu" in page.url
    page.locator("[data-mirrors]").fill("0.3")
    assert page.input_value("#temperature") == "0.3"
    expect(page).to_have_url(re.compile("temperature=0.3"))


def test_a_set_that_runs_out_says_so(visit: Visit) -> None:
    page = visit("generate", pattern="ann|anna", unique="true")
    assert sorted(shown(page, 2)) == ["Ann", "Anna"]
    assert "no more distinct names exist" in page.inner_text("#names-said")


def test_what_is_taken_away_are_the_same_names(visit: Visit, api: Api, site: Running, tmp_path: Path) -> None:
    page = visit("generate", contains="oo", n=600)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown(page, 500)  # the page shows no more
    assert "100 more" in page.inner_text("#names-more")
    seed = page.inner_text("#seed-used")
    names = api("/sample", contains="oo", n=600, seed=seed)["names"]
    assert page.locator("#names a").all_inner_texts() == names[:500]

    for kind, first in (("txt", names[0]), ("csv", "name"), ("json", '{"names":')):
        with page.expect_download() as download:
            page.click(f"#save-{kind}")
        assert download.value.suggested_filename == f"names.{kind}"
        path = tmp_path / kind
        download.value.save_as(path)
        text = path.read_text()
        assert text.startswith(first)
        assert all(name in text for name in names)

    page.click("#copy-names")
    expect(page.locator("#copy-names")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").split() == names
    page.click("#copy-link")
    expect(page.locator("#copy-link")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{site.url}/#generate?contains=oo&n=600&seed={seed}"

    command = page.inner_text("#curl")
    assert command == f"curl '{site.url}/sample?contains=oo&n=600&seed={seed}'"
    answered = subprocess.run(["bash", "-c", command + " -s"], capture_output=True, text=True, check=True)
    assert names[0] in answered.stdout


def test_a_seed_can_be_kept(visit: Visit) -> None:
    page = visit("generate")
    names = shown(page, 10)
    page.click("#keep-seed")
    assert page.input_value("#seed") == page.inner_text("#seed-used")
    page.click("text=Draw names")
    page.wait_for_load_state("networkidle")
    assert shown(page, 10) == names


def test_a_name_leads_to_its_score(visit: Visit) -> None:
    page = visit("generate", seed=5, n=2)
    name = shown(page, 2)[0]
    page.locator("#names a").first.click()
    expect(page.locator(".scored h3")).to_have_text(name)
    page.go_back()
    assert shown(page, 2)[0] == name
