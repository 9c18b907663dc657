"""`prune`: old versions go."""

from typing import Annotated

import typer
from rich.markup import escape

from model.store import store
from model.store.store import Store
from training.console.console import out
from training.console.options import DryRunOption, StoreOption


def prune(
    name: Annotated[str | None, typer.Argument(help="Name of a model; by default, all models.")] = None,
    keep: Annotated[
        int, typer.Option(min=1, help="Number of versions to keep: the current one and the latest before it.")
    ] = 3,
    dry_run: DryRunOption = False,
    store_dir: StoreOption = store.OWN,
) -> None:
    """Remove old versions, which `rollback` can then no longer reach. The current one always stays."""
    shelf = Store(store_dir)
    for each in shelf.names() if name is None else [name]:
        removed = shelf.prunable(each, keep) if dry_run else shelf.prune(each, keep)
        digests = ", ".join(digest[:12] for digest in removed) or "nothing"
        out.print(f"[bold]{each}[/] in {escape(str(store_dir))}: {'would remove' if dry_run else 'removed'} {digests}")
