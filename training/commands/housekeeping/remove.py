"""`remove`: a model goes, with all its versions."""

from typing import Annotated

import typer
from rich.markup import escape

from model.store import store
from model.store.store import Store, check_name
from training.console.console import out
from training.console.options import DryRunOption, StoreOption


def remove(
    name: Annotated[str, typer.Argument(help="Name of a published model.")],
    dry_run: DryRunOption = False,
    store_dir: StoreOption = store.OWN,
) -> None:
    """Remove a model and all its versions for good. A running service stops serving it on its own."""
    shelf = Store(store_dir)
    if dry_run and not shelf.holds(check_name(name)):
        raise shelf.no_model(name)
    removed = shelf.digests(name) if dry_run else shelf.remove(name)
    what = (
        f"[bold]{name}[/] from {escape(str(store_dir))}, versions: {', '.join(each[:12] for each in removed) or 'none'}"
    )
    out.print(f"{'would remove' if dry_run else 'removed'} {what}")
    if name in Store(store.BUNDLED).names():
        out.print(f"the bundled {name} {'would serve' if dry_run else 'serves'} again")
