"""`publish`: a checkpoint file becomes a version of the store."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from model.network import checkpoint_header
from model.reading.asked import Asked
from model.store import store
from model.store.store import Store
from model.store.stored_version import naming
from training.console.console import out
from training.console.list_options import reading_a_list
from training.console.options import StoreOption
from training.data.read_list import read_names


@reading_a_list
def publish(
    asked: Asked,
    file: Annotated[Path, typer.Argument(help="A checkpoint file.")],
    name: Annotated[str, typer.Option("--name", help="Name of the model.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="The model's list of names, which the service needs to tell new names."),
    ] = None,
    store_dir: StoreOption = store.OWN,
) -> None:
    """Publish a checkpoint file and make it current."""
    content = checkpoint_header.read(file.resolve())
    with naming(file.resolve()):
        vocabulary = checkpoint_header.read_header(content).vocabulary
    names = None if data is None else read_names(data, vocabulary.normalization, asked).distinct
    digest = Store(store_dir).publish(name, content, names, {"published_from": file.name})
    out.print(f"published [bold]{name}[/], digest {digest[:12]}, to {escape(str(store_dir))}")
