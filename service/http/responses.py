"""What answers look like."""

from typing import Any

from pydantic import BaseModel, Field

_PROBABILITY = "Exact chance that an unconstrained draw meets all constraints, the lengths among them."


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
    probability: float = Field(description=_PROBABILITY)
    exhausted: bool
    details: list[NameDetail] | None


class RankedName(BaseModel):
    name: str
    log_prob: float = Field(description="Natural log-probability under the request's temperature, top_k and top_p.")


class TopResponse(BaseModel):
    names: list[RankedName] = Field(description="The most probable names, in order; fewer than k if there are no more.")
    model: ModelRef
    probability: float = Field(description=_PROBABILITY)


class NextCharacter(BaseModel):
    char: str = Field(description="A letter, or the empty string for the name's end.")
    prob: float


class NextResponse(BaseModel):
    context: str = Field(description="The beginning, normalised.")
    next: list[NextCharacter] = Field(description="All symbols, the most probable first; the sum is 1.")
    model: ModelRef


class StreamStart(BaseModel):
    """The first event of a stream, `start`."""

    model: ModelRef
    seed: int | str
    probability: float = Field(description=_PROBABILITY)


class FollowedCharacter(BaseModel):
    """The event `character`: a step of a name."""

    index: int = Field(description="Which name, from 0.")
    position: int = Field(description="Which step of the name, from 0.")
    char: str = Field(description="As it is shown; the empty string for the name's end.")
    prob: float = Field(description="Its chance, given the letters before it and the constraints.")
    runners_up: list[NextCharacter] = Field(description="The most probable others, as the model spells them.")


class FollowedName(NameDetail):
    """The event `name`: a name is complete."""

    index: int


class StreamDone(BaseModel):
    """The last event, `done`."""

    names: int
    exhausted: bool


class CharacterScore(BaseModel):
    char: str = Field(description="A letter of the normalised name, or the empty string for its end.")
    log_prob: float


class NameScore(BaseModel):
    name: str
    loss: float | None = Field(description="-log_prob / (letters + 1), nats a character.")
    log_prob: float | None = Field(description="Natural log-probability of the whole name, end included.")
    novel: bool | None = Field(description="Not in the training list; null where the list is not known.")
    percentile: float | None = Field(
        description="Share of the names held out in training (else of the training names) with a higher loss: 0.01 is "
        "stranger than 99 % of them. Null where none are known."
    )
    ignored: int | None = Field(description="Characters left out because the vocabulary does not have them.")
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


class ModelFacts(BaseModel):
    """Computed from the table, for names of 1 to 64 letters at temperature 1 and without a block list."""

    entropy: float = Field(description="Of a name, nats.")
    expected_length: float = Field(description="Letters of a name.")
    training_mass: float | None = Field(
        description="Chance that a name is in the training list; null where it is not known."
    )
    repeat_after: int | None = Field(
        description="The least number of draws of which two are equal with probability 1/2; null over 10 million."
    )


class ModelInfo(BaseModel):
    name: str
    digest: str
    description: str | None = Field(description="What it is good for; null where its maker did not say.")
    parameters: int
    layers: list[dict[str, Any]]
    block_size: int = Field(description="Characters of context that the network sees.")
    contexts: int = Field(description="Contexts for which the chances of the next letter were computed.")
    longest_name: int = Field(description="Letters of the longest training name: the default `max_length`.")
    vocabulary: VocabularyInfo
    losses: dict[str, Any] = Field(
        description="Nats a character on each part of the training list, of the model as it is served."
    )
    network_losses: dict[str, Any] = Field(description="The same of the network that it was compiled from.")
    baselines: dict[str, Any] = Field(
        description="Nats a character that counting reaches on the held-out parts; empty where it was not measured."
    )
    data: dict[str, Any] = Field(description="The training list: source, fingerprint, sizes.")
    config: dict[str, Any] = Field(description="How it was trained.")
    facts: ModelFacts = Field(description="Exact.")
    published_at: str | None
    sampler_version: int = Field(description="Changes whenever the names of a seed would.")


class ModelsResponse(BaseModel):
    default: str | None
    models: list[ModelInfo]


class Status(BaseModel):
    status: str


class Readiness(BaseModel):
    status: str
    models: dict[str, str] = Field(description="Digest by name.")
    rejected: dict[str, str] = Field(description="Why a model is not served, by name.")
