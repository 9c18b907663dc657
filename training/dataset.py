"""Reading a list of names: a text file (one name a line) or a CSV with a `name` column.

What happens to each line is written down in docs/training.md: stray spaces go, case and accents follow the
normalisation, empty lines are passed over, repeats count as often as they stand there, and a line that cannot
be a name is reported with its number and the reason.
"""

import csv
import hashlib
import math
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from model.errors import NamesmithError
from model.vocabulary import MAX_NAME_LENGTH, Normalization, is_printable
from training.ngrams import CHUNK

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

    A name that is repeated is one object, so a line takes 16 bytes beyond the text of the distinct names.
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
) -> NameList:
    """The names in `path`; a file that ends in .csv has a header with a `name` column.

    Weights come from `weight_column`, or from a column called `weight` where there is one, else all are 1;
    they are scaled to a mean of 1. Raises DataError, for bad lines unless they are to be skipped.
    """
    normalize = normalization or Normalization()
    kept: dict[str, str] = {}  # the one object of each distinct name
    names: list[str] = []
    weights = array("d")
    bad: list[str] = []
    empty = 0
    for line, raw, raw_weight in _rows(path, weight_column):
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
    return NameList(names, scaled / scaled.mean(), path.name, empty, bad)


def tidy(text: str, normalize: Normalization) -> str:
    """A line as the name that it stands for: without stray spaces, normalised."""
    return normalize(_SPACES.sub(" ", _STRAY.sub("", text)))


def _rows(path: Path, weight_column: str | None) -> Iterator[tuple[int, str, str]]:
    """Line number, name and weight as they stand in the file, which is read as it is asked for."""
    is_csv = path.suffix.lower() == ".csv"
    read_rows = _csv_rows if is_csv else _text_rows
    try:
        with path.open(encoding="utf-8-sig", newline="" if is_csv else "\n") as lines:
            yield from read_rows(lines, path, weight_column)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _not_utf8(path) from None


def _not_utf8(path: Path) -> DataError:
    """Looks for the line at fault, by reading the file again."""
    start = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                at = start + error.start
                return DataError(f"{path}: line {number}: not UTF-8 text (byte {at}); save the file as UTF-8")
            start += len(line)
    return DataError(f"{path}: not UTF-8 text; save the file as UTF-8")  # a pipe, which is empty by now


def _text_rows(lines: TextIO, path: Path, weight_column: str | None) -> Iterator[tuple[int, str, str]]:
    if weight_column:
        raise DataError(f"{path}: a text file has no columns, so none can be the weight; use a .csv file")
    for number, line in enumerate(lines, start=1):
        yield number, line.removesuffix("\n").removesuffix("\r"), "1"


def _csv_rows(lines: TextIO, path: Path, weight_column: str | None) -> Iterator[tuple[int, str, str]]:
    reader = csv.reader(lines, strict=True)
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
