"""`import`: a version comes from a file that `export` wrote."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from model.files.regular import read_regular
from model.store import store
from model.store.archive import MAX_ARCHIVE_BYTES
from model.store.store import Store
from training.console.console import out
from training.console.options import StoreOption


def import_version(
    file: Annotated[Path, typer.Argument(help="A file written by `export`.")],
    name: Annotated[str | None, typer.Option("--name", help="Another name for the model.")] = None,
    store_dir: StoreOption = store.OWN,
) -> None:
    """Verify the version in a file, add it to the store and make it current. A running service picks it up."""
    content = read_regular(file.resolve(), MAX_ARCHIVE_BYTES)
    name, digest = Store(store_dir).add(content, file, name)
    out.print(f"[bold]{name}[/] in {escape(str(store_dir))} is now version {digest[:12]}, from {escape(str(file))}")
