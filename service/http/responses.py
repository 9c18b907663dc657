"""What answers look like."""

from typing import Any

from pydantic import BaseModel, Field

_PROBABILITY = "Exact chance that an unconstrained draw meets all constraints, including the lengths."


class ModelRef(BaseModel):
    name: str
    digest: str


class NameDetail(BaseModel):
    name: str
    log_prob: float = Field(description="Natural log-probability under the request's temperature, top_k and top_p.")
    novel: bool | None = Field(
        description="Whether the name is absent from the training list; null if that list is not known."
    )


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
    next: list[NextCharacter] = Field(
        description="All symbols, the most probable first; their probabilities add up to 1."
    )
    model: ModelRef


class StreamStart(BaseModel):
    """The first event of a stream, `start`."""

    model: ModelRef
    seed: int | str
    probability: float = Field(description=_PROBABILITY)


class FollowedCharacter(BaseModel):
    """The event `character`: a step of a name."""

    index: int = Field(description="Number of the name, from 0.")
    position: int = Field(description="Number of the step within the name, from 0.")
    char: str = Field(description="The character as shown; the empty string for the name's end.")
    prob: float = Field(description="Its chance, given the letters before it and the constraints.")
    runners_up: list[NextCharacter] = Field(description="The most probable alternatives, as the model spells them.")


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
    novel: bool | None = Field(
        description="Whether the name is absent from the training list; null if that list is not known."
    )
    percentile: float | None = Field(
        description="Share of the held-out names (or, without any, of the training names) with a higher loss: 0.01 is "
        "stranger than 99 % of them. Null if no such names are known."
    )
    ignored: int | None = Field(description="Number of characters left out because the vocabulary lacks them.")
    characters: list[CharacterScore] | None
    reason: str | None = Field(None, description="Why the name was skipped.")


class LossResponse(BaseModel):
    loss: float | None = Field(description="Mean over all characters of all scored names, ends included.")
    perplexity: float | None
    names: list[NameScore]
    model: ModelRef


class VocabularyInfo(BaseModel):
    letters: list[str]
    size: int = Field(description="Number of letters, plus one for the boundary.")
    normalization: dict[str, str]


class ModelFacts(BaseModel):
    """Computed from the table, for names of 1 to 64 letters at temperature 1 and without a block list."""

    entropy: float = Field(description="Entropy of a name, in nats.")
    expected_length: float = Field(description="Mean number of letters in a name.")
    training_mass: float | None = Field(
        description="Chance that a drawn name is in the training list; null if that list is not known."
    )
    repeat_after: int | None = Field(
        description="Fewest draws that contain a repeat with probability 1/2; null above 10 million."
    )


class ModelInfo(BaseModel):
    name: str
    digest: str
    description: str | None = Field(description="What the model is good for; null if its maker did not say.")
    parameters: int
    layers: list[dict[str, Any]]
    block_size: int = Field(description="Characters of context that the network sees.")
    contexts: int = Field(description="Number of contexts for which the chances of the next letter were computed.")
    longest_name: int = Field(description="Number of letters in the longest training name: the default `max_length`.")
    vocabulary: VocabularyInfo
    losses: dict[str, Any] = Field(
        description="Loss of the served model on each part of the training list, in nats a character."
    )
    network_losses: dict[str, Any] = Field(
        description="The same losses for the network from which the model was compiled."
    )
    baselines: dict[str, Any] = Field(
        description="Loss of simple counting on the held-out parts, in nats a character; empty if it was not measured."
    )
    data: dict[str, Any] = Field(description="The training list: source, fingerprint, sizes.")
    config: dict[str, Any] = Field(description="How the model was trained.")
    facts: ModelFacts = Field(description="Exact facts about the names that the model draws.")
    published_at: str | None
    sampler_version: int = Field(description="Changes whenever a seed would give other names.")


class ModelsResponse(BaseModel):
    default: str | None
    models: list[ModelInfo]


class Status(BaseModel):
    status: str


class Readiness(BaseModel):
    status: str
    models: dict[str, str] = Field(description="Digests, by model name.")
    rejected: dict[str, str] = Field(description="Why a model is not served, by model name.")
