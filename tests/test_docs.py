"""The documentation names what exists, and leads where it says."""

import ast
import re
from pathlib import Path

import pytest
import typer.main

import service.cli
import training.cli
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "DECISIONS.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "data" / "README.md"]
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}
EVERYTHING = "\n".join(TEXT.values())
SETTINGS = TEXT[ROOT / "docs" / "settings.md"]


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_in_the_table_with_its_default(field: str) -> None:
    row = re.search(rf"^\| `NAMESMITH_{field.upper()}` \|.*$", SETTINGS, re.MULTILINE)
    assert row
    default = Settings.model_fields[field].default
    if not isinstance(default, Path):
        shown = "none" if default in (None, "") else str(default)
        assert shown in re.sub(r"(?<=\d)[,_](?=\d)", "", row[0])


def test_the_table_has_no_setting_that_does_not_exist() -> None:
    rows = re.findall(r"^\| `NAMESMITH_(\w+)` \|", SETTINGS, re.MULTILINE)
    assert {row.lower() for row in rows} == set(Settings.model_fields)


@pytest.mark.parametrize(("package", "app"), [("training", training.cli.app), ("service", service.cli.app)])
def test_every_command_is_documented(package: str, app: typer.Typer) -> None:
    commands = getattr(typer.main.get_command(app), "commands", {})
    assert commands
    for command in commands:
        assert re.search(rf"python -m {package} [\w|]*\b{command}\b", EVERYTHING), command


def test_the_glossary_is_short_and_its_names_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| .+ \| .+ \| (.+) \|$", TEXT[ROOT / "docs" / "glossary.md"], re.MULTILINE)[1:]
    assert 20 <= len(rows) <= 25
    code = "\n".join(
        path.read_text() for part in ("model", "training", "service") for path in (ROOT / part).rglob("*.py")
    )
    for name in re.findall(r"`(\w+)`", "\n".join(rows)):
        assert re.search(rf"^(class {name}\b|def {name}\b|{name} = )", code, re.MULTILINE), name


def test_decisions_are_numbered_dated_short_and_indexed() -> None:
    index, *entries = re.split(r"^### ", TEXT[ROOT / "DECISIONS.md"], flags=re.MULTILINE)
    entries = [re.split(r"^## ", entry, flags=re.MULTILINE)[0] for entry in entries]
    titles = [entry.partition("\n")[0] for entry in entries]
    assert [title.partition(". ")[0] for title in titles] == [str(number) for number in range(1, len(titles) + 1)]
    assert re.findall(r"^- \[(.+)\]\(#.+\)$", index, re.MULTILINE) == titles
    for title, entry in zip(titles, entries, strict=True):
        assert re.match(r".+\n\n\*20\d\d-\d\d-\d\d\.\* \S", entry), title
        assert len(entry.split()) <= 120, title


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?![a-z]+:)([^)\s]+)", TEXT[page]):
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        if anchor and linked.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_script_is_documented() -> None:
    for script in sorted((ROOT / "scripts").iterdir()):
        if script.name != "venv":  # called by the others
            assert f"scripts/{script.name}" in EVERYTHING, script.name


def test_every_option_and_file_that_the_pages_name_exists() -> None:
    commands = [
        *(ROOT / "training" / "commands").rglob("*.py"),
        *(ROOT / "training" / "console").glob("*.py"),
        ROOT / "benchmarks" / "__main__.py",
    ]
    source = "".join(path.read_text(encoding="utf-8") for path in commands)
    for option in set(re.findall(r"--[a-z][a-z-]+", TEXT[ROOT / "docs" / "training.md"])) - {"--help"}:
        assert option in source or f" {option[2:].replace('-', '_')}:" in source, option
    for path in re.findall(r"`((?:model|training|service)/\w+\.py)`", EVERYTHING):
        assert (ROOT / path).exists(), path


def test_the_comparison_has_no_figures_but_those_that_other_pages_measured() -> None:
    measured = TEXT[ROOT / "docs" / "performance.md"] + TEXT[ROOT / "docs" / "training.md"]
    figures = re.findall(r"\b\d{1,3}(?:,\d{3})+\b|\b\d\.\d{4}\b", TEXT[ROOT / "docs" / "comparison.md"])
    assert figures
    assert [figure for figure in figures if figure not in measured] == []


def test_the_page_on_reliability_names_tests_that_there_are() -> None:
    named = re.findall(
        r"`((?:tests/[\w/]+/)?test_\w+\.py)`", (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    )
    assert len(named) > 30
    missing = {
        file for file in named if not (ROOT / file).exists() and not (ROOT / "tests/reliability" / file).exists()
    }
    assert missing == set()
    told = {file for file in named if "/" not in file}
    there = {path.name for path in (ROOT / "tests" / "reliability").glob("test_*.py")}
    assert there - told == set(), "tests of reliability of which the page says nothing"


def rows_of(page: str) -> list[list[str]]:
    """The cells of each row of the tables of a page, without the headings."""
    rows = [line.strip("| ").split(" | ") for line in TEXT[ROOT / "docs" / page].splitlines() if line.startswith("| ")]
    return [row for row in rows if row[-1] != "test"]


@pytest.mark.parametrize("page", ["promises.md", "server.md"])
def test_every_row_names_tests_that_there_are(page: str) -> None:
    for row in rows_of(page):
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row[-1])
        assert re.sub(r"`[^`]+`", "", row[-1]).replace(",", "").strip() == "", row
        assert len(named) == row[-1].count("::") > 0, row
        for file, test in named:
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{test}"


def test_every_piece_of_the_server_has_its_row() -> None:
    pieces = {cell for row in rows_of("server.md") for cell in re.findall(r"`(\w+\.py)`", row[0])}
    assert pieces == {path.name for path in (ROOT / "service" / "server").glob("*.py")} - {"__init__.py"}


def test_every_page_of_promises_has_some() -> None:
    pages = re.findall(r"^\| promise of \[?([\w.]+).* \| test \|$", TEXT[ROOT / "docs" / "promises.md"], re.MULTILINE)
    assert pages == ["README.md", "api.md", "operations.md", "exactness.md", "training.md"]
    assert len(rows_of("promises.md")) >= 60
