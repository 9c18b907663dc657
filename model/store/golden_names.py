"""Golden names: what a version gave for one seed when it was published, so that whoever serves it can tell that it
still does, on this machine and with these libraries."""

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.errors import NamesmithError, StoreError
from model.sampling.language_model import LanguageModel
from model.sampling.sampler import SAMPLER_VERSION
from model.store.stored_version import StoredVersion
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Floats
from model.transitions.shaping import ShapeSettings

GOLDEN = "golden"
"""Their entry in the manifest."""
_SEED = 0
_COUNT = 20
_TOLERANCE = 1e-9
"""Of a log-probability; the last bits of sums differ between machines."""


class _Golden(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    sampler_version: int
    seed: int = Field(ge=0, lt=2**63)
    names: list[str] = Field(min_length=1, max_length=1_000)
    log_probs: list[float]


def golden_names(language_model: LanguageModel, vocabulary: Vocabulary) -> dict[str, Any] | None:
    """The first names of a seed without any conditions, and their natural log-probabilities; None for a model that
    gives no names."""
    try:
        names, log_probs = _drawn(language_model, vocabulary, _SEED, _COUNT)
    except NamesmithError:
        return None
    golden = _Golden(sampler_version=SAMPLER_VERSION, seed=_SEED, names=names, log_probs=log_probs.tolist())
    return golden.model_dump()


def check_golden(stored: StoredVersion, language_model: LanguageModel) -> None:
    """Raises StoreError unless `language_model` gives the golden names of the version, log-probabilities within 1e-9 of
    theirs. Nothing is checked where the version has none, and where they are of another version of the sampler."""
    kept = stored.manifest.get(GOLDEN)
    if kept is None:
        return
    try:
        golden = _Golden.model_validate(kept)
    except ValidationError:
        raise StoreError(f"{stored.directory}: the golden names in the manifest are malformed") from None
    if golden.sampler_version != SAMPLER_VERSION:
        return
    names, log_probs = _drawn(language_model, stored.header.vocabulary, golden.seed, len(golden.names))
    if names != golden.names:
        raise StoreError(f"{stored.directory}: the model no longer draws the names that it drew when it was published")
    expected = np.array(golden.log_probs)
    if expected.shape != log_probs.shape or not (np.abs(log_probs - expected) <= _TOLERANCE).all():
        raise StoreError(f"{stored.directory}: the model's probabilities have changed since it was published")


def _drawn(language_model: LanguageModel, vocabulary: Vocabulary, seed: int, count: int) -> tuple[list[str], Floats]:
    sampler = language_model.sampler(ShapeSettings(), [])
    names = next(sampler.draw(seed, count))
    return names.decode(vocabulary), sampler.log_probs(names)
