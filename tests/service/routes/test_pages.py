"""`/`, `/docs` and the files that they load."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.routes.pages import DIRECTORY, POLICY

FILES = sorted(path.name for path in DIRECTORY.iterdir())
MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@pytest.mark.parametrize("path", ["/", "/docs", *(f"/pages/{name}" for name in FILES)])
def test_every_answer_has_the_policy_and_a_tag(client: TestClient, path: str) -> None:
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    suffix = path.rpartition(".")[2] if "." in path else "html"
    assert answer.headers["content-type"].partition(";")[0] == MEDIA_TYPES[suffix]
    unchanged = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    head = client.head(path)
    assert (head.status_code, head.headers["etag"]) == (200, answer.headers["etag"])


def test_files_come_from_memory(client: TestClient, check_problem: Callable[..., dict[str, Any]]) -> None:
    for name in ("nothing.js", "..%2fpages.py", "%2e%2e/pages.py", ".", "index.html%00"):
        check_problem(client.get(f"/pages/{name}"), 404)


@pytest.mark.parametrize("name", FILES)
def test_no_page_loads_anything_from_elsewhere_or_holds_styles_or_scripts(name: str) -> None:
    text = (DIRECTORY / name).read_text("utf-8").replace("http://www.w3.org/", "")  # namespaces
    assert not re.search(r"https?://|//[a-z]+\.[a-z]|@import", text)
    if name.endswith(".html"):
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|javascript:", text)
    if name.endswith(".js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text)


@pytest.mark.parametrize("page", ["index.html", "docs.html"])
def test_what_a_page_names_is_there(client: TestClient, page: str) -> None:
    text = (DIRECTORY / page).read_text("utf-8")
    for name in re.findall(r'(?:href|src)="(pages/[^"]+)"', text):
        assert client.get(f"/{name}").status_code == 200, name


def test_every_module_is_fetched_at_once() -> None:
    """Else the browser would find out about them one after the other."""
    page = (DIRECTORY / "index.html").read_text("utf-8")
    imported = {
        name for path in DIRECTORY.glob("*.js") for name in re.findall(r'from "\./(\w+\.js)"', path.read_text("utf-8"))
    }
    assert imported == set(re.findall(r'rel="modulepreload" href="pages/(\w+\.js)"', page))


def test_swagger_ui_is_served_by_the_service(client: TestClient) -> None:
    assert len(client.get("/pages/swagger-ui-bundle.js").content) > 1_000_000
    assert b"swagger-ui" in client.get("/pages/swagger-ui.css").content
