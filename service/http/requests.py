"""What requests look like. Bodies are strict in types; query parameters are text and are read."""

from functools import cached_property, lru_cache
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from model.constraints.compile_constraints import DISTANCE, Constraints
from model.constraints.pattern_syntax import MAX_PATTERN_LENGTH
from model.text.spelling import NameCase
from model.text.vocabulary import MAX_NAME_LENGTH
from model.transitions.shaping import ShapeSettings
from service.http.seed_field import Seed, number_if_digits

MAX_NAMES = 10_000
MAX_STREAMED = 1_000_000
MAX_FOLLOWED = 100
MAX_TOP = 1_000
MAX_EXCLUDED = 100
MAX_MODEL_NAME = 300
"""Of a blend of four models with the longest names, and weights."""

_NAMES = f"Each name has 1 to {MAX_NAME_LENGTH} characters."
_MODEL = "A model, or a blend of two to four such as `a+b` or `a*3+b`; if left out, the default model."
ModelName = Annotated[str, Field(min_length=1, max_length=MAX_MODEL_NAME)]
Length = Annotated[int, Field(ge=1, le=MAX_NAME_LENGTH)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
Names = Annotated[list[str], FailFast(), Field(min_length=1, max_length=MAX_NAMES)]
"""Each of 1 to 64 characters, which is looked at when they are scored: one that is not can be skipped."""


class Shape(BaseModel):
    """Which model, and how its distribution is shaped."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    model: ModelName | None = Field(None, description=_MODEL)
    temperature: float = Field(
        1.0, gt=0, le=10, allow_inf_nan=False, description="Below 1 is safer, above 1 is wilder. Applied first."
    )
    top_k: int | None = Field(None, ge=1, description="Draw only from the k most probable characters. Applied second.")
    top_p: float | None = Field(
        None,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="Draw only from the fewest characters whose probabilities add up to p. Applied third.",
    )


class ConstraintFields(Shape):
    """What each name must meet."""

    min_length: Length = Field(1, description="Fewest letters of a name, met exactly.")
    max_length: Length | None = Field(
        None,
        description="Most letters of a name; no name is cut short. If left out, the "
        "length of the longest training name.",
    )
    prefix: Text | None = Field(None, description="Letters that each name begins with.", examples=["ka"])
    suffix: Text | None = Field(None, description="Letters that each name ends with.")
    contains: Text | None = Field(None, description="Letters that occur somewhere in each name.")
    pattern: Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_LENGTH)] | None = Field(
        None, description="A regular expression that matches each whole name (a subset: see docs/api.md)."
    )
    near: Text | None = Field(
        None,
        description="Each name differs from this one by at least one edit and at most `distance` edits.",
        examples=["aria"],
    )
    distance: int = Field(
        DISTANCE,
        ge=1,
        le=3,
        description="With `near`: most edits (insert, delete or replace a letter, or swap two neighbours).",
    )
    exclude: list[Text] | None = Field(
        None,
        min_length=1,
        max_length=MAX_EXCLUDED,
        description="Parts that no name may contain, in addition to the block list.",
    )
    novel: bool = Field(False, description="Only names that are not in the training list.")
    case: NameCase = Field("title", description="Letter case of the names in the answer.")

    @model_validator(mode="after")
    def _lengths_in_order(self) -> Self:
        if self.max_length is not None and self.min_length > self.max_length:
            raise PydanticCustomError("lengths", "min_length is greater than max_length")
        return self

    def settings(self, longest: int) -> ShapeSettings:
        """What the core takes; `longest` is the greatest length where the request names none. Raises ValueError for
        lengths that are not in order then."""
        return _settings(self.temperature, self.top_k, self.top_p, self.min_length, self.max_length or longest)

    @cached_property
    def constraints(self) -> Constraints:
        return Constraints(
            self.prefix,
            self.suffix,
            self.contains,
            self.pattern,
            self.near,
            self.distance,
            tuple(self.exclude or ()),
        )


_settings = lru_cache(maxsize=1024)(ShapeSettings)
"""Made anew it would take a request for few names a part of its time."""


class SampleRequest(ConstraintFields):
    """Which names to invent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"n": 5, "seed": 42, "suffix": "lyn", "max_length": 8}]})

    n: int = Field(
        10,
        ge=1,
        le=MAX_STREAMED,
        description=f"How many names: up to {MAX_NAMES:,} as JSON, {MAX_STREAMED:,} in a streamed form.",
    )
    seed: Seed | None = Field(
        None, description="The same seed gives the same answer again; if left out, one is drawn and returned."
    )
    unique: bool = Field(False, description="No name twice; fewer names if no more distinct ones exist.")
    details: bool = Field(False, description="Return facts about each name.")


class SampleQuery(SampleRequest):
    """The same as query parameters; `seed` is a number if it looks like one."""

    model_config = ConfigDict(strict=False)

    seed: Annotated[Seed | None, BeforeValidator(number_if_digits)] = Field(
        None, description="The same seed gives the same answer again; if left out, one is drawn and returned."
    )


class StreamQuery(SampleQuery):
    """Names that are followed character by character."""

    n: int = Field(1, ge=1, le=MAX_FOLLOWED, description="How many names.")


class TopQuery(ConstraintFields):
    model_config = ConfigDict(strict=False)

    k: int = Field(20, ge=1, le=MAX_TOP, description="How many names.")


class NextQuery(Shape):
    model_config = ConfigDict(strict=False)

    context: Annotated[str, Field(max_length=MAX_NAME_LENGTH)] = Field(
        "", description="The beginning of a name; empty asks for its first letter.", examples=["emm"]
    )


class Scoring(BaseModel):
    """How names are scored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelName | None = Field(None, description=_MODEL)
    details: bool = Field(False, description="Return the log-probability of each character.")
    unknown: Literal["error", "skip", "ignore"] = Field(
        "error",
        description="If a name cannot be scored: fail (`error`), skip the name (`skip`) or leave "
        "out its unknown characters (`ignore`).",
    )


class LossRequest(Scoring):
    """Which names to score."""

    model_config = ConfigDict(strict=True, json_schema_extra={"examples": [{"names": ["emma", "xqzzt"]}]})

    names: Names = Field(description=_NAMES)


class LossQuery(Scoring):
    """The same as query parameters: `name=emma&name=ava`."""

    name: Names = Field(description=_NAMES, examples=[["emma"]])

    def as_request(self) -> LossRequest:
        return LossRequest(names=self.name, model=self.model, details=self.details, unknown=self.unknown)
