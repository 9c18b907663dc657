"""What a report is about: a model just trained, a run that came to none, or a version of a store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model.checkpoint import Checkpoint
from model.engines import engine_for
from model.errors import NamesmithError
from model.shaping import Settings
from training.health.diagnostics import Diagnostics
from training.health.finding import Reached

_SAMPLES = 24
_PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class Subject:
    """What is not known is empty; the report leaves it out."""

    name: str
    diagnostics: Diagnostics | None
    digest: str | None = None
    layers: Sequence[str] = ()
    """One line a layer."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Those of the checkpoint: `data`, `config`, `losses`."""
    run: Mapping[str, Any] = field(default_factory=dict)
    """Those of the manifest: what differs from run to run."""
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Losses of counting: by part, by way of counting."""
    quality: Mapping[str, Any] | None = None
    """Of what it generates; plain data."""
    samples: Sequence[str] = ()

    @property
    def reached(self) -> Reached:
        losses = self.facts.get("losses")
        known = losses if isinstance(losses, Mapping) else {}
        numbers = {part: known.get(part) for part in _PARTS if isinstance(known.get(part), float | int | None)}
        return Reached(numbers, self.baselines)


def subject_of(
    name: str,
    digest: str,
    model: Checkpoint,
    diagnostics: Diagnostics | None,
    run: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, float]],
    quality: Mapping[str, Any] | None,
) -> Subject:
    """A model that exists, with some names that it draws."""
    layers = [repr(layer) for layer in model.stack.layers]
    return Subject(name, diagnostics, digest, layers, model.facts, run, baselines, quality, samples=_sample(model))


def _sample(model: Checkpoint) -> list[str]:
    """Some names at the default settings, seed 0; none where none can be drawn."""
    try:
        sampler = engine_for(model).sampler(Settings(), [], None)
        return [name for draws in sampler.draw(0, _SAMPLES) for name in draws.decode(model.vocabulary)]
    except NamesmithError:
        return []
