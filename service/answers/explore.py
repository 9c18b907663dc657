"""Answers that are small: the most probable names, what follows a beginning, what a model is."""

from typing import Any

import numpy as np

from model.errors import ConstraintError, UnknownCharacterError
from model.sampling.sampler import SAMPLER_VERSION, Sampler
from model.text.descriptions import description_in
from model.text.names import Names
from model.transitions.shaping import ShapeSettings
from service.answers.resolve import checked_top_k, constraint_problem
from service.catalog.served_model import PublishedModel, ServedModel
from service.http.problems import field_problem
from service.http.requests import NextQuery, TopQuery
from service.http.responses import ModelInfo, NextCharacter, NextResponse, RankedName, TopResponse, VocabularyInfo


def top(model: ServedModel, sampler: Sampler, request: TopQuery) -> TopResponse:
    """The most probable names. Raises ProblemError where the search is too wide."""
    try:
        ranking = sampler.most_probable(request.k)
    except ConstraintError as error:
        raise constraint_problem(error) from None
    shown = model.texts(Names.of([ranked.symbols for ranked in ranking]), request.case)
    names = [RankedName(name=name, log_prob=ranked.log_prob) for name, ranked in zip(shown, ranking, strict=True)]
    return TopResponse(names=names, model=model.reference, probability=sampler.probability)


def following(model: ServedModel, request: NextQuery) -> NextResponse:
    """The distribution of the next character. Raises ProblemError for a beginning with a character outside the
    vocabulary."""
    vocabulary = model.vocabulary
    context = vocabulary.normalization.beginning(request.context)
    try:
        symbols = vocabulary.encode(context)
    except UnknownCharacterError as error:
        raise field_problem("/context", str(error), "unknown-character") from None
    settings = ShapeSettings(request.temperature, checked_top_k(model, request), request.top_p)
    probabilities = model.language_model.next_probabilities(symbols, settings)
    order = np.argsort(-probabilities, kind="stable").tolist()
    characters = [NextCharacter(char=vocabulary.symbol(i), prob=float(probabilities[i])) for i in order]
    return NextResponse(context=context, next=characters, model=model.reference)


def describe(model: PublishedModel) -> ModelInfo:
    header = model.version.header
    facts, normalization = header.facts, header.vocabulary.normalization
    run = _section(model.version.manifest, "facts")
    return ModelInfo(
        name=model.name,
        digest=model.digest,
        description=description_in(facts),
        parameters=model.parameters,
        layers=[{"type": layer["type"], **layer} for layer in header.layers],  # a file's keys are sorted
        block_size=header.block_size,
        contexts=model.contexts,
        longest_name=model.longest_name,
        vocabulary=VocabularyInfo(
            letters=list(header.vocabulary.letters),
            size=header.vocabulary.size,
            normalization={"form": normalization.form, "case": normalization.case},
        ),
        losses=_section(facts, "losses") | _losses(run, ""),
        network_losses=_section(facts, "losses") | _losses(run, "network_"),
        baselines=_section(run, "baselines"),
        data=_section(facts, "data"),
        config=_section(facts, "config"),
        facts=model.facts,
        published_at=str(model.version.manifest.get("published_at", "")) or None,
        sampler_version=SAMPLER_VERSION,
    )


def _losses(run: dict[str, Any], kind: str) -> dict[str, Any]:
    """Those that a manifest tells of a version, by the part of the list."""
    told = ((part, f"{kind}{part}_loss") for part in ("train", "dev", "test"))
    return {part: run[key] for part, key in told if key in run}


def _section(facts: dict[str, Any], name: str) -> dict[str, Any]:
    """Facts are whatever the version's maker wrote; only an object can be shown."""
    section = facts.get(name)
    return section if isinstance(section, dict) else {}
