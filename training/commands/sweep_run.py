"""The runs of `sweep`, and the publication of the best one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from model.errors import NamesmithError
from model.store.store import Store
from training.commands.sweep_results import SweepResults
from training.console.console import err, out
from training.console.device import Device, chosen_device
from training.console.on_cluster import on_cluster, spread_over
from training.console.options import current_version
from training.data.read_list import NameList
from training.data.splits import SplitRule
from training.recipe.defaults import MARGIN
from training.recipe.presets import Preset
from training.run.progress import sweep_progress
from training.run.run import Config
from training.search.collection import Order, Work, publish
from training.search.sweep import MAX_RUNS, Candidate, Planned, plan, runs, symbols_to_choose_by, winner


def planned_runs(grid: Sequence[tuple[Preset, tuple[Any, ...]]], seeds: list[int]) -> list[Planned]:
    """Raises BadParameter where there are too many."""
    candidates = [Candidate(way, block or way.block_size, dim, width) for way, (block, dim, width) in grid]
    planned = plan(list(dict.fromkeys(candidates)), seeds)
    if len(planned) > MAX_RUNS:
        raise typer.BadParameter(f"the grid has {len(planned):,} runs; at most {MAX_RUNS:,} are allowed")
    return planned


@dataclass(frozen=True)
class Sweep:
    """Runs on a list, and where their results and they themselves go."""

    names: NameList
    planned: list[Planned]
    split: SplitRule
    device: Device
    json_file: Path | None
    csv_file: Path | None
    cluster: str | None
    cpus: int
    early_stopping: bool

    def run(self, publish_as: str | None, store_dir: Path) -> None:
        base = Config(preset=self.planned[0][0].preset, split=self.split, device=chosen_device(self.device))
        results = SweepResults(self.names, self.planned, self.json_file, self.csv_file)
        with on_cluster(self.cluster, self.cpus):
            try:
                _run(results, base, self.cluster, self.cpus, self.early_stopping)
            except KeyboardInterrupt:
                results.show()
                said = f"interrupted after {len(results.done)} of {len(self.planned)} runs"
                raise NamesmithError(f"{said}; nothing was published") from None
            results.show()
            if publish_as is not None:
                _publish(results, base, publish_as, store_dir, spread_over(self.cluster, self.cpus, base.device))


def _run(results: SweepResults, base: Config, cluster: str | None, cpus: int, early_stopping: bool) -> None:
    if cluster is not None:
        from training.cluster.tuning import tuned

        tuned(results.names, results.planned, base, cpus, early_stopping, results.add)
        return
    with sweep_progress(out, [candidate.preset.steps for candidate, _ in results.planned]) as watch:
        for run in runs(results.names, results.planned, base, watch):
            results.add(run)


def _publish(results: SweepResults, base: Config, model: str, store_dir: Path, work: Work) -> None:
    """Trains the best one again, as `train` would, and publishes it. Raises GateRefusedError, NamesmithError."""
    best = winner(results.done)
    if best is None:
        raise NamesmithError("no run finished, so there is nothing to publish: lower the learning rate")
    names = results.names
    config = best.candidate.config(base, best.seed, symbols_to_choose_by(names, base))
    order = Order(names.source, model, names, config, current_version(model, store_dir), MARGIN)
    ((_, made),) = work([order])
    digest = publish(order, made, Store(store_dir)).result.digest
    out.print(f"published [bold]{model}[/], digest {digest[:12]}, to {escape(str(store_dir))}")
    if digest != best.digest:
        err.print(
            f"[yellow]in the sweep this model had the digest {(best.digest or '')[:12]}, "
            "because another kind of machine trained it[/]"
        )
