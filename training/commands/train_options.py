"""Options of `train` alone, and what is read from their values."""

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from model.context_tree import MAX_CONTEXTS
from model.descriptions import description_fault
from training.dataset import DataError
from training.presets import PRESETS


def _known_preset(value: str) -> str:
    if value not in PRESETS:
        raise typer.BadParameter(f"{value[:64]!r} is not one of {', '.join(PRESETS)}")
    return value


def _good_description(value: str | None) -> str | None:
    if value is not None and (fault := description_fault(value)):
        raise typer.BadParameter(f"this cannot describe a model: {fault}")
    return value


PresetOption = Annotated[str, typer.Option(callback=_known_preset, metavar="|".join(PRESETS), help="How to train.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of the model; the file's name if left out.")]
DescriptionOption = Annotated[
    str | None, typer.Option(callback=_good_description, help="A line on what the model is good for; part of it.")
]
SeedOption = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of weights and batches.")]
MarginOption = Annotated[
    float, typer.Option(min=0, max=100, help="Loss by which it may be worse than the current version.")
]
BlockSizeOption = Annotated[
    int | None, typer.Option(min=1, max=32, help="Characters of context, instead of the preset's.")
]
StepsOption = Annotated[int | None, typer.Option(min=1, help="Instead of the preset's.")]
BatchSizeOption = Annotated[int | None, typer.Option(min=2, help="Instead of the preset's.")]
LearningRateOption = Annotated[float | None, typer.Option(min=1e-9, max=1e6, help="Instead of the preset's.")]
ContextsOption = Annotated[
    int | None,
    typer.Option(min=2, max=MAX_CONTEXTS, help="Most contexts of the tree that is served, instead of the preset's."),
]


def name_from(data: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", data.stem.lower()).strip("-") or "names"


def read_layers(path: Path) -> list[dict[str, Any]]:
    try:
        layers = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot read the layer list {path}: {error}") from None
    if not (isinstance(layers, list) and all(isinstance(layer, dict) for layer in layers)):
        raise DataError(f'{path}: a layer list is a JSON array of objects such as {{"type": "Tanh"}}')
    return layers
