"""What a sweep has come to so far: kept, shown and written as it comes."""

import csv
import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from training.console.console import out
from training.data.read_list import NameList
from training.search.sweep import Candidate, Planned, Row, Run, rank

_VARIED = ("preset", "learning_rate", "steps", "batch_size", "block_size", "dim", "width")


@dataclass
class SweepResults:
    """Of the runs that are planned those that are done, in the order of the plan."""

    names: NameList
    planned: Sequence[Planned]
    json_file: Path | None
    csv_file: Path | None
    done: list[Run] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def add(self, run: Run) -> None:
        self.done.append(run)
        self.done.sort(key=lambda run: self.planned.index((run.candidate, run.seed)))
        self._save()
        steps = sum(run.candidate.preset.steps for run in self.done)
        total = sum(candidate.preset.steps for candidate, _ in self.planned)
        self._tell(run, (time.monotonic() - self.began) * (total - steps) / steps)

    def _tell(self, run: Run, left: float) -> None:
        told = ", ".join(f"{_words(name)} {_text(value)}" for name, value in self._varied(run.candidate).items())
        number = f"run {len(self.done)} of {len(self.planned)}"
        told = f"{told}, " if told else ""
        out.print(f"{number}: {told}seed {run.seed}: {_reached(run)}; about {_duration(left)} left")

    def _varied(self, candidate: Candidate) -> dict[str, Any]:
        """The settings that are not the same in all runs."""
        every = [planned.fields() for planned, _ in self.planned]
        return {name: candidate.fields()[name] for name in _VARIED if len({fields[name] for fields in every}) > 1}

    def show(self) -> None:
        """The table, of what is done."""
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


def _reached(run: Run) -> str:
    if run.stopped_after is not None:
        return f"stopped early, after {run.stopped_after:,} of {run.candidate.preset.steps:,} steps"
    return "diverged" if run.dev_loss is None else f"dev {run.dev_loss:.4f}, {run.seconds:.1f} s"


def _losses(row: Row) -> list[str]:
    if row.dev_loss is None:
        what, count = ("diverged", row.diverged) if row.diverged else ("stopped early", row.stopped)
        return [f"{what} ({count} of {row.seeds})" if row.seeds > 1 else what, "", "", ""]
    error = "" if row.error is None else f"{row.error:.4f}"
    stopped = f" ({row.stopped} of {row.seeds} stopped early)" if row.stopped else ""
    return [f"{row.dev_loss:.4f}{stopped}", error, f"{row.train_loss:.4f}", f"{row.seconds:.1f}"]


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
