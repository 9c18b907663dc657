"""The report of a published model, drawn anew."""

from dataclasses import replace
from typing import Any

from model.errors import UnsatisfiableError
from model.sampling.language_model import LanguageModel
from model.store.store import Version
from model.store.stored_version import StoredVersion
from model.store.version_files import DIAGNOSTICS_FILE
from training.data.read_list import NameList
from training.data.splits import SplitRule
from training.diagnosis import diagnostics
from training.gate.quality import Reference, sample_quality
from training.report.report import render
from training.report.report_subject import ReportSubject, subject_of
from training.run.run import measure


def drawn_report(stored: StoredVersion, names: NameList | None, split: SplitRule) -> tuple[bytes, str]:
    """The HTML, and what is to be said of it; with `names` losses and quality are measured anew."""
    version = Version.of(stored)
    model = version.checkpoint
    kept = stored.read(DIAGNOSTICS_FILE)
    seen = None if kept is None else diagnostics.loads(kept)
    subject = subject_of(stored.name, stored.digest, model, version.transitions, seen, stored.manifest["facts"])
    if names is not None:
        losses, baselines = measure(model, version.transitions, names, split)
        facts = {**model.facts, "losses": losses.by_part()}
        run = {**subject.run, "baselines": baselines, **_quality(version, Reference.of(names, split))}
        subject = replace(subject, facts=facts, run=run)
    return render(subject), _lacking(subject)


def _quality(version: Version, reference: Reference) -> dict[str, Any]:
    """What it generates; nothing of a model that gives no names."""
    language_model = LanguageModel(version.transitions)
    try:
        return {"quality": sample_quality(language_model, version.checkpoint.vocabulary, reference).facts()}
    except UnsatisfiableError:
        return {"quality": None}


def _lacking(subject: ReportSubject) -> str:
    return (
        ""
        if subject.diagnostics
        else "; this version holds no diagnostics, so the report has no pictures of the network"
    )
