"""`report`: the health report of a published model, drawn anew."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from model.reading.asked import Asked
from model.store import store
from training.console.console import out
from training.console.list_options import reading_a_list
from training.console.options import SkipOption, SplitOption, StoreOption, check_writable, holding
from training.data.read_list import read_names
from training.data.splits import SplitRule


@reading_a_list
def report(
    asked: Asked,
    name: Annotated[str, typer.Argument(help="Name of a published model.")],
    data: Annotated[
        Path | None, typer.Argument(help="The model's list of names: measure losses and quality again on it.")
    ] = None,
    store_dir: StoreOption = store.OWN,
    digest: Annotated[str | None, typer.Option(help="Digest of a version other than the current one.")] = None,
    output: Annotated[Path | None, typer.Option(help="HTML file to write; by default NAME-DIGEST.html.")] = None,
    split: SplitOption = SplitRule.NAMES,
    skip_bad_lines: SkipOption = False,
) -> None:
    """Write the report of a published model to a file, drawn afresh. The version itself does not change."""
    stored = holding(name, store_dir).open(name, digest)
    file = output or Path(f"{name}-{stored.digest[:12]}.html")
    check_writable(file)
    normalization = stored.header.vocabulary.normalization
    names = None if data is None else read_names(data, normalization, asked, skip_bad_lines)
    from training.commands.drawn_report import drawn_report  # brings PyTorch, when the list has been read

    content, said = drawn_report(stored, names, split)
    file.write_bytes(content)
    out.print(f"wrote {escape(str(file))}{said}")
