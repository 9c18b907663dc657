"""Where machine code is kept: processes run on a copy of the package with two tiny kernels in it."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from model.kernels import compilation
from model.kernels.compilation import BesideSource

KERNELS = Path(compilation.__file__).parent

PARTS = """
from model.kernels.compilation import inlined, kernel

@inlined
def half(x):
    return x / 2

@kernel
def called(x):
    return x + 100
"""

TINY = """
import numpy as np
from model.kernels.compilation import kernel
from model.kernels.parts import called, half

@kernel
def tiny(values):
    total = 0.0
    for value in values:
        total += half(value)
    return called(total)
"""

SCRIPT = """
import json, sys
import numpy as np
from numba.core.registry import cpu_target
from model.kernels import compilation, parts, tiny
kernel, result = tiny.tiny, []
for kind in sys.argv[2:]:
    result.append(float(kernel(np.arange(4).astype(kind))))
if sys.argv[1] == "mark":
    compilation.mark_complete()
hits, misses = kernel.stats.cache_hits, kernel.stats.cache_misses
print(json.dumps({
    "result": result,
    "hits": sum(hits.values()),
    "misses": sum(misses.values()),
    "path": kernel.stats.cache_path,
    "processor": cpu_target.target_context.codegen().magic_tuple()[1:],
}))
"""

AS_ANYONE = """
import ctypes, os, sys
if os.geteuid() == 0:  # permissions bind root, too, once it may not override them
    for capability in (1, 2):
        if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):
            sys.exit("may not give up the override of permissions")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@dataclass(frozen=True)
class World:
    """A copy of the package under `source`, and `caches`, the user's cache directory."""

    source: Path
    caches: Path
    result: float = 103.0

    @property
    def kernels(self) -> Path:
        return self.source / "model" / "kernels"

    @property
    def beside(self) -> Path:
        return self.kernels / "__pycache__"

    def run(self, *kinds: str, mark: bool = False) -> dict[str, Any]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("NUMBA", "PYTHON"))}
        temporary = self.source.parent / "temporary"
        temporary.mkdir(exist_ok=True)
        environment |= {
            "PYTHONPATH": str(self.source),
            "XDG_CACHE_HOME": str(self.caches),
            "HOME": str(self.caches),
            "TMPDIR": str(temporary),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        script = [sys.executable, "-c", AS_ANYONE, "-c", SCRIPT, "mark" if mark else "-", *(kinds or ("f8",))]
        ended = subprocess.run(script, env=environment, cwd="/", capture_output=True, text=True, timeout=60)
        if "may not give up" in ended.stderr:
            pytest.skip("root that may not give up its rights")
        assert ended.returncode == 0, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        assert found["result"] == [self.result] * len(kinds or ("f8",))
        return found

    def close(self) -> None:
        """Nothing can be written where the sources are; what is written there already stays."""
        for path in (self.kernels, self.beside):
            if path.exists():
                path.chmod(0o555)

    def kept_beside(self) -> set[str]:
        return {path.name for path in self.beside.glob("*.nb?")}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "source", tmp_path / "caches")
    made.kernels.mkdir(parents=True)
    made.caches.mkdir()
    (made.source / "model" / "__init__.py").touch()
    shutil.copy(KERNELS / "__init__.py", made.kernels)
    shutil.copy(KERNELS / "compilation.py", made.kernels)
    (made.kernels / "parts.py").write_text(textwrap.dedent(PARTS))
    (made.kernels / "tiny.py").write_text(textwrap.dedent(TINY))
    yield made
    for path in (made.kernels, made.beside, made.caches):
        if path.exists():
            path.chmod(0o755)


def test_code_is_kept_beside_its_source_and_found_there(world: World) -> None:
    first, second = world.run(), world.run()
    assert (first["hits"], first["misses"]) == (0, 1)
    assert (second["hits"], second["misses"]) == (1, 0)
    assert first["path"] == second["path"] == str(world.beside)
    assert not list(world.caches.rglob("*.nb?"))


def test_code_is_made_for_the_generic_processor(world: World) -> None:
    assert world.run()["processor"] == ["generic", ""]


def test_code_beside_a_source_that_cannot_be_written_is_used(world: World) -> None:
    world.run(mark=True)
    kept = world.kept_beside()
    world.close()
    found = world.run(mark=True)
    assert (found["hits"], found["misses"]) == (1, 0)
    assert found["path"] == str(world.beside)
    assert world.kept_beside() == kept
    assert not list(world.caches.rglob("*.nb?"))


def test_code_for_other_arguments_is_compiled_even_where_it_cannot_be_kept(world: World) -> None:
    """A call that was not foreseen when the directory was filled must not fail."""
    world.run("f8", mark=True)
    world.close()
    found = world.run("f8", "f4")
    assert (found["hits"], found["misses"]) == (1, 1)


def test_without_the_mark_code_goes_to_the_users_cache(world: World) -> None:
    """What lies beside the source may be a part only."""
    world.run(mark=False)
    world.close()
    first, second = world.run(), world.run()
    assert (first["hits"], first["misses"]) == (0, 1)
    assert (second["hits"], second["misses"]) == (1, 0)
    assert first["path"] == second["path"]
    assert Path(first["path"]).is_relative_to(world.caches)


def test_code_of_other_sources_goes_to_the_users_cache(world: World) -> None:
    world.run(mark=True)
    with (world.kernels / "parts.py").open("a") as file:
        file.write("# another\n")
    world.close()
    found = world.run()
    assert (found["hits"], found["misses"]) == (0, 1)
    assert Path(found["path"]).is_relative_to(world.caches)


def test_without_any_place_code_is_kept_for_the_process_alone(world: World) -> None:
    world.close()
    world.caches.chmod(0o555)
    for _ in range(2):
        found = world.run()
        assert (found["hits"], found["misses"]) == (0, 1)
        assert Path(found["path"]).is_relative_to(world.source.parent / "temporary")
        assert not Path(found["path"]).exists(), "the directory goes with the process"


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [("x / 2", "x / 4", 101.5), ("x + 100", "x + 200", 203.0)],
    ids=["a part that was built in", "a kernel that is called"],
)
def test_a_change_of_another_file_makes_code_anew(world: World, old: str, new: str, result: float) -> None:
    """The caller's own file is as it was, and its machine code holds the other's."""
    world.run()
    path = world.kernels / "parts.py"
    path.write_text(path.read_text().replace(old, new))
    found = replace(world, result=result).run()
    assert (found["hits"], found["misses"]) == (0, 1)


def copy_of_the_kernels(directory: Path) -> list[Path]:
    return [Path(shutil.copy(path, directory)) for path in sorted(KERNELS.glob("*.py"))]


def test_a_change_of_any_kernel_file_changes_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, paths = compilation._fingerprint(), copy_of_the_kernels(tmp_path)
    monkeypatch.setattr(compilation, "_SOURCES", tmp_path)
    assert compilation._fingerprint() == here, "where the files lie makes no difference"
    seen = {here}
    for path in paths:
        whole = path.read_bytes()
        for changed in (whole + b"\n", whole[:-1], whole.replace(b"1", b"2", 1) if b"1" in whole else b"#" + whole):
            path.write_bytes(changed)
            seen.add(compilation._fingerprint())
        path.write_bytes(whole)
        path.unlink()
        seen.add(compilation._fingerprint())
        path.write_bytes(whole)
    (tmp_path / "new.py").write_text("x = 1\n")
    seen.add(compilation._fingerprint())
    assert len(seen) == 4 * len(paths) + 2
    (tmp_path / "new.py").unlink()
    (tmp_path / "notes.txt").write_text("no kernel")
    assert compilation._fingerprint() == here


def test_what_moves_from_one_file_to_the_next_changes_the_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so does a file's name."""
    monkeypatch.setattr(compilation, "_SOURCES", tmp_path)
    seen = set()
    for files in (("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc")):
        for path, text in zip(("one.py", "two.py"), files, strict=True):
            (tmp_path / path).write_text(text)
        seen.add(compilation._fingerprint())
    (tmp_path / "two.py").rename(tmp_path / "zwei.py")
    seen.add(compilation._fingerprint())
    assert len(seen) == 5


def test_the_version_of_the_compiler_is_part_of_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compilation._fingerprint()
    monkeypatch.setattr("numba.__version__", "0.0.1")
    assert compilation._fingerprint() != before


def test_a_directory_that_cannot_be_written_is_taken_only_with_the_mark_of_these_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The locator by itself, writing being refused to whomever asks."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    source = tmp_path / "some.py"
    source.write_text("")
    monkeypatch.setattr(compilation, "_SOURCES", tmp_path)
    writable = BesideSource.from_function(refuse, str(source))
    assert writable is not None
    (tmp_path / "__pycache__").mkdir(exist_ok=True)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert BesideSource.from_function(refuse, str(source)) is None
    for stamp, taken in (("", False), ("0" * 64, False), ("é", False), (compilation.FINGERPRINT, True)):
        (tmp_path / "__pycache__" / "compiled-for").write_text(stamp, encoding="utf-8")
        assert (BesideSource.from_function(refuse, str(source)) is not None) == taken


def test_the_mark_is_left_out_where_it_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "_SOURCES", tmp_path / "nowhere")
    compilation.mark_complete()
    assert not list(tmp_path.iterdir())


EVERYTHING = """
import importlib, itertools, json, pkgutil
from numba.core.dispatcher import Dispatcher
import model.kernels
from model.constraints.compile_constraints import Constraints, compile_block_list, compile_constraints
from model.sampling.language_model import LanguageModel
from model.measures.facts import facts
from model.text.names import NameSet, Names, nothing_listed
from model.transitions.shaping import ShapeSettings
from model.store.store import BUNDLED, Store
from model.compiler.dense_table import compile_table
from model.warming import warm_up

def compiled():
    found = set()
    for info in pkgutil.iter_modules(model.kernels.__path__):
        module = importlib.import_module(f"model.kernels.{info.name}")
        for name, value in vars(module).items():
            if isinstance(value, Dispatcher) and value.py_func.__module__ == module.__name__:
                found |= {f"{info.name}.{name}{signature}" for signature in value.signatures}
    return found

warm_up()
before = compiled()
version = Store(BUNDLED).load("us-names")
vocabulary = version.checkpoint.vocabulary
language_model = LanguageModel(version.transitions)
known = NameSet.of_lines(Store(BUNDLED).open("us-names").name_lines, vocabulary)
asked = Constraints(), Constraints(prefix="a"), Constraints(contains="l", suffix="a"), Constraints(pattern="[aeiou].*")
rest = (), ("an", "ee")
for constraints, words, lengths, avoid, temperature in itertools.product(
    asked, rest, ((1, 64), (4, 6)), (None, known, nothing_listed()), (1.0, 0.3)
):
    parts = compile_constraints(constraints, vocabulary), compile_block_list(frozenset(words), vocabulary)
    automata = [part for part in parts if part is not None]
    sampler = language_model.sampler(ShapeSettings(temperature, None, None, *lengths), automata, avoid)
    for names in sampler.draw("x", 600):
        known.holds(names)
        language_model.log_probs(names)
        sampler.log_probs(names)
        sampler.log_probs(Names.of(names.rows()))
    sampler.draw_distinct(3, 20)
    sampler.most_probable(2)
    sampler.stepper()([1, 2])
facts(language_model.transitions, known)
print(json.dumps([len(before), sorted(compiled() - before)]))
"""


def test_after_warming_up_nothing_is_compiled() -> None:
    """By no combination of constraints, block list, lengths, lists to avoid and temperatures."""
    environment = os.environ | {"PYTHONPATH": str(KERNELS.parents[1])}
    script = [sys.executable, "-c", EVERYTHING]
    ended = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stderr
    warmed, compiled_later = json.loads(ended.stdout)
    assert warmed > 10
    assert compiled_later == []
