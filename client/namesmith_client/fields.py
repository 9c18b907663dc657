"""What can be asked, as keyword arguments. The service says what is valid, and what is left out."""

from typing import Literal, TypedDict

Case = Literal["lower", "title", "upper"]


class ShapeFields(TypedDict, total=False):
    """Which model, and how its distribution is shaped."""

    model: str
    temperature: float
    top_k: int
    top_p: float


class ConditionFields(ShapeFields, total=False):
    """What each name must meet."""

    min_length: int
    max_length: int
    prefix: str
    suffix: str
    contains: str
    pattern: str
    near: str
    distance: int
    exclude: list[str]
    novel: bool
    case: Case


class SampleFields(ConditionFields, total=False):
    """Which names to invent."""

    n: int
    seed: int | str
    unique: bool
    details: bool


class LossFields(TypedDict, total=False):
    """How names are scored."""

    model: str
    details: bool
    unknown: Literal["error", "skip", "ignore"]
