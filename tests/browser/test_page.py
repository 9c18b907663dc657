"""The page as a whole: weight, speed, accessibility, small screens, the keyboard, dark."""

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, Response, expect

from tests.running import Running

Visit = Callable[..., Page]
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
PARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "generate": ("#names a", {"prefix": "ka", "novel": "true", "seed": 1}),
    "score": (".scored", {}),
    "explore": ("#top li", {"context": "em"}),
    "models": (".card", {}),
}
MAX_WEIGHT = 150_000
_FIRST_NAME = """addEventListener("DOMContentLoaded", () => {
  const list = document.getElementById("names");
  new MutationObserver((_, observer) => {
    if (!list.querySelector("a")) return;
    window.firstName = performance.now();
    observer.disconnect();
  }).observe(list, { childList: true });
  new MutationObserver((_, observer) => {
    window.firstLetter = performance.now();
    observer.disconnect();
  }).observe(document.getElementById("letters"), { childList: true });
})"""


def at(visit: Visit, part: str, **options: Any) -> Page:
    """The page at this part, once it shows something."""
    ready, fields = PARTS[part]
    page = visit(part, **fields, **options)
    expect(page.locator(ready).first).to_be_visible()
    return page


def serious(page: Page) -> list[str]:
    """What axe-core finds to be serious or worse, and where."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    return [
        f"{violation['id']}: {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("part", PARTS)
def test_axe_finds_nothing_serious(visit: Visit, part: str, theme: Literal["light", "dark"]) -> None:
    page = at(visit, part, color_scheme=theme)
    page.locator("details").evaluate_all("(all) => all.forEach((details) => { details.open = true; })")
    assert serious(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_problems_and_questions(visit: Visit, theme: Literal["light", "dark"]) -> None:
    page = visit("generate", prefix="emma", max_length=3, color_scheme=theme)
    expect(page.locator("#generate-problem")).to_be_visible()
    assert serious(page) == []
    page.route("**/sample/stream?**", lambda route: route.fulfill(status=401, body='{"status": 401, "detail": "no"}'))
    page.click("#generate-problem button")
    expect(page.locator("#key-dialog")).to_be_visible()
    assert serious(page) == []


def test_it_is_light_and_soon_there_and_loads_nothing_from_elsewhere(
    visit: Visit, site: Running, figure: Callable[[str], None]
) -> None:
    answers: list[Response] = []

    def prepare(page: Page) -> None:
        page.on("response", lambda answer: answers.append(answer))
        page.add_init_script(_FIRST_NAME)

    page = visit("", prepare, motion="no-preference")
    expect(page.locator("#names-said")).to_contain_text("10 names")
    assert all(answer.url.startswith(site.url) for answer in answers)
    pages = [answer for answer in answers if answer.url == f"{site.url}/" or "/pages/" in answer.url]
    weight = sum(len(answer.body()) for answer in pages)
    assert weight < MAX_WEIGHT
    letter, name = page.evaluate("[window.firstLetter, window.firstName]")
    figure(f"the playground weighs {weight / 1000:.0f} kB in {len(pages)} files, not compressed; from the start of")
    figure(f"loading to the first letter {letter:.0f} ms, to the first whole name, letter by letter, {name:.0f} ms")


def test_the_documentation_of_the_api_works_under_the_same_policy(browser: Any, site: Running) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.url}/docs")
    operation = page.locator("#operations-names-get_sample_sample_get")
    operation.locator("button").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".responses-table .response").first).to_contain_text('"names"')
    assert all(url.startswith((site.url, "data:")) for url in asked)
    page.close()


@pytest.mark.parametrize("part", PARTS)
def test_a_phone_shows_every_part_without_scrolling_sideways(visit: Visit, part: str) -> None:
    page = at(visit, part, viewport={"width": 390, "height": 844})
    page.wait_for_load_state("networkidle")
    page.locator("details").evaluate_all("(all) => all.forEach((details) => { details.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for control in page.locator("button:visible, input:visible, select:visible, a:visible, textarea:visible").all():
        box = control.bounding_box()
        if box is None:  # drawn anew meanwhile
            continue
        skipped = box["x"] < 0 and control.get_attribute("class") == "skip"
        inside = box["x"] >= 0 and box["x"] + box["width"] <= 390.5
        assert skipped or inside, control.evaluate("(element) => element.outerHTML")


def test_everything_can_be_done_with_the_keyboard(visit: Visit) -> None:
    page = visit("")
    expect(page.locator("#names a")).to_have_count(10)
    press = page.keyboard.press
    press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    press("Tab")
    expect(page.locator("#tab-generate")).to_be_focused()
    for _ in range(5):  # the model, the API, the theme, the first two fields
        press("Tab")
    expect(page.locator("#suffix")).to_be_focused()
    page.keyboard.type("lyn")
    press("Enter")
    expect(page.locator("#names a")).to_have_text([re.compile("lyn$", re.IGNORECASE)] * 10)
    for _ in range(3):
        press("Tab")
    expect(page.get_by_role("button", name="Draw names")).to_be_focused()
    press("Space")
    expect(page.locator("#names-said")).to_contain_text("10 names")

    page.locator("#tab-generate").focus()
    press("ArrowRight")
    expect(page.locator("#tab-score")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Score")).to_be_visible()
    expect(page.get_by_role("tabpanel")).to_have_count(1)
    press("ArrowRight")
    expect(page.locator("#top li").first).to_be_visible()
    for _ in range(4):
        press("Tab")
    expect(page.locator("#context")).to_be_focused()
    page.keyboard.type("em")
    expect(page.locator("#next-title")).to_have_text("What comes after “em”")
    for _ in range(3):  # back, start again, the first bar
        press("Tab")
    press("Enter")
    expect(page.locator("#next-title")).to_have_text("What comes after “emm”")
    page.locator("#tab-explore").focus()
    press("End")
    expect(page.locator("#tab-models")).to_be_focused()
    press("ArrowRight")
    expect(page.locator("#tab-generate")).to_be_focused()
    expect(page.locator("#suffix")).to_have_value("lyn")  # as it was left
    focused = page.locator(":focus-visible").evaluate("(element) => getComputedStyle(element).outlineStyle")
    assert focused == "solid"


def background(page: Page) -> str:
    colour: str = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return colour


def test_dark_follows_the_system_until_it_is_chosen(visit: Visit) -> None:
    light, dark = (background(visit("", color_scheme=theme)) for theme in ("light", "dark"))
    assert light != dark
    page = visit("", color_scheme="dark")
    toggle = page.get_by_role("button", name="Dark theme")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    page.emulate_media(color_scheme="light")
    assert background(page) == light
    expect(toggle).to_have_attribute("aria-pressed", "false")
    toggle.click()
    assert background(page) == dark
    page.reload()
    assert background(page) == dark
    expect(toggle).to_have_attribute("aria-pressed", "true")


def test_motion_is_left_out_where_it_is_not_wanted(visit: Visit) -> None:
    page = visit("generate")
    expect(page.locator(".letter").first).to_have_css("animation-name", "none")
