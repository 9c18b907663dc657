"""The part that shows what is served, and follows it."""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from playwright.sync_api import Page, expect

from model.network import checkpoint
from model.network.checkpoint import Checkpoint
from model.store.store import BUNDLED, Store
from model.store.version_files import REPORT_FILE
from tests.running import ROOT

Visit = Callable[..., Page]
Api = Callable[..., Any]
TEMPLATES = Environment(loader=FileSystemLoader(ROOT / "training" / "report" / "templates"), autoescape=True)
SVG = """<svg viewBox="0 0 60 20" width="60" height="20"><defs><style type="text/css">*{stroke-linejoin: round}</style>
<path id="dot" d="M 0 0 L 9 9" style="stroke: currentColor"/></defs><script>alert(1)</script>
<use xlink:href="#dot" x="1" y="2" style="fill: none"/></svg>"""
VILLAGE = {"baselines": {"dev": {"unigram": 2.8123, "bigram": 2.5, "kneser_ney": 2.2004}}}


def publish(store: Path, name: str, report: Mapping[str, bytes], **facts: Any) -> str:
    """Publishes the bundled network as another version, with these facts, under this name; returns the digest."""
    bundled = Store(BUNDLED).load("us-names")
    model = bundled.checkpoint
    known = {**model.facts, "of": name, **facts}
    data = checkpoint.dumps(Checkpoint(model.stack, model.block_size, model.vocabulary, known))
    return Store(store).publish(name, data, bundled.training_names, VILLAGE, report)


def report() -> bytes:
    """A report as `training` writes it, by its own template."""
    picture = {"title": "A picture", "description": "What it shows.", "markup": Markup(SVG)}
    finding = {"severity": "note", "title": "Some units are dead", "detail": "In layer 4.", "source": "a test"}
    subject = {"name": "village", "digest": "d", "samples": []}
    page = TEMPLATES.get_template("report.html").render(
        subject=subject, findings=[finding], summary="1 note.", pictures=[picture, picture], facts=[], numbers=[]
    )
    return page.encode()


def card(page: Page, name: str) -> Any:
    return page.locator(".card", has=page.get_by_role("heading", name=name, exact=True))


def test_a_published_model_and_a_new_version_show_up_by_themselves(visit: Visit, api: Api, store: Path) -> None:
    page = visit("models")
    expect(page.locator(".card")).to_have_count(1)
    assert page.locator("#model option").all_inner_texts() == ["us-names"]
    expect(card(page, "us-names")).to_contain_text(api("/models/us-names")["digest"][:16])

    publish(store, "village", {REPORT_FILE: report()})
    expect(page.locator("#news")).to_contain_text("village is served now.")
    village = card(page, "village")
    expect(village).to_be_visible()
    assert page.locator("#model option").all_inner_texts() == ["us-names", "village"]
    own = api("/models/village")["losses"]["dev"]
    shown = village.locator(".losses .odds").all_inner_texts()
    assert shown == [f"{loss:.3f}" for loss in (math.log(27), 2.8123, 2.5, 2.2004, own)]
    expect(village.locator(".losses .own")).to_contain_text(f"{own:.3f}")

    village.locator("summary", has_text="Its health").click()
    pictures = village.locator(".report img")
    expect(pictures).to_have_count(2)
    expect(village.locator(".report")).to_contain_text("Some units are dead")
    assert pictures.first.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 60
    with page.context.expect_page() as opened:
        village.get_by_role("link", name="Training report").click()
    assert opened.value.inner_text("h1") == "village"

    page.click("#tab-generate")
    expect(page.locator("#names a")).to_have_count(10)
    digest = publish(store, "us-names", {})
    expect(page.locator("#news")).to_contain_text(f"us-names was replaced by a newer version, {digest[:8]}.")
    expect(page.locator("#stale")).to_be_visible()
    page.click("text=Draw names")
    expect(page.locator("#stale")).to_be_hidden()
    page.click("#tab-models")
    expect(card(page, "us-names")).to_contain_text(digest[:16])
    card(page, "us-names").locator("summary", has_text="Its health").click()
    expect(card(page, "us-names")).to_contain_text("There is no training report")


def test_a_chosen_model_answers_in_every_part(visit: Visit, api: Api, store: Path) -> None:
    publish(store, "village", {REPORT_FILE: report()})
    page = visit("models")
    card(page, "village").get_by_role("link", name="Draw names").click()
    expect(page.locator("#names a")).to_have_count(10)
    assert page.input_value("#model") == "village"
    page.click("#keep-seed")
    assert (
        page.locator("#names a").all_inner_texts()
        == api("/sample", model="village", seed=page.input_value("#seed"))["names"]
    )
    for part, path in (("explore", "/next"), ("score", "/loss")):
        with page.expect_request(lambda request, path=path: path in request.url) as asked:  # type: ignore[misc]
            page.click(f"#tab-{part}")
        assert "village" in asked.value.url + (asked.value.post_data or "")
    page.select_option("#model", "")
    expect(page).not_to_have_url(re.compile("village"))


def test_it_tells_what_a_model_is_good_for_as_text(visit: Visit, store: Path) -> None:
    said = "Of <b>towns</b> & villages."
    data = {"source": "list.csv", "distinct_names": 7, "where": "a=<i>"}
    publish(store, "described", {}, description=said, data=data)
    page = visit("models")
    described = card(page, "described")
    expect(described.locator(".description")).to_have_text(said)
    expect(described.locator(".card-head .facts")).to_contain_text("7 names from list.csv (a=<i>)")
    assert described.locator(".description *").count() == 0


def test_it_tells_the_exact_facts_of_a_model(visit: Visit, api: Api) -> None:
    info = api("/models/us-names")
    page = visit("models")
    facts = card(page, "us-names").locator("dl")
    expect(facts).to_contain_text(f"{info['facts']['expected_length']:.1f} letters")
    expect(facts).to_contain_text(f"{info['facts']['repeat_after']:,} draws")
    expect(facts).to_contain_text(f"{info['parameters']:,}")
    card(page, "us-names").locator("summary", has_text="layer by layer").click()
    layers = card(page, "us-names").locator(".layers li")
    expect(layers).to_have_count(len(info["layers"]))
    expect(layers.first).to_have_text("Embedding 27 → 10")


@pytest.mark.parametrize("hidden", [True, False])
def test_it_asks_while_it_is_seen_and_not_while_it_is_hidden(visit: Visit, hidden: bool) -> None:
    asked: list[str] = []

    def prepare(page: Page) -> None:
        page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/models") else None)
        page.add_init_script(f"Object.defineProperty(document, 'hidden', {{ value: {str(hidden).lower()} }})")
        page.clock.install()

    page = visit("models", prepare)
    expect(page.locator(".card").first).to_be_visible()
    asked.clear()
    page.clock.run_for(60_000)
    assert len(asked) in ((0,) if hidden else range(10, 21))
