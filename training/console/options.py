"""Options and arguments that several commands take, and what is checked of them before any work."""

import os
from pathlib import Path
from typing import Annotated

import typer

from model.errors import NamesmithError, StoreError
from model.store import store
from model.store.store import Store, Version, check_name
from training.data.splits import SplitRule

StoreOption = Annotated[Path, typer.Option("--store", envvar="NAMESMITH_STORE", help="Directory of the store.")]
DataArgument = Annotated[Path, typer.Argument(help="List of names: text, CSV, TSV, JSON or NDJSON; may be gzipped.")]
SplitOption = Annotated[
    SplitRule, typer.Option("--split", help="How to split the list: by name, or line by line as in the lectures.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed; remove nothing.")]
SkipOption = Annotated[bool, typer.Option("--skip-bad-lines", help="Skip lines that cannot be used.")]


def holding(name: str, store_dir: Path) -> Store:
    own = Store(store_dir)
    return own if name in own.names() else Store(store.BUNDLED)


def find_version(reference: str, store_dir: Path) -> tuple[Store, str, str]:
    """The store, name and digest that NAME or NAME@DIGEST means, where the beginning of a digest is enough: in the own
    store, else in the bundled one. Raises StoreError."""
    name, _, beginning = reference.partition("@")
    shelf = holding(check_name(name), store_dir)
    if not beginning:
        return shelf, name, shelf.current(name)
    places = [(shelf, digest) for shelf in (Store(store_dir), Store(store.BUNDLED)) for digest in shelf.digests(name)]
    fitting = {digest: shelf for shelf, digest in reversed(places) if digest.startswith(beginning)}
    if len(fitting) != 1:
        raise StoreError(f"{len(fitting)} versions of {name} begin with {beginning[:64]!a}; `list` shows all versions")
    ((digest, shelf),) = fitting.items()
    return shelf, name, digest


def current_version(name: str, store_dir: Path) -> Version | NamesmithError | None:
    """What a new version of this name would follow, or why it cannot be read; None where there is no such model."""
    shelf = holding(name, store_dir)
    try:
        return shelf.load(name) if name in shelf.names() else None
    except NamesmithError as error:
        return error


def check_writable(file: Path | None) -> None:
    """Fails before minutes of training rather than after them."""
    if file is None:
        return
    target = file if file.exists() else file.parent
    if file.is_dir() or not file.parent.is_dir() or not os.access(target, os.W_OK):
        raise NamesmithError(f"cannot write {file}: choose a file in an existing, writable directory")


def check_store(root: Path) -> None:
    """The same for the store, which need not exist yet."""
    there = next(path for path in (root, *root.resolve().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise NamesmithError(f"cannot write to the store {root}: {there} is not a writable directory")
