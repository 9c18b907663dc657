"""`verify`: whether what a store holds is whole."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from model.errors import NamesmithError, StoreError
from model.store import store
from model.store.store import Store
from training.console.console import out
from training.console.options import StoreOption


def verify(
    name: Annotated[str | None, typer.Argument(help="Name of a model; by default, all models.")] = None,
    store_dir: StoreOption = store.OWN,
) -> None:
    """Check that every file of every version is as it was published."""
    shelf = Store(store_dir)
    table = Table(title=escape(str(store_dir)), title_justify="left")
    for column in ("model", "digest", "current", ""):
        table.add_column(column, no_wrap=column != "")
    damaged = 0
    for each in shelf.names() if name is None else [name]:
        current = shelf.current(each)
        for digest in shelf.digests(each):
            trouble = _trouble(shelf, each, digest)
            damaged += trouble is not None
            table.add_row(each, digest[:12], "yes" if digest == current else "", escape(trouble or "whole"))
    out.print(table if table.rows else f"{escape(str(store_dir))}: no models")
    if damaged:
        raise StoreError(
            f"{damaged} damaged: roll back to an intact version, remove the damaged directory, publish again"
        )


def _trouble(shelf: Store, name: str, digest: str) -> str | None:
    try:
        shelf.verify(name, digest)
    except NamesmithError as error:
        return str(error)
    return None
