"""`compare`: two versions side by side."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from model.reading.asked import Asked
from model.store import store
from model.store.store import Version
from model.store.stored_version import StoredVersion
from model.text.vocabulary import Normalization
from training.console.console import out
from training.console.list_options import reading_a_list
from training.console.options import SkipOption, SplitOption, StoreOption, check_writable, find_version
from training.data.read_list import NameList, read_names
from training.data.splits import SplitRule

if TYPE_CHECKING:
    from training.gate.comparison import Comparison

_VERSION = "NAME, or NAME@DIGEST for a version other than the current one; the first digits of the digest are enough."


@reading_a_list
def compare_versions(
    asked: Asked,
    a: Annotated[str, typer.Argument(help=_VERSION)],
    b: Annotated[str, typer.Argument(help="The second version, written like the first.")],
    data: Annotated[Path | None, typer.Argument(help="List of names: also compare losses and quality on it.")] = None,
    store_dir: StoreOption = store.OWN,
    split: SplitOption = SplitRule.NAMES,
    skip_bad_lines: SkipOption = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
) -> None:
    """Show two versions side by side, and how much their names differ."""
    check_writable(json_file)

    places = [find_version(reference, store_dir) for reference in (a, b)]
    both = [shelf.open(name, digest) for shelf, name, digest in places]
    lists = {} if data is None else _lists(data, both, asked, skip_bad_lines)
    from training.console.tables import comparison_table, divergence_lines  # PyTorch, when the list has been read
    from training.gate.comparison import compare

    def read(version: Version) -> NameList:
        return lists[version.checkpoint.vocabulary.normalization]

    first, second = map(Version.of, both)
    found = compare(first, second, read if data is not None else None, split)
    out.print(comparison_table(found))
    for line in found.layers or ["the layers are the same"]:
        out.print(escape(line))
    for line in divergence_lines(found):
        out.print(line)
    if json_file:
        json_file.write_text(json.dumps(_json(found), indent=2) + "\n", encoding="utf-8")


def _lists(data: Path, both: list[StoredVersion], asked: Asked, skip_bad_lines: bool) -> dict[Normalization, NameList]:
    """The list as each of the versions spells it."""
    spellings = {stored.header.vocabulary.normalization for stored in both}
    return {spelling: read_names(data, spelling, asked, skip_bad_lines) for spelling in spellings}


def _json(found: "Comparison") -> dict[str, Any]:
    """JSON has no infinity: an infinite divergence is null."""
    fields = asdict(found)
    for key in ("divergence_of_a", "divergence_of_b"):
        fields[key] = {
            name: None if value is None or math.isinf(value) else value for name, value in fields[key].items()
        }
    return fields
