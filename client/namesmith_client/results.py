"""What the service answers. Fields that a newer service may add are passed over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias, TypeVar

Result = TypeVar("Result")
Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class ModelRef:
    """Which version of which model answered."""

    name: str
    digest: str


@dataclass(frozen=True)
class NameDetail:
    """A name, its natural log-probability, and whether it is new; None where the training list is not known."""

    name: str
    log_prob: float
    novel: bool | None


@dataclass(frozen=True)
class Sample:
    """Names, and what reproduces them."""

    names: tuple[str, ...]
    model: ModelRef
    seed: int | str
    probability: float
    """Exact chance that an unconstrained draw meets the constraints, the lengths among them."""
    exhausted: bool
    """There are fewer names than were asked for, as no more differ."""
    details: tuple[NameDetail, ...] | None
    request_id: str


@dataclass(frozen=True)
class CharacterScore:
    """A letter, or the empty string for the name's end."""

    char: str
    log_prob: float


@dataclass(frozen=True)
class NameScore:
    """The loss of a name, nats a character; all None, with a reason, for a name that was skipped."""

    name: str
    loss: float | None
    log_prob: float | None
    novel: bool | None
    percentile: float | None
    """Share of known names with a higher loss: 0.01 is stranger than 99 % of them."""
    ignored: int | None
    characters: tuple[CharacterScore, ...] | None
    reason: str | None


@dataclass(frozen=True)
class Loss:
    """The mean loss over all characters of all names, and each name's own."""

    loss: float | None
    perplexity: float | None
    names: tuple[NameScore, ...]
    model: ModelRef
    request_id: str


@dataclass(frozen=True)
class NextCharacter:
    """A letter, or the empty string for the name's end."""

    char: str
    prob: float


@dataclass(frozen=True)
class Next:
    """How a beginning goes on: all symbols, the most probable first."""

    context: str
    next: tuple[NextCharacter, ...]
    model: ModelRef
    request_id: str


@dataclass(frozen=True)
class RankedName:
    """A name and its natural log-probability."""

    name: str
    log_prob: float


@dataclass(frozen=True)
class Top:
    """The most probable names, in order."""

    names: tuple[RankedName, ...]
    model: ModelRef
    probability: float
    request_id: str


@dataclass(frozen=True)
class Model:
    """What is served under a name; the mappings are as the service's documentation has them."""

    name: str
    digest: str
    description: str | None
    """What it is good for; None where its maker did not say."""
    parameters: int
    layers: tuple[Json, ...]
    block_size: int
    contexts: int
    longest_name: int
    vocabulary: Json
    losses: Json
    network_losses: Json
    baselines: Json
    data: Json
    config: Json
    facts: Json
    published_at: str | None
    sampler_version: int


@dataclass(frozen=True)
class Models:
    """All that is served, and the model that answers where a request names none."""

    default: str | None
    models: tuple[Model, ...]
    request_id: str


@dataclass(frozen=True)
class Readiness:
    """The service can generate: digests by name, and what is not served and why."""

    status: str
    models: Mapping[str, str]
    rejected: Mapping[str, str]
    request_id: str


@dataclass(frozen=True)
class StreamStart:
    """The first event."""

    model: ModelRef
    seed: int | str
    probability: float


@dataclass(frozen=True)
class FollowedCharacter:
    """A step of a name: the character, its chance, and the most probable others."""

    index: int
    position: int
    char: str
    prob: float
    runners_up: tuple[NextCharacter, ...]


@dataclass(frozen=True)
class FollowedName:
    """A name is complete."""

    index: int
    name: str
    log_prob: float
    novel: bool | None


@dataclass(frozen=True)
class StreamDone:
    """The last event."""

    names: int
    exhausted: bool


StreamEvent: TypeAlias = StreamStart | FollowedCharacter | FollowedName | StreamDone
EVENTS: Mapping[str, type[StreamEvent]] = {
    "start": StreamStart,
    "character": FollowedCharacter,
    "name": FollowedName,
    "done": StreamDone,
}


def build(kind: type[Result], data: Json, **known: Any) -> Result:
    """A result of JSON; `known` are fields that stand elsewhere. Raises LookupError, TypeError and AttributeError for
    what has another shape."""
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        nested = _NESTED.get((kind, field.name))
        value = known[field.name] if field.name in known else data[field.name]
        values[field.name] = value if nested is None or value is None else nested(value)
    return kind(**values)


def _one(kind: type[Any]) -> Callable[[Any], Any]:
    return lambda data: build(kind, data)


def _many(kind: type[Any]) -> Callable[[Any], Any]:
    return lambda items: tuple(build(kind, item) for item in items)


_NESTED: dict[tuple[type[Any], str], Callable[[Any], Any]] = {
    **{(kind, "model"): _one(ModelRef) for kind in (Sample, Loss, Next, Top, StreamStart)},
    (Sample, "names"): tuple,
    (Sample, "details"): _many(NameDetail),
    (Loss, "names"): _many(NameScore),
    (NameScore, "characters"): _many(CharacterScore),
    (Next, "next"): _many(NextCharacter),
    (Top, "names"): _many(RankedName),
    (Model, "layers"): tuple,
    (Models, "models"): _many(Model),
    (FollowedCharacter, "runners_up"): _many(NextCharacter),
}
