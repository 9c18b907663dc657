"""The run of `train`: trained and watched, judged by the gate, published."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape

from model.store.store import Store
from training.commands.resuming import resumable
from training.console.console import err, out, print_losses, print_served, warn_of_a_short_list
from training.console.device import Device, chosen_device
from training.console.options import current_version
from training.data.read_list import NameList
from training.diagnosis.diagnostics import Diagnostics
from training.diagnosis.recorder import Recorder
from training.gate.checks import Check, GateRefusedError
from training.gate.gate import require
from training.gate.submission import submit
from training.learning.loop import Progress, TrainingError
from training.learning.resumable_run import ResumableRun
from training.report.report import render
from training.report.report_subject import failed
from training.run.parallel import together
from training.run.progress import both, run_progress
from training.run.run import Config, Result, fit
from training.run.tensorboard import logging_to


@dataclass(frozen=True)
class Where:
    """What the model is called, and where all goes that a run writes."""

    name: str
    store: Path
    json_file: Path | None
    report_file: Path | None
    tensorboard: Path | None
    snapshots: Path
    snapshot_every: float


def config_of(device: Device, processes: int, **settings: Any) -> Config:
    """Raises NamesmithError where the device is not there."""
    return Config(device=chosen_device(device, processes), processes=processes, **settings)


def train_on(names: NameList, config: Config, where: Where, margin: float, *, force: bool, resume: bool) -> None:
    """Raises NamesmithError for a run that comes to no model, GateRefusedError for one that is not published."""
    with resumable(names, config, where.snapshots, where.snapshot_every, resume) as course:
        with logging_to(where.tensorboard, where.name, config) as log:
            result, seen = _watched(names, config, course, where.name, where.report_file, log.step)
            log.result(result)
        _print_result(result)
        current = current_version(where.name, where.store)
        submission = submit(where.name, names, config, result, seen, current, margin)
        _write(where.report_file, submission.report)
        _pass_gate(submission.examination.checks, force)
        submission.publish(Store(where.store), names.distinct)
    warn_of_a_short_list(names, result.losses)
    if where.json_file:
        result_json = json.dumps(_json_result(result, where.name), indent=2)
        where.json_file.write_text(result_json + "\n", encoding="utf-8")
    out.print(f"published [bold]{where.name}[/], digest {result.digest[:12]}, to {escape(str(where.store))}")


def _watched(
    names: NameList, config: Config, course: ResumableRun, name: str, report_file: Path | None, log: Progress
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
        out.print(
            f"the gate passed the model: {', '.join(check.name for check in checks)} ({escape(checks[-1].detail)})"
        )
    except GateRefusedError:
        if not force:
            raise
        err.print(
            "[yellow]the gate refused this model; it was published anyway (--force), and the version records this[/]"
        )


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
