"""Reading a list of names: a text file (one name a line) or a CSV with a `name` column.

What happens to each line is written down in docs/training.md: stray spaces go, case and accents follow the
normalisation, empty lines are passed over, repeats count as often as they stand there, and a line that cannot
be a name is reported with its number and the reason.
"""

import hashlib
import math
import re
from array import array
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.vocabulary import MAX_NAME_LENGTH, Normalization, is_printable
from training.list_files import Columns, Where, rows
from training.list_files import DataError as DataError
from training.ngrams import CHUNK

MIN_DISTINCT_NAMES = 2
MAX_WEIGHT_RATIO = 1e9
_REPORTED_LINES = 5
_SPACE = " \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_STRAY = re.compile(f"^[\t{_SPACE}]+|[\t{_SPACE}]+$")
_SPACES = re.compile(f"[{_SPACE}]+")


@dataclass(frozen=True)
class NameList:
    """Names in file order, normalised, repeats included, with their weights (n,), and what was passed over.

    A name that is repeated is one object, so a line takes 16 bytes beyond the text of the distinct names.
    Raises DataError for weights too far apart for single precision.
    """

    names: list[str]
    weights: NDArray[np.float64]
    source: str
    empty_lines: int = 0
    skipped: list[str] = field(default_factory=list)
    where: Where | None = None
    """Which rows of the file these are; None for all."""

    def __post_init__(self) -> None:
        if self.weights.max() > MAX_WEIGHT_RATIO * self.weights.min():
            raise DataError(
                f"{self.source}: the largest weight is over {MAX_WEIGHT_RATIO:.0e} times the smallest; even them"
            )

    @cached_property
    def distinct(self) -> list[str]:
        return sorted(set(self.names))

    @property
    def weighted(self) -> bool:
        return bool((self.weights != self.weights[0]).any())

    def fingerprint(self) -> str:
        """SHA-256 over names and weights in their order, in hexadecimal."""
        hashed = hashlib.sha256()
        for start in range(0, len(self.names), CHUNK):
            weights = self.weights[start : start + CHUNK].tolist()
            lines = zip(self.names[start : start + CHUNK], weights, strict=True)
            hashed.update("".join(f"{name}\t{weight!r}\n" for name, weight in lines).encode())
        return hashed.hexdigest()


def read_names(
    path: Path,
    normalization: Normalization | None = None,
    weight_column: str | None = None,
    skip_bad_lines: bool = False,
    where: Where | None = None,
) -> NameList:
    """The names in `path`; a file that ends in .csv has a header with a `name` column, and `where` says which of its
    rows are read.

    Weights come from `weight_column`, or from a column called `weight` where there is one, else all are 1;
    they are scaled to a mean of 1. Raises DataError, for bad lines unless they are to be skipped.
    """
    normalize = normalization or Normalization()
    kept: dict[str, str] = {}  # the one object of each distinct name
    names: list[str] = []
    weights = array("d")
    bad: list[str] = []
    empty = 0
    for line, raw, raw_weight in rows(path, Columns(weight_column, where)):
        name = raw if raw in kept else tidy(raw, normalize)
        if not name:
            empty += 1
        elif reason := (None if name in kept else _name_fault(name)) or _weight_fault(raw_weight):
            bad.append(f"line {line}: {reason}")
        else:
            names.append(kept.setdefault(name, name))
            weights.append(float(raw_weight))
    if bad and not skip_bad_lines:
        shown = "; ".join(bad[:_REPORTED_LINES]) + ("; ..." if len(bad) > _REPORTED_LINES else "")
        raise DataError(f"{path}: {len(bad)} bad line(s): {shown}. Mend them, or pass --skip-bad-lines")
    if len(kept) < MIN_DISTINCT_NAMES:
        raise DataError(f"{path}: {len(kept)} distinct name(s); training needs at least {MIN_DISTINCT_NAMES}")
    scaled = np.array(weights) / max(weights)
    return NameList(names, scaled / scaled.mean(), path.name, empty, bad, where)


def tidy(text: str, normalize: Normalization) -> str:
    """A line as the name that it stands for: without stray spaces, normalised."""
    return normalize(_SPACES.sub(" ", _STRAY.sub("", text)))


def _name_fault(name: str) -> str | None:
    """Why a name cannot be used, or None."""
    for char in name:
        if not is_printable(char):
            return f"control character {char!a}"
    if len(name) > MAX_NAME_LENGTH:
        return f"{len(name)} characters, at most {MAX_NAME_LENGTH} are allowed"
    return None


def _weight_fault(weight: str) -> str | None:
    """Why a weight cannot be used, or None."""
    try:
        value = float(weight)
    except ValueError:
        return f"weight {weight[:20]!a} is not a number"
    if not (math.isfinite(value) and value > 0):
        return f"weight {weight[:20]!a} is not a finite number over 0"
    return None
