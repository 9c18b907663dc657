"""What requests and answers look like. Bodies are strict in types; query parameters are text and are read."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from model.pattern_syntax import MAX_PATTERN_LENGTH
from model.random_numbers import MAX_SEED, MAX_SEED_LETTERS
from model.vocabulary import MAX_NAME_LENGTH

MAX_NAMES = 10_000
MAX_MODEL_NAME = 64


def _one_seed_error(value: Any, handler: ValidatorFunctionWrapHandler) -> int | str:
    try:
        seed: int | str = handler(value)
    except ValidationError:
        message = f"a seed is an integer in 0..{MAX_SEED} or a string of 1 to {MAX_SEED_LETTERS} characters"
        raise PydanticCustomError("seed", "{message}", {"message": message}) from None
    return seed


def _number_if_digits(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else value


SeedNumber = Annotated[int, Field(ge=0, le=MAX_SEED)]
SeedText = Annotated[str, Field(min_length=1, max_length=MAX_SEED_LETTERS)]
Seed = Annotated[SeedNumber | SeedText, WrapValidator(_one_seed_error)]
ModelName = Annotated[str, Field(min_length=1, max_length=MAX_MODEL_NAME)]
Length = Annotated[int, Field(ge=1, le=MAX_NAME_LENGTH)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
NameText = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
Case = Literal["lower", "title", "upper"]


class SampleRequest(BaseModel):
    """Which names to invent."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"n": 5, "seed": 42, "max_length": 8}]},
    )

    n: int = Field(10, ge=1, le=MAX_NAMES, description="How many names.")
    model: ModelName | None = Field(None, description="Which model; the default one if left out.")
    seed: Seed | None = Field(None, description="Reproduces the answer; drawn, and echoed, if left out.")
    temperature: float = Field(1.0, gt=0, le=10, allow_inf_nan=False, description="Applied first; 1 is as trained.")
    top_k: int | None = Field(None, ge=1, description="Keep the k most probable characters; applied second.")
    top_p: float | None = Field(
        None, gt=0, le=1, allow_inf_nan=False, description="Keep the fewest characters whose sum reaches p; third."
    )
    min_length: Length = Field(1, description="Least letters; a condition, met exactly.")
    max_length: Length = Field(MAX_NAME_LENGTH, description="Most letters; a condition, never a cut.")
    prefix: Text | None = Field(None, description="Letters that each name begins with.", examples=["ka"])
    suffix: Text | None = Field(None, description="Letters that each name ends with.")
    contains: Text | None = Field(None, description="Letters that stand somewhere in each name.")
    pattern: Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_LENGTH)] | None = Field(
        None, description="A regular expression that each whole name matches (a subset: see docs/api.md)."
    )
    case: Case = Field("title", description="Of the names in the answer.")
    details: bool = Field(False, description="Facts about each name.")

    @model_validator(mode="after")
    def _lengths_in_order(self) -> Self:
        if self.min_length > self.max_length:
            raise PydanticCustomError("lengths", "min_length is greater than max_length")
        return self


class SampleQuery(SampleRequest):
    """The same as query parameters; `seed` is a number if it looks like one."""

    model_config = ConfigDict(strict=False)

    seed: Annotated[Seed | None, BeforeValidator(_number_if_digits)] = Field(
        None, description="Reproduces the answer; drawn, and echoed, if left out."
    )


class ModelRef(BaseModel):
    name: str
    digest: str


class NameDetail(BaseModel):
    name: str
    log_prob: float = Field(description="Natural log-probability under the request's temperature, top_k and top_p.")
    novel: bool | None = Field(description="Not in the training list; null where the list is not known.")


class SampleResponse(BaseModel):
    names: list[str]
    model: ModelRef
    seed: int | str
    probability: float = Field(description="Exact chance that an unconstrained draw meets the constraints.")
    exhausted: bool
    details: list[NameDetail] | None


class LossRequest(BaseModel):
    """Which names to score."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [{"names": ["emma", "xqzzt"]}]}
    )

    names: list[NameText] = Field(min_length=1, max_length=MAX_NAMES)
    model: ModelName | None = Field(None, description="Which model; the default one if left out.")
    details: bool = Field(False, description="The log-probability of each character.")
    unknown: Literal["error", "skip"] = Field(
        "error", description="What to do with a name that has a character outside the vocabulary."
    )


class LossQuery(BaseModel):
    """The same as query parameters: `name=emma&name=ava`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: list[NameText] = Field(min_length=1, max_length=MAX_NAMES, examples=[["emma"]])
    model: ModelName | None = None
    details: bool = False
    unknown: Literal["error", "skip"] = "error"

    def as_request(self) -> LossRequest:
        return LossRequest(names=self.name, model=self.model, details=self.details, unknown=self.unknown)


class CharacterScore(BaseModel):
    char: str = Field(description="A letter of the normalised name, or the empty string for its end.")
    log_prob: float


class NameScore(BaseModel):
    name: str
    loss: float | None = Field(description="-log_prob / (letters + 1), nats a character.")
    log_prob: float | None = Field(description="Natural log-probability of the whole name, end included.")
    novel: bool | None = Field(description="Not in the training list; null where the list is not known.")
    characters: list[CharacterScore] | None
    reason: str | None = Field(None, description="Why the name was skipped.")


class LossResponse(BaseModel):
    loss: float | None = Field(description="Mean over all characters of all scored names, ends included.")
    perplexity: float | None
    names: list[NameScore]
    model: ModelRef


class VocabularyInfo(BaseModel):
    letters: list[str]
    size: int = Field(description="Letters and the boundary.")
    normalization: dict[str, str]


class ModelInfo(BaseModel):
    name: str
    digest: str
    parameters: int
    layers: list[dict[str, Any]]
    block_size: int = Field(description="Characters of context.")
    vocabulary: VocabularyInfo
    losses: dict[str, float | None] = Field(description="Nats a character on each part of the training list.")
    data: dict[str, Any] = Field(description="The training list: source, fingerprint, sizes.")
    config: dict[str, Any] = Field(description="How it was trained.")
    published_at: str | None


class ModelsResponse(BaseModel):
    default: str | None
    models: list[ModelInfo]


class Status(BaseModel):
    status: str


class Readiness(BaseModel):
    status: str
    models: dict[str, str] = Field(description="Digest by name.")
    rejected: dict[str, str] = Field(description="Why a model is not served, by name.")
