"""`rename`: a model gets another name."""

from typing import Annotated

import typer
from rich.markup import escape

from model.store import store
from model.store.store import Store
from training.console.console import out
from training.console.options import StoreOption


def rename(
    name: Annotated[str, typer.Argument(help="Name of a published model.")],
    to: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    store_dir: StoreOption = store.OWN,
) -> None:
    """Rename a model with all its versions and its history. A running service picks up the new name on its own."""
    Store(store_dir).rename(name, to)
    out.print(f"{name} in {escape(str(store_dir))} is now [bold]{to}[/]")
