"""What a report is about: a model just trained, a run that came to none, or a version of a store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model.errors import NamesmithError
from model.network.checkpoint import Checkpoint
from model.sampling.language_model import LanguageModel
from model.transitions.automaton import Transitions
from model.transitions.shaping import ShapeSettings
from training.diagnosis.diagnostics import Diagnostics
from training.diagnosis.finding import Reached
from training.run.run import Config

_SAMPLES = 24


@dataclass(frozen=True)
class ReportSubject:
    """What is not known is empty; the report leaves it out. Facts are free JSON, and may come from elsewhere."""

    name: str
    diagnostics: Diagnostics | None
    digest: str | None = None
    layers: Sequence[str] = ()
    """One line a layer."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Those of the checkpoint: `data`, `config`, `losses`."""
    run: Mapping[str, Any] = field(default_factory=dict)
    """Those of the manifest, in any order: `baselines`, `quality`, `environment`, `gate`, seconds."""
    samples: Sequence[str] = ()

    @property
    def reached(self) -> Reached:
        baselines = self.run.get("baselines")
        parts = baselines.items() if isinstance(baselines, Mapping) else ()
        counted = {part: _numbers(ways) for part, ways in sorted(parts)}
        return Reached(
            _numbers(self.facts.get("losses")),
            {part: dict(sorted(ways.items(), key=lambda way: -way[1])) for part, ways in counted.items()},
        )

    @property
    def quality(self) -> Mapping[str, Any]:
        """Of what it generates: plain data, as `training` measures it."""
        known = self.run.get("quality")
        return known if isinstance(known, Mapping) else {}


def subject_of(
    name: str,
    digest: str,
    model: Checkpoint,
    transitions: Transitions,
    diagnostics: Diagnostics | None,
    run: Mapping[str, Any],
) -> ReportSubject:
    """A model that exists, with some names that it draws."""
    layers = [repr(layer) for layer in model.stack.layers]
    return ReportSubject(name, diagnostics, digest, layers, model.facts, run, _sample(model, transitions))


def failed(name: str, config: Config, diagnostics: Diagnostics) -> ReportSubject:
    """A run that came to no model."""
    facts = {"config": {**config.preset.facts(), "gain": config.gain, "seed": config.seed}}
    return ReportSubject(name, diagnostics, facts=facts)


def _sample(model: Checkpoint, transitions: Transitions) -> list[str]:
    """Some names at the default settings, seed 0; none where none can be drawn."""
    try:
        sampler = LanguageModel(transitions).sampler(ShapeSettings(), [], None)
        return [name for draws in sampler.draw(0, _SAMPLES) for name in draws.decode(model.vocabulary)]
    except NamesmithError:
        return []


def _numbers(known: Any) -> dict[str, float]:
    """The entries that are numbers."""
    entries = known.items() if isinstance(known, Mapping) else ()
    return {str(key): float(value) for key, value in entries if isinstance(value, float | int)}
