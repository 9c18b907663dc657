"""What a version is made of, computed from the checkpoint that is published. Brings PyTorch."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from model import checkpoint
from model.compiling import compile_model
from model.engine import TableEngine
from model.errors import CheckpointError, StoreError
from model.facts import EXACT, facts
from model.golden import GOLDEN, golden_names
from model.header import digest as digest_of
from model.names import Listing
from model.table_file import table_file
from model.version_files import MODEL_FILE, NAMES_FILE, TABLE_FILE, names_file


@dataclass(frozen=True)
class Contents:
    files: dict[str, bytes]
    """By their names in the version; the manifest is not among them."""
    manifest: dict[str, Any]
    """Further entries of the manifest: golden names, exact facts, and how many parameters the network has."""


def contents(
    data: bytes, training_names: Iterable[str] | None, report: Mapping[str, bytes] | None, keep_table: bool = True
) -> Contents:
    """A checkpoint's bytes, its list, its report, golden names, exact facts, and the table, if it is to be kept. Raises
    CheckpointError if the bytes are not a whole checkpoint that gives distributions, StoreError for a list that cannot
    be kept."""
    model = checkpoint.loads(data)
    files = {MODEL_FILE: data, **(report or {})}
    listing = None
    if training_names is not None:
        training_names = list(training_names)
        listing = Listing.listing(training_names, model.vocabulary)
        files[NAMES_FILE] = names_file(training_names)
    entries: dict[str, Any] = {"parameters": model.stack.parameter_count}
    table = compile_model(model, None)
    try:
        content = table_file(table, digest_of(data))
    except StoreError as error:
        raise CheckpointError(f"checkpoint: {error}") from None
    if keep_table:
        files[TABLE_FILE] = content
    golden = golden_names(TableEngine(table), model.vocabulary)
    if golden is not None:  # it gives names
        entries |= {GOLDEN: golden, EXACT: asdict(facts(table, listing))}
    return Contents(files, entries)
