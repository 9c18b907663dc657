"""The documentation names every setting and command, and its links lead somewhere."""

import re
from pathlib import Path

import pytest
import typer.main

import service.cli
import training.cli
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")


def prose() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_documented_with_its_default(field: str) -> None:
    variable = f"NAMESMITH_{field.upper()}"
    lines = [line for line in (ROOT / "docs" / "settings.md").read_text().splitlines() if variable in line]
    assert lines, f"docs/settings.md does not mention {variable}"
    default = Settings.model_fields[field].default
    if not isinstance(default, Path):
        plain = [re.sub(r"(?<=\d)[,_](?=\d)", "", line) for line in lines]
        assert any(str(default) in line for line in plain), f"{variable}: its default, {default}, is not there"


def test_no_setting_is_documented_that_is_not_there() -> None:
    known = {f"NAMESMITH_{field.upper()}" for field in Settings.model_fields}
    assert set(re.findall(r"NAMESMITH_[A-Z_]+[A-Z]", (ROOT / "docs" / "settings.md").read_text())) <= known


@pytest.mark.parametrize(("package", "app"), [("training", training.cli.app), ("service", service.cli.app)])
def test_every_command_is_documented(package: str, app: typer.Typer) -> None:
    commands = getattr(typer.main.get_command(app), "commands", {})
    assert commands
    text = re.sub(r"\s+", " ", prose())
    for command in commands:
        mention = rf"python -m {package} (\w+ ?[/|,] ?)*{command}\b"
        assert re.search(mention, text), f"no page says: python -m {package} {command}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = page if not path else (page.parent / path)
        assert linked.exists(), f"{page.name}: {target}"
        if anchor and linked.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), flags=re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{page.name}: {target}"
