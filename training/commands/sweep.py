"""`sweep`: several settings compared on the same list. PyTorch is imported when the list has been read."""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer

from model.reading.asked import Asked
from model.store import store
from model.store.store import check_name
from training.console.console import print_list
from training.console.device import Device, DeviceOption
from training.console.list_options import reading_a_list
from training.console.on_cluster import ClusterOption, CpusOption
from training.console.options import DataArgument, SkipOption, SplitOption, StoreOption, check_store, check_writable
from training.data.read_list import read_names
from training.data.splits import SplitRule
from training.recipe.presets import PRESETS, override
from training.search.grid import GridError, numbers, whole_numbers

_MOST = 2**63 - 1


@reading_a_list
def sweep(
    asked: Asked,
    data: DataArgument,
    learning_rate: Annotated[
        str | None,
        typer.Option(help="Comma-separated rates, or LOW:HIGH:COUNT for COUNT rates evenly spaced on a log scale."),
    ] = None,
    seed: Annotated[
        str, typer.Option(help="Comma-separated seeds; settings are compared by their mean over the seeds.")
    ] = "1",
    preset: Annotated[str, typer.Option(metavar="|".join(PRESETS), help="Comma-separated presets.")] = "fast",
    steps: Annotated[str | None, typer.Option(help="Comma-separated values, instead of the preset's.")] = None,
    batch_size: Annotated[str | None, typer.Option(help="Comma-separated values, instead of the preset's.")] = None,
    block_size: Annotated[str | None, typer.Option(help="Comma-separated values, instead of the preset's.")] = None,
    dim: Annotated[str | None, typer.Option(help="Comma-separated sizes of the embedding.")] = None,
    width: Annotated[str | None, typer.Option(help="Comma-separated widths of the hidden layers.")] = None,
    device: DeviceOption = Device.auto,
    split: SplitOption = SplitRule.NAMES,
    skip_bad_lines: SkipOption = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="JSON file that receives the results as they arrive.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="CSV file that receives one line per run as results arrive.")
    ] = None,
    publish_as: Annotated[str | None, typer.Option("--publish", help="Publish the best model under this name.")] = None,
    store_dir: StoreOption = store.OWN,
    cluster: ClusterOption = None,
    cpus: CpusOption = 1,
    early_stopping: Annotated[
        bool, typer.Option("--early-stopping", help="With --cluster: stop runs that fall behind the others.")
    ] = False,
) -> None:
    """Compare settings by their dev loss.

    Every option with several values ("0.01,0.03") multiplies the number of runs. The test loss is not shown, because
    it would flatter a setting that was chosen by it. Train the best setting with `train`, or publish it with
    --publish, and look at its test loss once.
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
    grid = list(product(presets, sizes))
    seeds = [number or 0 for number in _whole("seed", seed, 0)]
    if early_stopping and cluster is None:
        raise typer.BadParameter("only a cluster stops runs early; add --cluster", param_hint="--early-stopping")
    for file in (json_file, csv_file):
        check_writable(file)
    if publish_as is not None:
        check_name(publish_as)
        check_store(store_dir)
    names = read_names(data, None, asked, skip_bad_lines)
    print_list(names)
    from training.commands.sweep_run import Sweep, planned_runs

    Sweep(names, planned_runs(grid, seeds), split, device, json_file, csv_file, cluster, cpus, early_stopping).run(
        publish_as, store_dir
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
