"""`training` writes what `model` defines, and `service` reads it: the arrows between the packages, and their size."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("model", "training", "service")
MAX_LINES = 200
FORBIDDEN = {
    "model": {"training", "service", "matplotlib", "fastapi", "starlette", "uvicorn", "typer", "rich"},
    "training": {"service", "fastapi", "starlette", "uvicorn"},
    "service": {"training", "matplotlib", "PIL"},
}
COMMANDS = ROOT / "service" / "commands"


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Top-level names of everything imported, at any depth of the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports would hide where they point"
            assert node.module is not None
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_arrows_between_packages_point_to_the_model(package: str) -> None:
    assert sources(package)
    for path in sources(package):
        wrong = FORBIDDEN[package] & set(imported(ast.parse(path.read_text())))
        assert not wrong, f"{path.relative_to(ROOT)} imports {', '.join(wrong)}"


def test_only_the_commands_of_the_service_know_of_a_terminal() -> None:
    for path in set(sources("service")) - set(COMMANDS.glob("*.py")):
        assert "rich" not in set(imported(ast.parse(path.read_text()))), path


@pytest.mark.parametrize("package", PACKAGES)
def test_only_the_cluster_packages_know_of_ray(package: str) -> None:
    for path in sources(package):
        if "cluster" not in path.parts:
            tree = ast.parse(path.read_text())
            assert "ray" not in set(imported(tree)), path
            at_once = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
            assert not [node for node in at_once if ".cluster" in (node.module or "")], f"{path}: imports it at once"


def test_the_check_of_arrows_sees_every_form_of_import() -> None:
    text = "import service.app\ndef f():\n    from training import loop\n    import rich as r\n"
    assert set(imported(ast.parse(text))) == {"service", "training", "rich"}


def test_the_model_reads_no_environment_and_prints_nothing() -> None:
    for path in sources("model"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = {ast.Name: "id", ast.Attribute: "attr", ast.alias: "name"}
            name = getattr(node, names.get(type(node), ""), "")
            assert name not in ("print", "input", "environ", "getenv", "argv", "stdout", "stderr"), (
                f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', '?')}: {name}"
            )


def test_nothing_is_unpickled() -> None:
    for package in PACKAGES:
        for path in sources(package):
            tree = ast.parse(path.read_text())
            assert not {"pickle", "joblib", "dill", "shelve", "marshal"} & set(imported(tree)), path
            for node in ast.walk(tree):
                torch_load = (
                    isinstance(node, ast.Attribute) and node.attr == "load" and ast.unparse(node) == "torch.load"
                )
                assert not torch_load, path


def test_files_are_short() -> None:
    paths = [path for package in (*PACKAGES, "benchmarks", "scripts") for path in sources(package)]
    longer = {str(path.relative_to(ROOT)) for path in paths if len(path.read_text().splitlines()) > MAX_LINES}
    assert not longer


def test_time_outs_know_no_calendar() -> None:
    """A clock that is moved by a day changes no time-out: those use the monotonic clock. Windows of quotas alone are
    numbered by the time of day, which all machines that count together know."""
    windows = ROOT / "service" / "protection" / "shared_counts.py"
    for package in ("model", "training", "service"):
        for path in (ROOT / package).rglob("*.py"):
            told = re.findall(r"\btime\.time\(\)|\bfrom time import .*\btime\b", path.read_text(encoding="utf-8"))
            assert not told or path == windows, path
