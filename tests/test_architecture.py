"""`training` writes what `model` defines, and `service` reads it: the arrows between the packages, and their size."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
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

ARROWS = {
    "model.files": "",
    "model.kernels": "",
    "model.reading": "",
    "model.text": "model.kernels",
    "model.constraints": "model.text",
    "model.network": "model.files model.text",
    "model.transitions": "model.kernels model.text",
    "model.compiler": "model.network model.text model.transitions",
    "model.sampling": "model.constraints model.kernels model.text model.transitions",
    "model.measures": "model.constraints model.kernels model.sampling model.text model.transitions",
    "model.warming": "model.constraints model.kernels model.sampling model.text model.transitions",
    "model.store": (
        "model.compiler model.files model.measures model.network model.sampling model.text model.transitions"
    ),
    "training.recipe": "model.transitions",
    "training.data": (
        "model.compiler model.kernels model.network model.reading model.sampling model.text model.transitions"
    ),
    "training.learning": "model.files model.network training.data training.recipe",
    "training.diagnosis": "model.network training.learning",
    "training.run": (
        "model.compiler model.network model.text model.transitions training.data training.diagnosis training.learning "
        "training.recipe"
    ),
    "training.report": "model.network model.sampling model.transitions training.data training.diagnosis training.run",
    "training.gate": (
        "model.measures model.network model.sampling model.store model.text model.transitions training.data "
        "training.diagnosis training.recipe training.report training.run"
    ),
    "training.search": (
        "model.reading model.store model.text training.data training.gate training.learning training.recipe "
        "training.run"
    ),
    "training.cluster": "training.data training.learning training.run training.search",
    "training.console": (
        "model.measures model.reading model.store training.cluster training.data training.gate training.run "
        "training.search"
    ),
    "training.make_lists": "model.text training.console",
    "training.commands.housekeeping": (
        "model.files model.network model.reading model.store training.console training.data"
    ),
    "training.commands": (
        "model.reading model.sampling model.store model.text model.transitions training.cluster training.console "
        "training.data training.diagnosis training.gate training.learning training.recipe training.report "
        "training.run training.search"
    ),
    "training.cli": "training.commands training.commands.housekeeping training.console training.gate training.run",
    "training.__main__": "training.cli",
    "service.block_list": "",
    "service.telemetry": "",
    "service.http": "model.constraints model.kernels model.text model.transitions service.telemetry",
    "service.access": "model.files service.http",
    "service.settings": "model.store service.access service.block_list",
    "service.catalog": (
        "model.compiler model.constraints model.measures model.network model.sampling model.store model.text "
        "model.transitions model.warming service.block_list service.http service.settings service.telemetry"
    ),
    "service.answers": (
        "model.measures model.sampling model.text model.transitions service.catalog service.http service.telemetry"
    ),
    "service.admission": "model.sampling service.access service.answers service.catalog service.http service.telemetry",
    "service.bulk": "model.files model.reading model.text model.transitions service.answers service.catalog",
    "service.routes": (
        "model.store model.text service.access service.admission service.answers service.catalog service.http "
        "service.telemetry"
    ),
    "service.app": (
        "service.access service.admission service.catalog service.http service.routes service.settings "
        "service.telemetry"
    ),
    "service.cluster": (
        "model.files model.sampling service.answers service.app service.bulk service.catalog service.http "
        "service.routes service.settings service.telemetry"
    ),
    "service.server": "service.access service.app service.http service.settings service.telemetry",
    "service.commands": (
        "model.reading model.store service.access service.answers service.bulk service.catalog service.cluster "
        "service.http service.server service.settings service.telemetry"
    ),
    "service.cli": "service.bulk service.commands service.http",
    "service.__main__": "service.cli",
}
"""What each package imports of the others, besides `model.errors`; a module directly in a part counts as a package."""
MAX_MODULES = 15


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
    text = "import service.app\ndef f():\n    from training.learning import loop\n    import rich as r\n"
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
    windows = ROOT / "service" / "access" / "shared_counts.py"
    for package in ("model", "training", "service"):
        for path in (ROOT / package).rglob("*.py"):
            told = re.findall(r"\btime\.time\(\)|\bfrom time import .*\btime\b", path.read_text(encoding="utf-8"))
            assert not told or path == windows, path


def packages() -> dict[Path, str]:
    """The package of every module."""
    return {
        path: ".".join(
            (path.parent if path.parent.name not in PACKAGES else path.with_suffix("")).relative_to(ROOT).parts
        )
        for part in PACKAGES
        for path in sources(part)
        if path.name != "__init__.py" and path.name != "errors.py"
    }


def arrows(path: Path) -> set[str]:
    """The packages that a module imports, wherever in its text it does so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            found |= {max((package for package in ARROWS if f"{name}.".startswith(f"{package}.")), key=len, default="")}
    return found - {""}


def test_packages_import_what_they_may_and_nothing_else() -> None:
    seen: dict[str, set[str]] = {}
    for path, package in packages().items():
        seen.setdefault(package, set()).update(arrows(path) - {package})
    assert {package: sorted(found) for package, found in seen.items()} == {
        package: sorted(allowed.split()) for package, allowed in ARROWS.items()
    }


def test_arrows_between_packages_make_no_circle() -> None:
    assert list(TopologicalSorter({package: allowed.split() for package, allowed in ARROWS.items()}).static_order())


def test_folders_are_small_and_say_in_a_line_what_they_hold() -> None:
    for folder in {path.parent for path in (*packages(), *sources("benchmarks"))}:
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= MAX_MODULES, folder
        if folder.name != "templates":
            said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
            assert said, folder
            assert len(said.split("\n\n")[0].splitlines()) == 1, folder
