"""`train`: from a list of names to a published model. PyTorch is imported when the list has been read."""

from pathlib import Path
from typing import Annotated

import typer

from model.reading.asked import Asked
from model.store import store
from model.store.store import check_name
from training.commands.train_options import (
    BatchSizeOption,
    BlockSizeOption,
    ContextsOption,
    DescriptionOption,
    LearningRateOption,
    MarginOption,
    NameOption,
    PresetOption,
    SeedOption,
    StepsOption,
    check_not_bundled,
    name_from,
    read_layers,
)
from training.console.console import print_list
from training.console.device import Device, DeviceOption
from training.console.interruptions import ResumeOption, SnapshotEveryOption, SnapshotsOption, interruptible
from training.console.list_options import reading_a_list
from training.console.options import DataArgument, SkipOption, SplitOption, StoreOption, check_store, check_writable
from training.data.read_list import read_names
from training.data.splits import SplitRule
from training.recipe.defaults import GAIN, MARGIN, SNAPSHOT_DIRECTORY, SNAPSHOT_SECONDS
from training.recipe.presets import PRESETS, override, suited


@reading_a_list
def train(
    asked: Asked,
    data: DataArgument,
    name: NameOption = None,
    preset: PresetOption = "standard",
    description: DescriptionOption = None,
    store_dir: StoreOption = store.OWN,
    seed: SeedOption = 1,
    device: DeviceOption = Device.auto,
    split: SplitOption = SplitRule.NAMES,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Publish even if the gate refuses the model; the version records this.")
    ] = False,
    margin: MarginOption = MARGIN,
    layers: Annotated[
        Path | None, typer.Option(help="JSON file with the list of layers to use instead of the preset's.")
    ] = None,
    block_size: BlockSizeOption = None,
    steps: StepsOption = None,
    batch_size: BatchSizeOption = None,
    learning_rate: LearningRateOption = None,
    contexts: ContextsOption = None,
    gain: Annotated[float, typer.Option(min=1e-3, max=1e3, help="Scale of the initial hidden weights.")] = GAIN,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Also write the report to this file, even if the run fails.")
    ] = None,
    skip_bad_lines: SkipOption = False,
    processes: Annotated[
        int, typer.Option(min=1, max=256, help="Number of processes that split each training batch.")
    ] = 1,
    tensorboard: Annotated[Path | None, typer.Option(help="Directory for TensorBoard logs of the run.")] = None,
    resume: ResumeOption = False,
    snapshots: SnapshotsOption = SNAPSHOT_DIRECTORY,
    snapshot_every: SnapshotEveryOption = SNAPSHOT_SECONDS,
) -> None:
    """Train on a list of names and publish the model."""
    model_name = check_name(name if name is not None else name_from(data))
    if name is None and not force:
        check_not_bundled(model_name, data)
    check_writable(json_file)
    check_writable(report_file)
    check_store(store_dir)
    with interruptible() as interruption:
        names = read_names(data, None, asked, skip_bad_lines)
        print_list(names)
        from training.commands.training_run import Where, config_of, train_on

        interruption.check()
        config = config_of(
            device,
            preset=override(suited(PRESETS[preset], names.characters), steps, batch_size, learning_rate),
            seed=seed,
            split=split,
            block_size=block_size,
            layers=None if layers is None else read_layers(layers),
            gain=gain,
            processes=processes,
            description=description,
            contexts=contexts,
        )
        where = Where(model_name, store_dir, json_file, report_file, tensorboard, snapshots, snapshot_every)
        train_on(names, config, where, margin, force=force, resume=resume)
