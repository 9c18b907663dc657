"""Options and arguments that several commands take, and what is checked of them before any work."""

import os
from pathlib import Path
from typing import Annotated

import typer

from model import store
from model.errors import NamesmithError
from model.store import Store
from training.splits import SplitRule

StoreOption = Annotated[Path, typer.Option("--store", envvar="NAMESMITH_STORE", help="Directory of the store.")]
DataArgument = Annotated[Path, typer.Argument(help="Text file, one name a line, or CSV with a `name` column.")]
WeightOption = Annotated[str | None, typer.Option("--weight-column", help="CSV column that weighs each name.")]
SplitOption = Annotated[SplitRule, typer.Option("--split", help="By name, or line by line as in the lectures.")]
SkipOption = Annotated[bool, typer.Option("--skip-bad-lines", help="Leave out lines that cannot be used.")]


def holding(name: str, store_dir: Path) -> Store:
    own = Store(store_dir)
    return own if name in own.names() else Store(store.BUNDLED)


def check_writable(file: Path | None) -> None:
    """Fails before minutes of training rather than after them."""
    if file is None:
        return
    target = file if file.exists() else file.parent
    if file.is_dir() or not file.parent.is_dir() or not os.access(target, os.W_OK):
        raise NamesmithError(f"cannot write {file}: choose a file in a directory that exists and can be written")


def check_store(root: Path) -> None:
    """The same for the store, which need not exist yet."""
    there = next(path for path in (root, *root.resolve().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise NamesmithError(f"cannot write to the store {root}: {there} is not a directory that can be written")
