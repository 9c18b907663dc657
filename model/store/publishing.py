"""What a version is made of, computed from the checkpoint that is published. Brings PyTorch."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from model.compiler.compile_model import compile_model
from model.errors import CheckpointError, StoreError
from model.measures.facts import EXACT, facts
from model.measures.percentiles import LOSS_QUANTILES, quantiles_of
from model.network import checkpoint
from model.network.checkpoint_header import digest as digest_of
from model.sampling.language_model import LanguageModel
from model.store.golden_names import GOLDEN, golden_names
from model.store.table_file import table_file
from model.store.version_files import MODEL_FILE, NAMES_FILE, TABLE_FILE, names_file
from model.text.names import NameSet
from model.transitions.automaton import Transitions


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
    transitions: Transitions | None = None,
    held_out: Iterable[str] = (),
) -> Contents:
    """A checkpoint's bytes, its list, its report, its automaton, golden names and exact facts. `transitions` is what
    the checkpoint was compiled to; None compiles it, without the list, of which a part may have been held out. Raises
    CheckpointError if the bytes are not a whole checkpoint that gives distributions, StoreError for a list or an
    automaton that cannot be kept."""
    model = checkpoint.loads(data)
    files = {MODEL_FILE: data, **(report or {})}
    listing, names = None, None if training_names is None else sorted(training_names)
    if names is not None:
        listing = NameSet.listing(names, model.vocabulary)
        files[NAMES_FILE] = names_file(names)
    table = compile_model(model, None) if transitions is None else transitions
    try:
        files[TABLE_FILE] = table_file(table, digest_of(data))
    except StoreError as error:
        raise CheckpointError(f"checkpoint: {error}") from None
    entries: dict[str, Any] = {"parameters": model.stack.parameter_count, "contexts": len(table)}
    quantiles = quantiles_of(LanguageModel(table), list(held_out) or names or (), model.vocabulary)
    if quantiles is not None:
        entries[LOSS_QUANTILES] = quantiles.tolist()
    golden = golden_names(LanguageModel(table), model.vocabulary)
    if golden is not None:  # it gives names
        entries |= {GOLDEN: golden, EXACT: asdict(facts(table, listing))}
    return Contents(files, entries)
