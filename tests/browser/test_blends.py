"""Two models of one alphabet, blended on the page."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_models_page import publish
from tests.running import Running

Visit = Callable[..., Page]
Api = Callable[..., Any]


@pytest.fixture(autouse=True, scope="module")
def village(store: Path, site: Running) -> Iterator[None]:
    """A second model of the bundled one's alphabet, as long as these tests run."""

    def wait_for(served: bool) -> None:
        until = time.monotonic() + 30
        while (httpx.get(f"{site.url}/models/village").status_code == 200) != served:
            assert time.monotonic() < until
            time.sleep(0.1)

    publish(store, "village", {})
    wait_for(served=True)
    yield
    shutil.rmtree(store / "village")
    wait_for(served=False)


def test_a_blend_is_chosen_shared_and_undone(visit: Visit, api: Api) -> None:
    page = visit("generate", seed=5)
    partner, shares = page.locator("#partner"), page.locator("#shares")
    expect(partner.locator("option", has_text="village")).to_have_count(1)
    expect(page.locator("#share")).to_be_hidden()
    partner.select_option("village")
    expect(shares).to_have_text("50 % us-names, 50 % village")
    expect(page).to_have_url(re.compile(r"model=us-names%2Bvillage"))
    assert page.locator("#model").input_value() == "us-names+village"
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    names = api("/sample", model="us-names+village", seed=5)["names"]
    expect(page.locator("#names a")).to_have_text(names)

    page.focus("#share")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect(shares).to_have_text("70 % us-names, 30 % village")
    expect(page).to_have_url(re.compile(r"model=us-names\*7%2Bvillage\*3"))
    expect(page.locator("#curl")).to_contain_text("village")

    partner.select_option("")
    expect(page.locator("#share")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("model="))


@pytest.mark.parametrize("part", ["generate", "score", "explore"])
def test_a_link_to_a_blend_shows_it_in_each_part(visit: Visit, api: Api, part: str) -> None:
    page = visit(part, model="village*1+us-names*4", **({"name": "emma"} if part == "score" else {}))
    expect(page.locator("#shares")).to_have_text("20 % village, 80 % us-names")
    assert page.locator("#model").input_value() == "village*1+us-names*4"
    if part == "score":
        expect(page.locator("#scores li")).to_have_count(1)
    elif part == "explore":
        first = api("/next", model="village+us-names*4")["next"][0]["char"]
        expect(page.locator("#next")).to_contain_text(first)


def test_a_blend_that_cannot_be_is_told(visit: Visit) -> None:
    page = visit("generate", model="us-names+gone")
    expect(page.locator("#generate-problem")).to_contain_text("That model is not served")
