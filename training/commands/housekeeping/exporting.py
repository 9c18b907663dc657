"""`export`: a version as one file."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from model.files.durable import replace_file
from model.store import store
from training.console.console import out
from training.console.options import StoreOption, check_writable, find_version


def export_version(
    reference: Annotated[str, typer.Argument(metavar="NAME", help="A published model, or NAME@DIGEST.")],
    file: Annotated[Path, typer.Argument(help="Zip file to write, completely or not at all.")],
    store_dir: StoreOption = store.OWN,
) -> None:
    """Write a version to one file, with its report and history, for another machine or a backup."""
    check_writable(file)
    shelf, name, digest = find_version(reference, store_dir)
    content = shelf.export(name, digest)
    replace_file(file, content)
    out.print(f"wrote [bold]{name}[/], version {digest[:12]}, to {escape(str(file))}: {len(content):,} bytes")
