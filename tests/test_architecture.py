"""The arrows hold, the core is pure, and files stay short."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FORBIDDEN = {
    "model": {"training", "service", "fastapi", "starlette", "uvicorn", "typer", "rich", "os.environ"},
    "training": {"service", "fastapi", "starlette", "uvicorn"},
    "service": {"training", "rich"},
}
LONGER_FOR_A_REASON = {
    "training/cli.py": "five commands, each a list of options that belongs beside its code",
    "model/store.py": "writing and reading one layout on disk, which must be seen together",
}
MAX_LINES = 200


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("package", list(FORBIDDEN))
def test_a_package_imports_only_along_the_arrows(package: str) -> None:
    assert modules(package)
    for path in modules(package):
        heads = {name.partition(".")[0] for name in imported(path)}
        assert not heads & FORBIDDEN[package], path


def test_the_core_neither_prints_nor_reads_the_environment() -> None:
    for path in modules("model"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Name) and node.id in ("print", "input")), path
            assert not (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")), path


def test_files_are_short_unless_there_is_a_reason() -> None:
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    for name in tracked or [str(path.relative_to(ROOT)) for package in FORBIDDEN for path in modules(package)]:
        if not name.startswith("tests/") and (ROOT / name).exists():
            lines = len((ROOT / name).read_text(encoding="utf-8").splitlines())
            assert lines <= MAX_LINES or name in LONGER_FOR_A_REASON, f"{name} has {lines} lines"
