"""Every way to fail is told in words, and most can be mended from the page."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, Route, expect

Visit = Callable[..., Page]
DRAWING = re.compile(r"/sample(/stream)?\?")
KEY = "correct horse"


def problem(status: int, kind: str, detail: str) -> Callable[[Route], None]:
    body = {"type": kind, "title": "Title", "status": status, "detail": detail, "errors": [], "request_id": "r1"}

    def answer(route: Route) -> None:
        headers = {"Content-Type": "application/problem+json"} | ({"Retry-After": "1"} if status in (429, 503) else {})
        route.fulfill(status=status, headers=headers, body=json.dumps(body))

    return answer


def check_box(page: Page, title: str, detail: str) -> None:
    box = page.locator("#generate-problem")
    expect(box.locator("h3")).to_have_text(title)
    expect(box).to_contain_text(detail)
    expect(box).to_have_attribute("role", "alert")
    expect(page.locator("#results")).to_be_hidden()
    expect(page.locator("#stage")).to_be_hidden()


def test_conditions_that_no_name_meets(visit: Visit) -> None:
    page = visit("generate", prefix="emma", max_length=3)
    check_box(page, "No name can meet all of this", "No name of 1 to 3 letters")
    page.click("#clear")
    expect(page.locator("#names a")).to_have_count(10)
    expect(page.locator("#generate-problem")).to_be_hidden()


def test_a_field_that_is_wrong_is_told_beside_it(visit: Visit) -> None:
    page = visit("generate", n=20000)
    check_box(page, "Something in the request is wrong", "10,000")
    field = page.locator("#n")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("10,000"))
    field.fill("5")
    expect(page.locator("#names a")).to_have_count(5)
    page.click("text=Finer settings")
    page.fill("#pattern", "[ab")
    page.keyboard.press("Enter")
    check_box(page, "That condition cannot be used", "never closed")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#pattern")).to_have_attribute("aria-invalid", "true")


def test_a_model_that_is_not_served(visit: Visit) -> None:
    page = visit("generate", model="nobody")
    check_box(page, "That model is not served", "available models: us-names")
    page.select_option("#model", "")
    expect(page.locator("#names a")).to_have_count(10)
    assert "nobody" not in page.url


def test_a_service_that_wants_a_key(visit: Visit) -> None:
    sent: list[str | None] = []

    def guard(route: Route) -> None:
        given = route.request.headers.get("authorization")
        sent.append(given)
        if given == f"Bearer {KEY}":
            route.continue_()
        else:
            problem(401, "unauthorized", "the key is not known" if given else "send a key")(route)

    def prepare(page: Page) -> None:
        page.route(re.compile(r"/(sample|loss|models|next|top)([?/]|$)"), guard)

    page = visit("generate", prepare, n=3, suffix="lyn")
    dialog = page.get_by_role("dialog", name="This service needs a key")
    expect(dialog).to_be_visible()
    expect(page.locator("#key")).to_be_focused()
    page.click("text=Not now")
    check_box(page, "This service needs a key", "Send a key.")
    page.click("#generate-problem button")
    page.fill("#key", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key-refused")).to_have_text("the key is not known")
    page.fill("#key", KEY)
    page.click("text=Use this key")
    expect(page.locator("#names a")).to_have_count(3)
    expect(dialog).to_be_hidden()
    assert set(sent) == {None, "Bearer wrong", f"Bearer {KEY}"}
    assert KEY not in page.url
    assert page.evaluate("[sessionStorage.getItem('namesmith-key'), localStorage.length]") == [KEY, 0]
    assert KEY not in page.inner_text("#curl")
    assert "Authorization: Bearer" in page.inner_text("#curl")
    page.click("#tab-models")  # what asks from now on has the key at once
    expect(page.locator(".card")).to_have_count(1)
    with page.expect_download() as kept:
        page.click("text=Training report")  # a link could not send the key
    assert kept.value.suggested_filename == "us-names-report.html"
    assert b"us-names" in Path(kept.value.path()).read_bytes()
    assert sent[-1] == f"Bearer {KEY}"
    page.click("#tab-score")
    expect(page.locator(".scored")).to_have_count(3)


def test_a_service_that_is_busy_is_asked_again_when_it_said(visit: Visit) -> None:
    for status, kind, title in (
        (503, "not-ready", "The service is not ready"),
        (503, "overloaded", "The service is busy"),
        (429, "too-many-requests", "Too many requests"),
    ):
        answer = problem(status, kind, "come back later")
        page = visit("generate", lambda page, answer=answer: page.route(DRAWING, answer))
        check_box(page, title, "Come back later.")
        expect(page.locator("#generate-problem button")).to_have_text(re.compile(r"Trying again in \d s"))
        page.unroute(DRAWING)
        expect(page.locator("#names a")).to_have_count(10)


def test_a_service_that_fails_without_a_problem(visit: Visit) -> None:
    def fail(route: Route) -> None:
        route.fulfill(status=502, body="<h1>Bad gateway</h1>")

    page = visit("generate", lambda page: page.route(DRAWING, fail))
    check_box(page, "The service answered 502", "")
    page.unroute(DRAWING)
    page.click("#generate-problem button")
    expect(page.locator("#names a")).to_have_count(10)


def test_no_network(visit: Visit) -> None:
    page = visit("generate", n=3)
    expect(page.locator("#names a")).to_have_count(3)
    page.context.set_offline(True)
    page.click("text=Draw names")
    check_box(page, "The service does not answer", "It may have stopped")
    for part, box in (("score", "#score-problem"), ("explore", "#explore-problem"), ("models", "#models-problem")):
        page.click(f"#tab-{part}")
        expect(page.locator(f"{box} h3")).to_have_text("The service does not answer")
    page.context.set_offline(False)
    page.click("#models-problem button")
    expect(page.locator(".card")).to_have_count(1)
    page.click("#tab-generate")
    expect(page.locator("#names a")).to_have_count(3)


def test_a_stream_that_breaks_off(visit: Visit) -> None:
    start = {"model": {"name": "m", "digest": "d"}, "seed": 1, "probability": 1.0}

    def broken(route: Route) -> None:
        body = f": ping\n\nevent: start\ndata: {json.dumps(start)}\n\nevent: char"
        route.fulfill(headers={"Content-Type": "text/event-stream"}, body=body)

    page = visit("generate", lambda page: page.route(re.compile("/sample/stream"), broken))
    check_box(page, "The service does not answer", "")


def test_a_download_that_fails_keeps_the_names(visit: Visit) -> None:
    page = visit("generate", n=3)
    expect(page.locator("#names-said")).to_contain_text("3 names")
    page.route(DRAWING, problem(500, "internal", "the service failed to answer"))
    page.click("#save-csv")
    expect(page.locator("#export-problem")).to_contain_text("The service failed to answer.")
    expect(page.locator("#names a")).to_have_count(3)
