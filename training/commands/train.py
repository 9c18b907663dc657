"""`train`: from a list of names to a published model."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from model import store
from model.layers import TANH_GAIN
from model.reading.asked import Asked
from model.store import Store, check_name
from training.checks import Check
from training.commands.console import err, out, print_list, print_losses, print_served
from training.commands.device import Device, DeviceOption, chosen_device
from training.commands.interruptions import (
    DEFAULT_DIRECTORY,
    DEFAULT_SECONDS,
    ResumeOption,
    SnapshotEveryOption,
    SnapshotsOption,
    interruptible,
    resumable,
)
from training.commands.list_options import reading_a_list
from training.commands.options import (
    DataArgument,
    SkipOption,
    SplitOption,
    StoreOption,
    check_store,
    check_writable,
    current_version,
)
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
    name_from,
    read_layers,
)
from training.course import Course
from training.dataset import NameList, read_names
from training.gate import MARGIN, GateRefusedError, require
from training.health.diagnostics import Diagnostics
from training.health.recorder import Recorder
from training.health.report import render
from training.health.subject import failed
from training.loop import Progress, TrainingError
from training.parallel import together
from training.presets import PRESETS, override, suited
from training.progress import both, run_progress
from training.run import Config, Result, fit
from training.splits import SplitRule
from training.submission import submit
from training.tensorboard import logging_to


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
    force: Annotated[bool, typer.Option("--force", help="Publish even if the gate refuses; recorded.")] = False,
    margin: MarginOption = MARGIN,
    layers: Annotated[Path | None, typer.Option(help="JSON file: the list of layers to use instead.")] = None,
    block_size: BlockSizeOption = None,
    steps: StepsOption = None,
    batch_size: BatchSizeOption = None,
    learning_rate: LearningRateOption = None,
    contexts: ContextsOption = None,
    gain: Annotated[float, typer.Option(min=1e-3, max=1e3, help="Of the first hidden weights.")] = TANH_GAIN,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Write the report to this file too, even of a run that fails.")
    ] = None,
    skip_bad_lines: SkipOption = False,
    processes: Annotated[int, typer.Option(min=1, max=256, help="That share the work of each batch.")] = 1,
    tensorboard: Annotated[Path | None, typer.Option(help="Directory for TensorBoard logs of the run.")] = None,
    resume: ResumeOption = False,
    snapshots: SnapshotsOption = DEFAULT_DIRECTORY,
    snapshot_every: SnapshotEveryOption = DEFAULT_SECONDS,
) -> None:
    """Train on a list of names and publish the model."""
    model_name = check_name(name if name is not None else name_from(data))
    check_writable(json_file)
    check_writable(report_file)
    check_store(store_dir)
    with interruptible():
        names = read_names(data, None, asked, skip_bad_lines)
        config = Config(
            preset=override(suited(PRESETS[preset], names.characters), steps, batch_size, learning_rate),
            seed=seed,
            split=split,
            block_size=block_size,
            layers=None if layers is None else read_layers(layers),
            gain=gain,
            device=chosen_device(device, processes),
            processes=processes,
            description=description,
            contexts=contexts,
        )
        print_list(names)
        with resumable(names, config, snapshots, snapshot_every, resume) as course:
            with logging_to(tensorboard, model_name, config) as log:
                result, seen = _watched(names, config, course, model_name, report_file, log.step)
                log.result(result)
            _print_result(result)
            current = current_version(model_name, store_dir)
            submission = submit(model_name, names, config, result, seen, current, margin)
            _write(report_file, submission.report)
            _pass_gate(submission.examination.checks, force)
            submission.publish(Store(store_dir), names.distinct)
    if json_file:
        json_file.write_text(json.dumps(_json_result(result, model_name), indent=2) + "\n", encoding="utf-8")
    out.print(f"published [bold]{model_name}[/], digest {result.digest[:12]}, to {escape(str(store_dir))}")


def _watched(
    names: NameList, config: Config, course: Course, name: str, report_file: Path | None, log: Progress
) -> tuple[Result, Diagnostics]:
    """The run and what was seen of it. Where it comes to no model, that too is written to `report_file`."""
    recorder = Recorder(config.preset.steps)
    try:
        with run_progress(out, config.preset) as shown, together(names, config, course):
            result = fit(names, config, recorder.beside(both(shown.training, log)), recorder, shown.teaching, course)
    except TrainingError as error:
        _write(report_file, render(failed(name, config, recorder.result(str(error)))))
        raise
    return result, recorder.result()


def _print_result(result: Result) -> None:
    print_losses(result.losses)
    print_served(result)
    out.print(f"{result.parameters:,} parameters, {result.history.seconds:.1f} s of training")


def _write(report_file: Path | None, report: bytes) -> None:
    if report_file is not None:
        report_file.write_bytes(report)
        out.print(f"wrote the report to {escape(str(report_file))}")


def _pass_gate(checks: list[Check], force: bool) -> None:
    """Raises GateRefusedError unless forced."""
    try:
        require(checks)
        out.print(f"the gate lets it pass: {', '.join(check.name for check in checks)} ({escape(checks[-1].detail)})")
    except GateRefusedError:
        if not force:
            raise
        err.print("[yellow]the gate refused this model; published all the same (--force), and recorded[/]")


def _json_result(result: Result, name: str) -> dict[str, Any]:
    return {
        "name": name,
        **result.losses.fields(),
        **result.network_fields(),
        "contexts": len(result.transitions),
        "parameters": result.parameters,
        "digest": result.digest,
        **result.facts(),
    }
