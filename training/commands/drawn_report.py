"""The report of a published model, drawn anew."""

from dataclasses import replace
from typing import Any

from model.engine import TableEngine
from model.errors import UnsatisfiableError
from model.store import Version
from model.stored import Stored
from model.version_files import DIAGNOSTICS_FILE
from training.dataset import NameList
from training.health import diagnostics
from training.health.report import render
from training.health.subject import Subject, subject_of
from training.quality import Reference, sample_quality
from training.run import measure
from training.splits import SplitRule


def drawn_report(stored: Stored, names: NameList | None, split: SplitRule) -> tuple[bytes, str]:
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
    engine = TableEngine(version.transitions)
    try:
        return {"quality": sample_quality(engine, version.checkpoint.vocabulary, reference).facts()}
    except UnsatisfiableError:
        return {"quality": None}


def _lacking(subject: Subject) -> str:
    return "" if subject.diagnostics else "; the version holds no diagnostics, so there are no pictures of the network"
