"""What a finding is, and where its thresholds come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MAKEMORE = "Karpathy, makemore lecture 4: activations, gradients, BatchNorm"
GLOROT = "Glorot & Bengio 2010"
HE = "He et al. 2015"
IOFFE = "Ioffe & Szegedy 2015"
OWN = "rule of thumb of this project"


class Severity(StrEnum):
    """In the order in which findings are shown."""

    WARNING = "warning"
    NOTE = "note"
    OK = "ok"


@dataclass(frozen=True)
class Finding:
    severity: Severity
    title: str
    """What is seen, in one line, with its number."""
    detail: str
    """Why it matters, what is usual and what to do."""
    source: str
    """Where the threshold comes from."""


@dataclass(frozen=True)
class Reached:
    """What the finished model reaches (nats a character), as far as that is known."""

    losses: Mapping[str, float] = field(default_factory=dict)
    """By part: `train`, `dev`, `test`."""
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """What counting reaches: by part, by way of counting."""
