"""Answers of /loss: how likely names are."""

import math

import numpy as np
import orjson

from model.errors import UnknownCharacterError
from model.names import Names
from model.transitions import Floats
from model.vocabulary import Vocabulary
from service.catalog import Catalog
from service.problems import field_problem
from service.schemas import LossRequest
from service.served import ServedModel
from service.telemetry.metrics import SCORED, count


def score(catalog: Catalog, request: LossRequest, field: str = "names") -> tuple[ServedModel, bytes]:
    """The model that was asked and the bytes of a LossResponse. Raises UnknownModelError, and ProblemError for a
    character outside the vocabulary unless such names are skipped. `field` is what the request calls its names."""
    model = catalog.get(request.model)
    texts = model.vocabulary.normalization.all_of(request.names)
    names, unknown = Names.of_texts(texts, model.vocabulary)
    if unknown.any() and request.unknown == "error":
        first = int(unknown.argmax())
        raise field_problem(f"/{field}/{first}", _reason(texts[first], model.vocabulary), "unknown-character")
    steps = model.engine.log_probs(names)
    if not request.details:
        characters: list[object] = [None] * len(texts)
    else:
        characters = list(_characters(texts, names, steps))
    known = ~unknown
    totals, counts = names.totals(steps), names.lengths + 1
    mean = -float(totals[known].sum() / counts[known].sum()) if known.any() else None
    novel = model.novel(names)
    fields = zip(
        request.names,
        (-totals / counts).tolist(),
        totals.tolist(),
        [None] * len(texts) if novel is None else novel.tolist(),
        characters,
        strict=True,
    )
    answers: list[dict[str, object]] = [
        {"name": name, "loss": loss, "log_prob": log_prob, "novel": new, "characters": each, "reason": None}
        for name, loss, log_prob, new, each in fields
    ]
    for i in np.flatnonzero(unknown).tolist():
        answers[i] = dict.fromkeys(answers[i]) | {
            "name": request.names[i],
            "reason": _reason(texts[i], model.vocabulary),
        }
    answer = {
        "loss": mean,
        "perplexity": None if mean is None else math.exp(mean),
        "names": answers,
        "model": model.reference.model_dump(),
    }
    count(SCORED, model.name, int(known.sum()))
    return model, orjson.dumps(answer)


def _characters(texts: list[str], names: Names, steps: Floats) -> "list[object]":
    ends = (names.ends + np.arange(len(names) + 1)).tolist()
    values = steps.tolist()
    return [
        [{"char": char, "log_prob": value} for char, value in zip((*text, ""), values[begin:end], strict=False)]
        for text, begin, end in zip(texts, ends[:-1], ends[1:], strict=True)
    ]


def _reason(text: str, vocabulary: Vocabulary) -> str:
    try:
        vocabulary.encode(text)
    except UnknownCharacterError as error:
        return str(error)
    raise AssertionError("the text has no unknown character")
