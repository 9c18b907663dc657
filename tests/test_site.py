"""The site of docs/ is whole, has every page, and loads nothing from elsewhere."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
GENERATOR = ROOT / ".venv-docs" / "bin" / "zensical"
PAGES = {page.name for page in (ROOT / "docs").glob("*.md")}
CONFIGURATION = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]

installed = pytest.mark.skipif(
    not GENERATOR.exists(), reason="the site's generator is not installed: scripts/venv docs"
)


def build(directory: Path) -> subprocess.CompletedProcess[str]:
    """What `scripts/docs` does, in this directory."""
    (command,) = re.findall(r"exec \.venv-docs/bin/zensical (build .*) ;;", (ROOT / "scripts" / "docs").read_text())
    return subprocess.run(
        [str(GENERATOR), *command.split()], cwd=directory, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    return tmp_path


def named(navigation: list[dict[str, Any]]) -> list[str]:
    return [
        page
        for entry in navigation
        for part in entry.values()
        for page in (named(part) if isinstance(part, list) else [part])
    ]


def test_every_page_is_in_the_navigation_once() -> None:
    assert sorted(named(CONFIGURATION["nav"])) == sorted(PAGES)


@installed
def test_the_site_is_whole_and_loads_nothing_from_elsewhere(source: Path) -> None:
    done = build(source)
    assert done.returncode == 0, done.stdout + done.stderr
    site = source / CONFIGURATION["site_dir"]
    assert {page.replace(".md", ".html") for page in PAGES} <= {path.name for path in site.iterdir()}
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        for tag in re.findall(r"<(?:script|link|img|source|iframe)\b[^>]*>", text):
            for target in re.findall(r'(?:src|href|srcset)="?([^"\s>]+)', tag):
                assert not re.match(r"(?:\w+:)?//", target), (page.name, target)
                if page.name != "404.html":  # its paths are those of a server
                    assert (page.parent / target.partition("?")[0].partition("#")[0]).exists(), (page.name, target)
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//|@import", style.read_text(encoding="utf-8")), style.name


@installed
@pytest.mark.parametrize("link", ["nowhere.md", "api.md#nowhere"])
def test_a_link_that_leads_nowhere_fails(source: Path, link: str) -> None:
    with (source / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[to nowhere]({link})\n")
    assert build(source).returncode != 0
