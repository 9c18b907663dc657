"""The report of a published model, drawn anew."""

from dataclasses import replace
from typing import Any

from model import checkpoint
from model.checkpoint import Checkpoint
from model.engines import engine_for
from model.errors import TooRareError, UnsatisfiableError
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
    model = checkpoint.loads(stored.data)
    kept = stored.read(DIAGNOSTICS_FILE)
    seen = None if kept is None else diagnostics.loads(kept)
    subject = subject_of(stored.name, stored.digest, model, seen, stored.manifest["facts"])
    if names is not None:
        losses, baselines = measure(model, names, split)
        facts = {**model.facts, "losses": losses.by_part()}
        run = {**subject.run, "baselines": baselines, **_quality(model, Reference.of(names, split))}
        subject = replace(subject, facts=facts, run=run)
    return render(subject), _lacking(subject)


def _quality(model: Checkpoint, reference: Reference) -> dict[str, Any]:
    """What it generates; nothing of a model that gives too few names."""
    try:
        return {"quality": sample_quality(engine_for(model), model.vocabulary, reference).facts()}
    except (UnsatisfiableError, TooRareError):
        return {"quality": None}


def _lacking(subject: Subject) -> str:
    return "" if subject.diagnostics else "; the version holds no diagnostics, so there are no pictures of the network"
