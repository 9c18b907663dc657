"""`sweep`: several settings compared on the same list."""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from model import store
from model.errors import NamesmithError
from model.reading.asked import Asked
from model.store import Store, check_name
from training.collection import Order, Work, publish
from training.commands.console import err, out, print_list
from training.commands.device import Device, DeviceOption, chosen_device
from training.commands.list_options import reading_a_list
from training.commands.on_cluster import ClusterOption, CpusOption, on_cluster, spread_over
from training.commands.options import (
    DataArgument,
    SkipOption,
    SplitOption,
    StoreOption,
    check_store,
    check_writable,
    current_version,
)
from training.commands.sweep_results import SweepResults
from training.dataset import read_names
from training.gate import MARGIN
from training.grid import GridError, numbers, whole_numbers
from training.presets import PRESETS, override
from training.progress import sweep_progress
from training.run import Config
from training.splits import SplitRule
from training.sweep import MAX_RUNS, Candidate, plan, runs, symbols_to_choose_by, winner

_MOST = 2**63 - 1


@reading_a_list
def sweep(
    asked: Asked,
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
    skip_bad_lines: SkipOption = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Keep results here, as they come.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Keep one line a run here, as they come.")] = None,
    publish_as: Annotated[str | None, typer.Option("--publish", help="Publish the best one under this name.")] = None,
    store_dir: StoreOption = store.OWN,
    cluster: ClusterOption = None,
    cpus: CpusOption = 1,
    early_stopping: Annotated[
        bool, typer.Option("--early-stopping", help="On a cluster: end runs that fall behind the others.")
    ] = False,
) -> None:
    """Compare settings by their dev loss.

    Every option that takes a list ("0.01,0.03") multiplies the number of runs. The test loss is not shown: a setting
    that was chosen by it would look better than it is. Train the best one with `train`, or have it published, and
    look at its test loss once.
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
    if early_stopping and cluster is None:
        raise typer.BadParameter("only a cluster stops runs early; add --cluster", param_hint="--early-stopping")
    for file in (json_file, csv_file):
        check_writable(file)
    if publish_as is not None:
        check_name(publish_as)
        check_store(store_dir)
    names = read_names(data, None, asked, skip_bad_lines)
    print_list(names)
    base = Config(preset=planned[0][0].preset, split=split, device=chosen_device(device))
    results = SweepResults(names, planned, json_file, csv_file)
    with on_cluster(cluster, cpus):
        try:
            _run(results, base, cluster, cpus, early_stopping)
        except KeyboardInterrupt:
            results.show()
            said = f"interrupted after {len(results.done)} of {len(planned)} runs"
            raise NamesmithError(f"{said}; nothing was published") from None
        results.show()
        if publish_as is not None:
            _publish(results, base, publish_as, store_dir, spread_over(cluster, cpus, base.device))


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
        raise NamesmithError("no run came to its end, so there is nothing to publish: lower the learning rate")
    names = results.names
    config = best.candidate.config(base, best.seed, symbols_to_choose_by(names, base))
    order = Order(names.source, model, names, config, current_version(model, store_dir), MARGIN)
    ((_, made),) = work([order])
    digest = publish(order, made, Store(store_dir)).result.digest
    out.print(f"published [bold]{model}[/], digest {digest[:12]}, to {escape(str(store_dir))}")
    if digest != best.digest:
        err.print(
            f"[yellow]in the sweep it had the digest {(best.digest or '')[:12]}: another kind of machine trained it[/]"
        )


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
