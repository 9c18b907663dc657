"""Reading a list of names: a text file (one name a line) or a CSV with a `name` column.

What happens to each line is written down in docs/training.md: stray spaces go, case and accents follow the
normalisation, empty lines are passed over, repeats count as often as they stand there, and a line that cannot
be a name is reported with its number and the reason.
"""

import csv
import hashlib
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.errors import NamesmithError
from model.vocabulary import MAX_NAME_LENGTH, Normalization, is_printable

NAME_COLUMN = "name"
WEIGHT_COLUMN = "weight"
MIN_DISTINCT_NAMES = 2
MAX_WEIGHT_RATIO = 1e9
_REPORTED_LINES = 5
_SPACE = " \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_STRAY = re.compile(f"^[\t{_SPACE}]+|[\t{_SPACE}]+$")
_SPACES = re.compile(f"[{_SPACE}]+")


class DataError(NamesmithError):
    """A list of names that cannot be used; says file, line and what to do."""


@dataclass(frozen=True)
class NameList:
    """Names in file order, normalised, repeats included, with their weights (n,), and what was passed over.

    Raises DataError for weights too far apart for single precision.
    """

    names: list[str]
    weights: NDArray[np.float64]
    source: str
    empty_lines: int = 0
    skipped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.weights.max() > MAX_WEIGHT_RATIO * self.weights.min():
            raise DataError(
                f"{self.source}: the largest weight is over {MAX_WEIGHT_RATIO:.0e} times the smallest; even them"
            )

    @property
    def distinct(self) -> list[str]:
        return sorted(set(self.names))

    @property
    def weighted(self) -> bool:
        return bool((self.weights != self.weights[0]).any())

    def fingerprint(self) -> str:
        """SHA-256 over names and weights in their order, in hexadecimal."""
        lines = (f"{name}\t{weight!r}\n" for name, weight in zip(self.names, self.weights.tolist(), strict=True))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_names(
    path: Path,
    normalization: Normalization | None = None,
    weight_column: str | None = None,
    skip_bad_lines: bool = False,
) -> NameList:
    """The names in `path`; a file that ends in .csv has a header with a `name` column.

    Weights come from `weight_column`, or from a column called `weight` where there is one, else all are 1;
    they are scaled to a mean of 1. Raises DataError, for bad lines unless they are to be skipped.
    """
    normalize = normalization or Normalization()
    text = _read_text(path)
    read_rows = _csv_rows if path.suffix.lower() == ".csv" else _text_rows
    names: list[str] = []
    weights: list[float] = []
    bad: list[str] = []
    empty = 0
    for line, raw, raw_weight in read_rows(text, path, weight_column):
        name = tidy(raw, normalize)
        if not name:
            empty += 1
        elif reason := _fault(name, raw_weight):
            bad.append(f"line {line}: {reason}")
        else:
            names.append(name)
            weights.append(float(raw_weight))
    if bad and not skip_bad_lines:
        shown = "; ".join(bad[:_REPORTED_LINES]) + ("; ..." if len(bad) > _REPORTED_LINES else "")
        raise DataError(f"{path}: {len(bad)} bad line(s): {shown}. Mend them, or pass --skip-bad-lines")
    if len(set(names)) < MIN_DISTINCT_NAMES:
        raise DataError(f"{path}: {len(set(names))} distinct name(s); training needs at least {MIN_DISTINCT_NAMES}")
    scaled = np.array(weights) / max(weights)
    return NameList(names, scaled / scaled.mean(), path.name, empty, bad)


def tidy(text: str, normalize: Normalization) -> str:
    """A line as the name that it stands for: without stray spaces, normalised."""
    return normalize(_SPACES.sub(" ", _STRAY.sub("", text)))


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}: line {line}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from None


def _text_rows(text: str, path: Path, weight_column: str | None) -> Iterator[tuple[int, str, str]]:
    if weight_column:
        raise DataError(f"{path}: a text file has no columns, so none can be the weight; use a .csv file")
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        yield number, line.removesuffix("\r"), "1"


def _csv_rows(text: str, path: Path, weight_column: str | None) -> Iterator[tuple[int, str, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        name_at = _column(header, NAME_COLUMN, path)
        weight_at = None
        if weight_column or WEIGHT_COLUMN in header:
            weight_at = _column(header, weight_column or WEIGHT_COLUMN, path)
        for row in reader:
            padded = row + [""] * (len(header) - len(row))
            yield reader.line_num, padded[name_at], "1" if weight_at is None else padded[weight_at]
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: not valid CSV ({error})") from None


def _column(header: list[str], wanted: str, path: Path) -> int:
    try:
        return header.index(wanted)
    except ValueError:
        found = repr(", ".join(header)[:200])[1:-1] or "none"  # repr keeps a strange header on one line
        raise DataError(f"{path}: no column {wanted!r} in the header; columns found: {found}") from None


def _fault(name: str, weight: str) -> str | None:
    """Why a line cannot be used, or None."""
    for char in name:
        if not is_printable(char):
            return f"control character {char!a}"
    if len(name) > MAX_NAME_LENGTH:
        return f"{len(name)} characters, at most {MAX_NAME_LENGTH} are allowed"
    try:
        value = float(weight)
    except ValueError:
        return f"weight {weight[:20]!a} is not a number"
    if not (math.isfinite(value) and value > 0):
        return f"weight {weight[:20]!a} is not a finite number over 0"
    return None
