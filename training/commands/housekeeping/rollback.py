"""`rollback`: back to the version that was served before."""

from typing import Annotated

import typer
from rich.markup import escape

from model.errors import StoreError
from model.store import store
from model.store.store import Store, check_name
from training.console.console import out
from training.console.options import StoreOption


def rollback(
    name: Annotated[str, typer.Argument(help="Name of a published model.")],
    to: Annotated[
        str | None,
        typer.Option(
            "--to", help="First digits of the digest of the version to return to; by default, the version before."
        ),
    ] = None,
    store_dir: StoreOption = store.OWN,
) -> None:
    """Make an earlier version current again. A running service picks it up on its own."""
    shelf = Store(store_dir)
    before = shelf.current(check_name(name))
    if to is None and not shelf.earlier(name) and name in Store(store.BUNDLED).names():
        shelf.withdraw(name)
        out.print(
            f"{escape(str(store_dir))} held no earlier version of [bold]{name}[/]: the bundled model is served again"
        )
        return
    after = shelf.rollback(name, None if to is None else _whole_digest(shelf, name, to))
    out.print(f"[bold]{name}[/] is version {after[:12]} again; it was {before[:12]}")


def _whole_digest(shelf: Store, name: str, beginning: str) -> str:
    """Raises StoreError unless exactly one version begins so."""
    fitting = [digest for digest in shelf.digests(name) if digest.startswith(beginning)]
    if len(fitting) != 1:
        raise StoreError(f"{len(fitting)} versions of {name} begin with {beginning[:64]!a}; `list` shows all versions")
    return fitting[0]
