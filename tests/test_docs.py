"""The documentation names what exists, and leads where it says."""

import re
from pathlib import Path

import pytest

import service.cli
import training.cli
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "DECISIONS.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "data" / "README.md"]
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}
EVERYTHING = "\n".join(TEXT.values())


@pytest.mark.parametrize("field", list(Settings.model_fields))
def test_every_setting_is_in_the_table(field: str) -> None:
    assert f"| `NAMESMITH_{field.upper()}` |" in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def test_the_table_has_no_setting_that_does_not_exist() -> None:
    rows = re.findall(r"^\| `NAMESMITH_(\w+)` \|", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), re.M)
    assert {row.lower() for row in rows} == set(Settings.model_fields)


@pytest.mark.parametrize("app", [training.cli.app, service.cli.app])
def test_every_command_is_documented(app: object) -> None:
    package = "training" if app is training.cli.app else "service"
    commands = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]  # type: ignore[attr-defined]
    assert commands
    for command in commands:
        assert re.search(rf"python -m {package} [\w|]*\b{command}\b", EVERYTHING), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", TEXT[page]):
        assert (page.parent / target).exists(), target


def test_every_script_is_documented() -> None:
    for script in sorted((ROOT / "scripts").iterdir()):
        if script.name != "venv":  # called by the others
            assert f"scripts/{script.name}" in EVERYTHING, script.name


def test_every_preset_option_and_file_named_in_the_training_page_exists() -> None:
    page = TEXT[ROOT / "docs" / "training.md"]
    options = set(re.findall(r"--[a-z][a-z-]+", page))
    source = (ROOT / "training" / "cli.py").read_text(encoding="utf-8")
    for option in options:
        known = option in source or f" {option[2:].replace('-', '_')}:" in source or option == "--help"
        assert known, option
    for path in re.findall(r"`((?:model|training|service)/\w+\.py)`", EVERYTHING):
        assert (ROOT / path).exists(), path
