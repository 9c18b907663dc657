"""What a check says, and what the gate does."""

from dataclasses import dataclass

from model.errors import NamesmithError


@dataclass(frozen=True)
class Check:
    """`detail` gives the figures and the bound, on one line, whether it passed or not."""

    name: str
    passed: bool
    detail: str


class GateRefusedError(NamesmithError):
    """A trained model that should not be published."""
