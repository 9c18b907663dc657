"""What a version is made of, computed from the checkpoint that is published. Brings PyTorch."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from model import checkpoint
from model.engine import TableEngine
from model.errors import CheckpointError, StoreError, TableTooLargeError
from model.facts import EXACT, facts
from model.golden import GOLDEN, golden_names
from model.names import Listing
from model.percentiles import LOSS_QUANTILES, quantiles_of
from model.table_file import table_file
from model.tabulation import compile_table
from model.version_files import MODEL_FILE, NAMES_FILE, TABLE_FILE, names_file


@dataclass(frozen=True)
class Contents:
    files: dict[str, bytes]
    """By their names in the version; the manifest is not among them."""
    manifest: dict[str, Any]
    """Further entries of the manifest: golden names, exact facts, losses of known names, and how many parameters the
    network has."""


def contents(
    data: bytes,
    training_names: Iterable[str] | None,
    report: Mapping[str, bytes] | None,
    keep_table: bool = True,
    held_out: Iterable[str] = (),
) -> Contents:
    """A checkpoint's bytes, its list, its report, and where a table fits the usual budget golden names, exact facts and
    the table, if it is to be kept. Raises CheckpointError if the bytes are not a whole checkpoint that gives
    distributions, StoreError for a list that cannot be kept."""
    model = checkpoint.loads(data)
    files = {MODEL_FILE: data, **(report or {})}
    listing = None
    if training_names is not None:
        training_names = list(training_names)
        listing = Listing.listing(training_names, model.vocabulary)
        files[NAMES_FILE] = names_file(training_names)
    entries: dict[str, Any] = {"parameters": model.stack.parameter_count}
    try:
        table = compile_table(model)
    except TableTooLargeError:
        return Contents(files, entries)
    try:
        content = table_file(table)
    except StoreError as error:
        raise CheckpointError(f"checkpoint: {error}") from None
    if content is not None and keep_table:
        files[TABLE_FILE] = content
    quantiles = quantiles_of(TableEngine(table), list(held_out) or training_names or (), model.vocabulary)
    if quantiles is not None:
        entries[LOSS_QUANTILES] = quantiles.tolist()
    golden = golden_names(TableEngine(table), model.vocabulary)
    if golden is not None:  # it gives names
        entries |= {GOLDEN: golden, EXACT: asdict(facts(table, listing))}
    return Contents(files, entries)
