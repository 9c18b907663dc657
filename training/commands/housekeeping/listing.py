"""`list`: what the stores hold."""

from rich.markup import escape
from rich.table import Table

from model.errors import NamesmithError
from model.store import store
from model.store.store import Store
from training.console.console import out
from training.console.options import StoreOption


def list_versions(store_dir: StoreOption = store.OWN) -> None:
    """List the models in the store and those that come with the repository."""
    for root in (store_dir, store.BUNDLED):
        shelf = Store(root)
        table = Table(title=escape(str(root)), title_justify="left")
        for column in ("model", "digest", "current", "published", "dev loss"):
            table.add_column(column, no_wrap=True)
        for name in shelf.names():
            for digest in shelf.digests(name):
                table.add_row(
                    name, digest[:12], "yes" if digest == shelf.current(name) else "", *_facts(shelf, name, digest)
                )
        out.print(table if table.rows else f"{escape(str(root))}: no models")


def _facts(shelf: Store, name: str, digest: str) -> tuple[str, str]:
    """When a version was published and its dev loss, as far as they are known."""
    try:
        version = shelf.load(name, digest)
    except NamesmithError:
        return "damaged", ""
    losses = version.checkpoint.facts.get("losses")
    dev = losses.get("dev") if isinstance(losses, dict) else None
    return str(version.manifest.get("published_at", "")), f"{dev:.4f}" if isinstance(dev, float) else ""
