"""What a check says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """`detail` gives the figures and the bound, on one line, whether it passed or not."""

    name: str
    passed: bool
    detail: str
