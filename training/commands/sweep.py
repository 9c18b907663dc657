"""`sweep`: several settings compared on the same list."""

import csv
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from model.errors import NamesmithError
from training.commands.console import out, print_list
from training.commands.device import Device, DeviceOption, chosen_device
from training.commands.options import DataArgument, SkipOption, SplitOption, WeightOption, WhereOption, check_writable
from training.dataset import NameList, read_names
from training.grid import GridError, numbers, whole_numbers
from training.presets import PRESETS, override
from training.progress import sweep_progress
from training.run import Config
from training.splits import SplitRule
from training.sweep import MAX_RUNS, Candidate, Row, Run, plan, rank, runs

_MOST = 2**63 - 1
_VARIED = ("preset", "learning_rate", "steps", "batch_size", "block_size", "dim", "width")


def sweep(
    data: DataArgument,
    learning_rate: Annotated[str | None, typer.Option(help="List, or LOW:HIGH:COUNT evenly by logarithm.")] = None,
    seed: Annotated[str, typer.Option(help="List; the mean over seeds is compared.")] = "1",
    preset: Annotated[str, typer.Option(metavar="|".join(PRESETS), help="List of presets.")] = "fast",
    steps: Annotated[str | None, typer.Option(help="List, instead of the preset's.")] = None,
    batch_size: Annotated[str | None, typer.Option(help="List, instead of the preset's.")] = None,
    block_size: Annotated[str | None, typer.Option(help="List, instead of the preset's.")] = None,
    dim: Annotated[str | None, typer.Option(help="List of sizes of the embedding.")] = None,
    width: Annotated[str | None, typer.Option(help="List of widths of the hidden layers.")] = None,
    device: DeviceOption = Device.auto,
    split: SplitOption = SplitRule.NAMES,
    weight_column: WeightOption = None,
    where: WhereOption = None,
    skip_bad_lines: SkipOption = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Keep results here, as they come.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Keep one line a run here, as they come.")] = None,
) -> None:
    """Compare settings by their dev loss; publishes nothing.

    Every option that takes a list ("0.01,0.03") multiplies the number of runs. The test loss is not shown: a setting
    that was chosen by it would look better than it is. Train the best one with `train`, and look at its test loss once.
    """
    rates = _each("learning-rate", learning_rate, lambda text: numbers(text, 1e-9, 1e6))
    presets = [
        override(PRESETS[name], some_steps, some_batch, rate)
        for name, some_steps, some_batch, rate in product(
            _presets(preset), _whole("steps", steps, 1), _whole("batch-size", batch_size, 2), rates
        )
    ]
    sizes = product(
        _whole("block-size", block_size, 1, 32), _whole("dim", dim, 1, 4096), _whole("width", width, 1, 4096)
    )
    candidates = [
        Candidate(way, block or way.block_size, dim, width) for way, (block, dim, width) in product(presets, sizes)
    ]
    planned = plan(list(dict.fromkeys(candidates)), [number or 0 for number in _whole("seed", seed, 0)])
    if len(planned) > MAX_RUNS:
        raise typer.BadParameter(f"the grid has {len(planned):,} runs, at most {MAX_RUNS:,} are made")
    for file in (json_file, csv_file):
        check_writable(file)
    names = read_names(data, None, weight_column, skip_bad_lines, where)
    print_list(names)
    base = Config(preset=planned[0][0].preset, split=split, device=chosen_device(device))
    _Sweep(names, planned, json_file, csv_file).run(base)


def _each(option: str, text: str | None, read: Callable[[str], Sequence[Any]]) -> Sequence[Any]:
    """The values of an option; None stands for what the preset says."""
    try:
        return [None] if text is None else read(text)
    except GridError as error:
        raise typer.BadParameter(str(error), param_hint=f"--{option}") from None


def _whole(option: str, text: str | None, least: int, most: int = _MOST) -> Sequence[int | None]:
    return _each(option, text, lambda text: whole_numbers(text, least, most))


def _presets(text: str) -> list[str]:
    chosen = list(dict.fromkeys(text.split(",")))
    for name in chosen:
        if name not in PRESETS:
            raise typer.BadParameter(f"{name[:64]!r} is not one of {', '.join(PRESETS)}", param_hint="--preset")
    return chosen


@dataclass
class _Sweep:
    """A sweep under way: what is done is kept, shown and written as it comes."""

    names: NameList
    planned: list[tuple[Candidate, int]]
    json_file: Path | None
    csv_file: Path | None
    done: list[Run] = field(default_factory=list)

    def run(self, base: Config) -> None:
        began = time.monotonic()
        total = sum(candidate.preset.steps for candidate, _ in self.planned)
        try:
            with sweep_progress(out, [candidate.preset.steps for candidate, _ in self.planned]) as watch:
                for run in runs(self.names, self.planned, base, watch):
                    self.done.append(run)
                    self._save()
                    steps = sum(run.candidate.preset.steps for run in self.done)
                    self._tell(run, (time.monotonic() - began) * (total - steps) / steps)
        except KeyboardInterrupt:
            self._show()
            said = f"interrupted after {len(self.done)} of {len(self.planned)} runs"
            raise NamesmithError(f"{said}; nothing is published by a sweep") from None
        self._show()

    def _tell(self, run: Run, left: float) -> None:
        reached = "diverged" if run.dev_loss is None else f"dev {run.dev_loss:.4f}, {run.seconds:.1f} s"
        told = ", ".join(f"{_words(name)} {_text(value)}" for name, value in self._varied(run.candidate).items())
        number = f"run {len(self.done)} of {len(self.planned)}"
        out.print(f"{number}: {told + ', ' if told else ''}seed {run.seed}: {reached}; about {_duration(left)} left")

    def _varied(self, candidate: Candidate) -> dict[str, Any]:
        """The settings that are not the same in all runs."""
        every = [planned.fields() for planned, _ in self.planned]
        return {name: candidate.fields()[name] for name in _VARIED if len({fields[name] for fields in every}) > 1}

    def _show(self) -> None:
        rows = rank(self.done)
        if not rows:
            return
        varied = list(self._varied(rows[0].candidate))
        table = Table(title="sorted by dev loss", title_justify="left")
        for column in ("", *map(_words, varied), "seeds", "dev loss", "std. error", "train loss", "seconds"):
            table.add_column(column, no_wrap=True, justify="right")
        for place, row in enumerate(rows):
            best = place == 0 and row.dev_loss is not None
            cells = [_text(row.candidate.fields()[name]) for name in varied]
            table.add_row("best" if best else "", *cells, str(row.seeds), *_losses(row), style="bold" if best else None)
        out.print(table)

    def _save(self) -> None:
        lines = [run.fields() for run in self.done]
        if self.json_file:
            ranked = [row.fields() for row in rank(self.done)]
            facts = {"list": self.names.source, "planned": len(self.planned), "settings": ranked, "runs": lines}
            self.json_file.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        if self.csv_file:
            text = io.StringIO()
            writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)
            self.csv_file.write_text(text.getvalue(), encoding="utf-8")


def _losses(row: Row) -> list[str]:
    if row.dev_loss is None:
        return [f"diverged ({row.diverged} of {row.seeds})" if row.seeds > 1 else "diverged", "", "", ""]
    error = "" if row.error is None else f"{row.error:.4f}"
    return [f"{row.dev_loss:.4f}", error, f"{row.train_loss:.4f}", f"{row.seconds:.1f}"]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _text(value: object) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else escape(str(value))


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
        if seconds < 6000
        else f"{seconds / 3600:.1f} h"
    )
