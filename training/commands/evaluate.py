"""`evaluate`: what a published model is worth on a list."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from model.reading.asked import Asked
from model.store import store
from model.store.store import Version
from training.console.console import out, print_losses
from training.console.list_options import reading_a_list
from training.console.options import DataArgument, SkipOption, SplitOption, StoreOption, check_writable, holding
from training.data.read_list import read_names
from training.data.splits import SplitRule


@reading_a_list
def evaluate(
    asked: Asked,
    name: Annotated[str, typer.Argument(help="Name of a published model.")],
    data: DataArgument,
    store_dir: StoreOption = store.OWN,
    digest: Annotated[str | None, typer.Option(help="Digest of a version other than the current one.")] = None,
    split: SplitOption = SplitRule.NAMES,
    skip_bad_lines: SkipOption = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
) -> None:
    """Measure a published model: its losses on a list, and the quality of the names that it generates."""
    check_writable(json_file)
    stored = holding(name, store_dir).open(name, digest)
    names = read_names(data, stored.header.vocabulary.normalization, asked, skip_bad_lines)
    from model.sampling.language_model import LanguageModel  # what brings PyTorch comes when the list has been read
    from training.console.tables import quality_table
    from training.gate.quality import Reference, sample_quality
    from training.run.run import measure

    version = Version.of(stored)
    vocabulary = version.checkpoint.vocabulary
    losses, baselines = measure(version.checkpoint, version.transitions, names, split)
    quality = sample_quality(LanguageModel(version.transitions), vocabulary, Reference.of(names, split))
    print_losses(losses)
    for part, reached in baselines.items():
        ways = ", ".join(f"{way.replace('_', '-')} {loss:.4f}" for way, loss in reached.items())
        out.print(f"{part} by counting: {ways}")
    out.print(quality_table(quality))
    if json_file:
        facts = {"digest": version.digest, **losses.fields(), "baselines": baselines, "quality": asdict(quality)}
        json_file.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
