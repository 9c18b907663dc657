"""A trained model on its way into a store: what the gate says of it, and all that its version will hold."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from model.errors import NamesmithError
from model.network import checkpoint
from model.store.store import Store, Version
from model.store.version_files import DIAGNOSTICS_FILE, REPORT_FILE
from training.data.read_list import NameList
from training.data.splits import split
from training.diagnosis import diagnostics
from training.diagnosis.diagnostics import Diagnostics
from training.diagnosis.recorder import Recorder
from training.gate.gate import Examination, examine
from training.gate.overrides import override_record
from training.report.report import render
from training.report.report_subject import subject_of
from training.run.run import Config, Result, fit
from training.run.run_key import run_key

RUN = "run"
"""The fact of a manifest that names the run (see `training/run/run_key.py`)."""


@dataclass(frozen=True)
class Submission:
    """Plain data, so that another machine can have made it."""

    name: str
    result: Result
    examination: Examination
    facts: dict[str, Any]
    """What the manifest keeps."""
    report: bytes
    diagnostics: bytes
    held_out: tuple[str, ...]
    """Names that it was not trained on."""

    def publish(self, store: Store, distinct: Iterable[str]) -> None:
        """Makes it the current version, whatever the gate said. `distinct` are the names of its list. Raises as
        `Store.publish` does."""
        files = {REPORT_FILE: self.report, DIAGNOSTICS_FILE: self.diagnostics}
        transitions = self.result.transitions
        store.publish(self.name, self.result.data, distinct, self.facts, files, transitions, self.held_out)


def submit(
    name: str,
    names: NameList,
    config: Config,
    result: Result,
    seen: Diagnostics,
    current: Version | NamesmithError | None,
    margin: float,
) -> Submission:
    """Has the gate examine the `result` of a run, and draws its report. `current` is as `examine` takes it."""
    examination = examine(result, names, config.split, current, margin)
    facts = {**result.facts(), RUN: run_key(names, config), **_judgement(examination)}
    report = render(subject_of(name, result.digest, checkpoint.loads(result.data), result.transitions, seen, facts))
    parts = split(names.names, config.split)
    held_out = tuple(names.names[i] for i in (*parts.dev.tolist(), *parts.test.tolist()))
    return Submission(name, result, examination, facts, report, diagnostics.dumps(seen), held_out)


def trained(
    name: str, names: NameList, config: Config, current: Version | NamesmithError | None, margin: float
) -> Submission:
    """The whole of it, from the list on, without a word. Raises as `fit` does."""
    recorder = Recorder(config.preset.steps)
    result = fit(names, config, recorder.beside(lambda *_: None), recorder)
    return submit(name, names, config, result, recorder.result(), current, margin)


def _judgement(examination: Examination) -> dict[str, Any]:
    """What the manifest keeps of it."""
    checks = examination.checks
    overridden = None if examination.passed else override_record(checks)
    quality = {} if examination.quality is None else {"quality": examination.quality.facts()}
    gate = {"gate": [asdict(check) for check in checks], "forced": overridden is not None, "override": overridden}
    return {**quality, **gate}
