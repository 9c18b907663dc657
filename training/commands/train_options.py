"""Options of `train` alone, and what is read from their values."""

import json
import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any

import typer

from model.store import store
from model.text.descriptions import description_fault
from model.transitions.context_tree import MAX_CONTEXTS
from training.data.read_list import DataError
from training.recipe.presets import PRESETS


def _known_preset(value: str) -> str:
    if value not in PRESETS:
        raise typer.BadParameter(f"{value[:64]!r} is not one of {', '.join(PRESETS)}")
    return value


def _good_description(value: str | None) -> str | None:
    if value is not None and (fault := description_fault(value)):
        raise typer.BadParameter(f"this cannot describe a model: {fault}")
    return value


PresetOption = Annotated[
    str, typer.Option(callback=_known_preset, metavar="|".join(PRESETS), help="Recipe to train with.")
]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of the model; by default, the name of the file.")]
DescriptionOption = Annotated[
    str | None,
    typer.Option(callback=_good_description, help="One line on what the model is good for; stored in the model."),
]
SeedOption = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of the initial weights and of the batches.")]
MarginOption = Annotated[
    float, typer.Option(min=0, max=100, help="How much higher than the current version's its loss may be.")
]
BlockSizeOption = Annotated[
    int | None, typer.Option(min=1, max=32, help="Number of characters of context, instead of the preset's.")
]
StepsOption = Annotated[int | None, typer.Option(min=1, help="Number of steps, instead of the preset's.")]
BatchSizeOption = Annotated[int | None, typer.Option(min=2, help="Contexts per batch, instead of the preset's.")]
LearningRateOption = Annotated[
    float | None, typer.Option(min=1e-9, max=1e6, help="Learning rate, instead of the preset's.")
]
ContextsOption = Annotated[
    int | None,
    typer.Option(min=2, max=MAX_CONTEXTS, help="Most contexts in the served tree, instead of the preset's."),
]


def name_from(data: Path) -> str:
    """The name of a model by that of its list: accents go, other marks become hyphens. Raises DataError where letters
    are left that ASCII does not have, as two such files would come to one name."""
    stem = Path(data.name.removesuffix(".gz")).stem.lower()
    plain = "".join(char for char in unicodedata.normalize("NFKD", stem) if not unicodedata.combining(char))
    if any(char.isalnum() and not char.isascii() for char in plain):
        raise DataError(
            f"{data.name} does not give the model a name in ASCII letters; choose one with --name, or rename the file"
        )
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "names"


def check_not_bundled(name: str, data: Path) -> None:
    """Raises DataError where a list's file would publish over a bundled model without a word."""
    if name in store.Store(store.BUNDLED).names():
        raise DataError(
            f"{data.name} would publish {name}, in place of the bundled model of that name; give it another one with "
            f"--name, or pass --name {name} or --force to replace that"
        )


def read_layers(path: Path) -> list[dict[str, Any]]:
    try:
        layers = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot read the layer list {path}: {error}") from None
    if not (isinstance(layers, list) and all(isinstance(layer, dict) for layer in layers)):
        raise DataError(f'{path}: a layer list must be a JSON array of objects such as {{"type": "Tanh"}}')
    return layers
