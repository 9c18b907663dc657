"""A list of names as training needs it: normalised, weighed, and told what was passed over.

How a file is read is `model/reading/`. What happens to each name is written down in docs/training.md: stray spaces
go, case, accents and marks follow the normalisation, empty lines are passed over, repeats count as often as they stand
there, and a line that cannot be a name is reported with its number and the reason.
"""

import hashlib
import math
from array import array
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.reading.asked import Asked, Where
from model.reading.asked import DataError as DataError
from model.reading.described import Layout
from model.reading.rows import BadRow, Row, opened_list
from model.text.name_rules import misplaced_joiner
from model.text.vocabulary import MAX_NAME_LENGTH, Normalization, is_printable
from training.data.ngrams import CHUNK

MIN_DISTINCT_NAMES = 2
MAX_WEIGHT_RATIO = 1e9
_REPORTED_LINES = 5
_BATCH = 1 << 16


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
    layout: Layout | None = None
    """How the file was read."""
    normalization: Normalization = field(default_factory=Normalization)
    """How the names were brought to their form."""

    def __post_init__(self) -> None:
        if self.weights.max() > MAX_WEIGHT_RATIO * self.weights.min():
            raise DataError(
                f"{self.source}: the largest weight is over {MAX_WEIGHT_RATIO:.0e} times "
                "the smallest; even the weights out"
            )

    @cached_property
    def distinct(self) -> list[str]:
        return sorted(set(self.names))

    @property
    def weighted(self) -> bool:
        return bool((self.weights != self.weights[0]).any())

    @property
    def characters(self) -> int:
        """Of all names, their ends included."""
        return sum(map(len, self.names)) + len(self.names)

    def fingerprint(self) -> str:
        """SHA-256 over names and weights in their order, in hexadecimal."""
        hashed = hashlib.sha256()
        for start in range(0, len(self.names), CHUNK):
            weights = self.weights[start : start + CHUNK].tolist()
            lines = zip(self.names[start : start + CHUNK], weights, strict=True)
            hashed.update("".join(f"{name}\t{weight!r}\n" for name, weight in lines).encode())
        return hashed.hexdigest()


def read_names(
    path: Path, normalization: Normalization | None = None, asked: Asked | None = None, skip_bad_lines: bool = False
) -> NameList:
    """The names in `path`, whose form is told by its content and by what was `asked`.

    Weights are scaled to a mean of 1; without a column of weights all are 1. Raises DataError, for bad lines unless
    they are to be skipped.
    """
    asked = asked or Asked()
    with opened_list(path, asked) as opened:
        kept = _Kept(normalization or Normalization(), opened.layout.unit)
        rows = opened.rows()
        while batch := list(islice(rows, _BATCH)):
            kept.add(batch)
        layout = opened.layout
    return kept.as_list(path, skip_bad_lines, asked.where, layout)


class _Kept:
    """Names as they come."""

    def __init__(self, normalization: Normalization, unit: str) -> None:
        self._normalization = normalization
        self._unit = unit
        self._distinct: dict[str, str] = {}  # the one object of each distinct name
        self._names: list[str] = []
        self._weights = array("d")
        self._bad: list[str] = []
        self._empty = 0

    def add(self, rows: list[Row]) -> None:
        distinct = self._distinct
        for (place, raw, weight), name in zip(rows, self._normalization.names([row[1] for row in rows]), strict=True):
            if not name:
                self._empty += 1
            elif fault := _fault(raw, name, weight, name in distinct):
                self._bad.append(f"{self._unit} {place}: {fault}")
            else:
                self._names.append(distinct.setdefault(name, name))
                self._weights.append(1.0 if weight is None else float(weight))

    def as_list(self, path: Path, skip_bad_lines: bool, where: Where | None, layout: Layout) -> NameList:
        bad = self._bad
        if bad and not skip_bad_lines:
            shown = "; ".join(bad[:_REPORTED_LINES]) + ("; ..." if len(bad) > _REPORTED_LINES else "")
            raise DataError(f"{path}: {len(bad)} bad line(s): {shown}. Fix them, or pass --skip-bad-lines")
        if len(self._distinct) < MIN_DISTINCT_NAMES:
            raise DataError(
                f"{path}: {len(self._distinct)} distinct name(s); training needs at least {MIN_DISTINCT_NAMES}"
            )
        scaled = np.array(self._weights) / max(self._weights)
        return NameList(
            self._names, scaled / scaled.mean(), path.name, self._empty, bad, where, layout, self._normalization
        )


def _fault(raw: str, name: str, weight: Any, is_known: bool) -> str | None:
    """Why a row cannot be used, or None."""
    if type(raw) is BadRow:
        return raw
    return (None if is_known else _name_fault(name)) or (None if weight is None else _weight_fault(weight))


def _name_fault(name: str) -> str | None:
    """Why a name cannot be used, or None."""
    if not name.isprintable():
        char = next((char for char in name if not is_printable(char)), None) or misplaced_joiner(name)
        if char:
            return f"control character {char!a}"
    if len(name) > MAX_NAME_LENGTH:
        return f"{len(name)} characters, at most {MAX_NAME_LENGTH} are allowed"
    return None


def _weight_fault(weight: Any) -> str | None:
    """Why a weight cannot be used, or None."""
    try:
        value = float(weight)
    except (ValueError, TypeError):
        return f"weight {str(weight)[:20]!a} is not a number"
    if not (math.isfinite(value) and value > 0):
        return f"weight {str(weight)[:20]!a} is not a finite number greater than 0"
    return None
