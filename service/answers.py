"""From a valid request to its answer: draws names, scores names, describes models."""

import math
import re
import secrets
from typing import Any

import numpy as np

from model.constraints import Constraints
from model.errors import ConstraintError, UnknownCharacterError
from model.ranking import most_probable
from model.sampling import SAMPLER_VERSION, Sampler
from model.scoring import character_log_probs
from model.shaping import Settings, shape_distribution
from service.catalog import Catalog, ServedModel
from service.problems import field_problem
from service.replies import (
    CharacterScore,
    LossResponse,
    ModelInfo,
    ModelRef,
    NameDetail,
    NameScore,
    NextCharacter,
    NextResponse,
    RankedName,
    SampleResponse,
    TopResponse,
    VocabularyInfo,
)
from service.schemas import Case, Conditions, LossRequest, NextQuery, SampleRequest, Shape, TopQuery

_DRAWN_SEED_BITS = 53  # the integers that JavaScript holds exactly
_WORD_START = re.compile(r"(^|[\s'’-])(\w)")


def sample(catalog: Catalog, request: SampleRequest) -> SampleResponse:
    """Raises UnknownModelError, UnsatisfiableError, and ProblemError for a top_k over the alphabet or a constraint
    that is malformed or too complex."""
    model = catalog.get(request.model)
    vocabulary = model.vocabulary
    sampler = _sampler(catalog, model, request)
    seed = secrets.randbits(_DRAWN_SEED_BITS) if request.seed is None else request.seed
    names: list[str] = []
    log_probs: list[float] = []
    for draws in sampler.draw(seed, request.n):
        names += draws.decode(vocabulary)
        log_probs += sampler.log_probs(draws).tolist()
    shown = [recase(name, request.case) for name in names]
    details = None
    if request.details:
        facts = zip(shown, log_probs, map(model.novel, names), strict=True)
        details = [NameDetail(name=name, log_prob=log_prob, novel=novel) for name, log_prob, novel in facts]
    return SampleResponse(
        names=shown,
        model=_reference(model),
        seed=seed,
        probability=sampler.probability,
        exhausted=False,
        details=details,
    )


def top(catalog: Catalog, request: TopQuery) -> TopResponse:
    """The most probable names. Raises what `sample` raises."""
    model = catalog.get(request.model)
    decode = model.vocabulary.decode
    sampler = _sampler(catalog, model, request)
    try:
        ranking = most_probable(sampler.plan, request.k)
    except ConstraintError as error:
        raise field_problem(f"/{error.field}", str(error), "constraint") from None
    names = [
        RankedName(name=recase(decode(ranked.symbols), request.case), log_prob=ranked.log_prob) for ranked in ranking
    ]
    return TopResponse(names=names, model=_reference(model), probability=sampler.probability)


def following(catalog: Catalog, request: NextQuery) -> NextResponse:
    """The distribution of the next character. Raises UnknownModelError, and ProblemError for a beginning with a
    character outside the vocabulary."""
    model = catalog.get(request.model)
    vocabulary = model.vocabulary
    context = vocabulary.normalization(request.context)
    try:
        row = model.transitions.row(vocabulary.encode(context))
    except UnknownCharacterError as error:
        raise field_problem("/context", str(error), "unknown-character") from None
    settings = Settings(request.temperature, _checked_top_k(model, request), request.top_p)
    probabilities = shape_distribution(model.transitions.log_probs[row : row + 1], settings)[0]
    order = np.argsort(-probabilities, kind="stable").tolist()
    characters = [NextCharacter(char=vocabulary.symbol(i), prob=float(probabilities[i])) for i in order]
    return NextResponse(context=context, next=characters, model=_reference(model))


def _sampler(catalog: Catalog, model: ServedModel, request: Conditions) -> Sampler:
    settings = Settings(
        request.temperature,
        _checked_top_k(model, request),
        request.top_p,
        request.min_length,
        request.max_length,
    )
    constraints = Constraints(request.prefix, request.suffix, request.contains, request.pattern)
    try:
        return catalog.sampler(model, settings, constraints)
    except ConstraintError as error:
        raise field_problem(f"/{error.field}", str(error), "constraint") from None


def _checked_top_k(model: ServedModel, request: Shape) -> int | None:
    size = model.vocabulary.size
    if request.top_k is not None and request.top_k > size:
        raise field_problem("/top_k", f"at most {size}, the symbols of this model")
    return request.top_k


def score(catalog: Catalog, request: LossRequest, field: str = "names") -> LossResponse:
    """Raises UnknownModelError, and ProblemError for a character outside the vocabulary unless it is skipped.
    `field` is what the request calls its names."""
    model = catalog.get(request.model)
    vocabulary = model.vocabulary
    normalized = [vocabulary.normalization(name) for name in request.names]
    encoded: list[list[int]] = []
    reasons: list[str | None] = []
    for i, name in enumerate(normalized):
        try:
            encoded.append(vocabulary.encode(name))
            reasons.append(None)
        except UnknownCharacterError as error:
            if request.unknown == "error":
                raise field_problem(f"/{field}/{i}", str(error), "unknown-character") from None
            reasons.append(str(error))
    scored = iter(character_log_probs(model.transitions, encoded) if encoded else [])
    total, characters = 0.0, 0
    answers = []
    for given, name, reason in zip(request.names, normalized, reasons, strict=True):
        if reason is not None:
            skipped = NameScore(name=given, loss=None, log_prob=None, novel=None, characters=None, reason=reason)
            answers.append(skipped)
            continue
        log_probs = next(scored)
        log_prob = float(log_probs.sum())
        total += log_prob
        characters += len(log_probs)
        each = None
        if request.details:
            pairs = zip((*name, ""), log_probs.tolist(), strict=True)
            each = [CharacterScore(char=char, log_prob=value) for char, value in pairs]
        loss = -log_prob / len(log_probs)
        answers.append(NameScore(name=given, loss=loss, log_prob=log_prob, novel=model.novel(name), characters=each))
    mean = -total / characters if characters else None
    perplexity = None if mean is None else math.exp(mean)
    return LossResponse(loss=mean, perplexity=perplexity, names=answers, model=_reference(model))


def describe(model: ServedModel) -> ModelInfo:
    header = model.version.header
    facts, normalization = header.facts, header.vocabulary.normalization
    return ModelInfo(
        name=model.name,
        digest=model.digest,
        parameters=model.parameters,
        layers=[{"type": layer["type"], **layer} for layer in header.layers],  # a file's keys are sorted
        block_size=header.block_size,
        vocabulary=VocabularyInfo(
            letters=list(header.vocabulary.letters),
            size=header.vocabulary.size,
            normalization={"form": normalization.form, "case": normalization.case},
        ),
        losses=_section(facts, "losses"),
        data=_section(facts, "data"),
        config=_section(facts, "config"),
        published_at=str(model.version.manifest.get("published_at", "")) or None,
        sampler_version=SAMPLER_VERSION,
    )


def _section(facts: dict[str, Any], name: str) -> dict[str, Any]:
    """Facts are whatever the checkpoint's maker wrote; only an object can be shown."""
    section = facts.get(name)
    return section if isinstance(section, dict) else {}


def recase(name: str, case: Case) -> str:
    """Title case begins a word at the start and after a space, a hyphen or an apostrophe."""
    if case == "lower":
        return name.lower()
    if case == "upper":
        return name.upper()
    return _WORD_START.sub(lambda match: match[1] + match[2].title(), name)


def _reference(model: ServedModel) -> ModelRef:
    return ModelRef(name=model.name, digest=model.digest)
