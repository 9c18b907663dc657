"""`report`: the health report of a published model, drawn anew."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from model import store
from model.engine import TableEngine
from model.errors import UnsatisfiableError
from model.reading.asked import Asked
from model.store import Version
from model.version_files import DIAGNOSTICS_FILE
from training.commands.console import out
from training.commands.list_options import reading_a_list
from training.commands.options import (
    SkipOption,
    SplitOption,
    StoreOption,
    check_writable,
    holding,
)
from training.dataset import read_names
from training.health import diagnostics
from training.health.report import render
from training.health.subject import Subject, subject_of
from training.quality import Reference, sample_quality
from training.run import measure
from training.splits import SplitRule


@reading_a_list
def report(
    asked: Asked,
    name: Annotated[str, typer.Argument(help="Name of a published model.")],
    data: Annotated[Path | None, typer.Argument(help="Its list: losses and quality are then measured anew.")] = None,
    store_dir: StoreOption = store.OWN,
    digest: Annotated[str | None, typer.Option(help="A version other than the current one.")] = None,
    output: Annotated[Path | None, typer.Option(help="The HTML file; NAME-DIGEST.html if left out.")] = None,
    split: SplitOption = SplitRule.NAMES,
    skip_bad_lines: SkipOption = False,
) -> None:
    """Draw the report of a published model anew, to a file. The version stays as it is."""
    shelf = holding(name, store_dir)
    version = shelf.load(name, digest)
    model, stored = version.checkpoint, shelf.open(name, version.digest)
    file = output or Path(f"{name}-{stored.digest[:12]}.html")
    check_writable(file)
    kept = stored.read(DIAGNOSTICS_FILE)
    seen = None if kept is None else diagnostics.loads(kept)
    subject = subject_of(name, stored.digest, model, version.transitions, seen, stored.manifest["facts"])
    if data is not None:
        names = read_names(data, model.vocabulary.normalization, asked, skip_bad_lines)
        losses, baselines = measure(model, version.transitions, names, split)
        facts = {**model.facts, "losses": losses.by_part()}
        run = {**subject.run, "baselines": baselines, **_quality(version, Reference.of(names, split))}
        subject = replace(subject, facts=facts, run=run)
    file.write_bytes(render(subject))
    out.print(f"wrote {escape(str(file))}" + _lacking(subject))


def _quality(version: Version, reference: Reference) -> dict[str, Any]:
    """What it generates; nothing of a model that gives no names."""
    try:
        return {
            "quality": sample_quality(
                TableEngine(version.transitions), version.checkpoint.vocabulary, reference
            ).facts()
        }
    except UnsatisfiableError:
        return {"quality": None}


def _lacking(subject: Subject) -> str:
    return "" if subject.diagnostics else "; the version holds no diagnostics, so there are no pictures of the network"
