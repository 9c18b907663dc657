"""Lists and ranges of settings as they are written on a command line: `0.01,0.03`, `0.001:0.1:5`."""

import math

from model.errors import NamesmithError


class GridError(NamesmithError):
    """A list of values that cannot be read."""


def numbers(text: str, least: float, most: float) -> list[float]:
    """Numbers with commas between, and ranges LOW:HIGH:COUNT whose steps are even on a logarithmic scale; each value
    once. Raises GridError."""
    found = [value for part in text.split(",") for value in _range(part)]
    for value in found:
        if not least <= value <= most:
            raise GridError(f"{value:g} is not between {least:g} and {most:g}")
    return list(dict.fromkeys(found))


def _range(part: str) -> list[float]:
    try:
        first, *rest = part.split(":")
        if not rest:
            return [float(first)]
        low, high, count = float(first), float(rest[0]), int(rest[1])
    except (ValueError, IndexError):
        raise GridError(f"{part[:64]!r} is neither a number nor LOW:HIGH:COUNT") from None
    if len(rest) > 2 or not (0 < low < high < math.inf and 2 <= count <= 100):
        raise GridError(
            f"{part[:64]!r} is not a range: write LOW:HIGH:COUNT with 0 < LOW < HIGH and a COUNT from 2 to 100"
        )
    return [float(f"{low * (high / low) ** (step / (count - 1)):.3g}") for step in range(count)]


def whole_numbers(text: str, least: int, most: int) -> list[int]:
    """Whole numbers with commas between, each once. Raises GridError."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise GridError(f"{text[:64]!r} is not a list of whole numbers such as 1,2,3") from None
    for value in found:
        if not least <= value <= most:
            raise GridError(f"{value} is not between {least} and {most}")
    return list(dict.fromkeys(found))
