"""Other libraries that make up names, where they are installed: `pip install faker markovify` (the extra `bench`)."""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from types import ModuleType

Generate = Callable[[int], object]


def faker() -> Generate | None:
    """Draws from a fixed list of first names."""
    package = _installed("faker")
    if package is None:
        return None
    first_name = package.Faker("en_US").first_name
    return lambda count: [first_name() for _ in range(count)]


def markovify(names: Sequence[str], letters: int) -> Generate | None:
    """A Markov chain over the characters of `names` with a context of so many letters."""
    package = _installed("markovify")
    if package is None:
        return None
    chain = package.Chain([list(name) for name in names], letters).compile()
    return lambda count: ["".join(chain.walk()) for _ in range(count)]


def label(name: str) -> str:
    return f"{name} {version(name)}"


def _installed(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError:
        print(f"\n{name} is not installed and left out: .venv/bin/pip install {name}")
        return None
