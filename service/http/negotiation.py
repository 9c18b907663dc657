"""Which of the forms on offer a client's Accept header asks for (RFC 9110, section 12.5.1)."""

from collections.abc import Mapping
from typing import TypeVar

Form = TypeVar("Form")
_MOST_RANGES = 64


def preferred(accept: str | None, offered: Mapping[str, Form]) -> Form:
    """The form of the media type that the client likes best, the first one offered among equals, and where it
    likes none of them."""
    first, *_ = offered
    if not accept or accept == "*/*" or accept == first:
        return offered[first]
    ranges = [_parse(part) for part in accept.split(",", _MOST_RANGES)[:_MOST_RANGES]]
    best = max(offered, key=lambda media_type: _quality(media_type, ranges))  # max takes the first among equals
    return offered[best if _quality(best, ranges) > 0 else first]


def _parse(part: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return media_range, min(1.0, max(0.0, float(quality)))
    except ValueError:
        return media_range, 0.0


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """Of the most specific range that covers the media type."""
    for wanted in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        for media_range, quality in ranges:
            if media_range == wanted:
                return quality
    return 0.0
