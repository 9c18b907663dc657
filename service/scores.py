"""Answers of /loss: how likely names are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from model.errors import UnknownCharacterError
from model.names import Names
from model.percentiles import share_above
from model.transitions import Floats, Ints
from model.vocabulary import Vocabulary
from service.catalog import Catalog
from service.problems import field_problem
from service.schemas import LossRequest
from service.served import ServedModel
from service.telemetry.metrics import SCORED, count


@dataclass(frozen=True, eq=False)
class Scores:
    """How likely names (names,) are under a model, at temperature 1; the scores of an unknown one mean nothing."""

    vocabulary: Vocabulary
    texts: list[str]
    """Normalised."""
    names: Names
    unknown: NDArray[np.bool_]
    """Which names have a character outside the vocabulary."""
    steps: Floats
    """Natural log-probability of each letter and of each end, name after name."""
    log_probs: Floats
    novel: NDArray[np.bool_] | None
    quantiles: Floats | None
    """Losses of known names, see `model.percentiles`."""
    ignored: list[int]
    """Characters (names,) that were left out."""

    @property
    def counts(self) -> Ints:
        """Letters and the end."""
        return self.names.lengths + 1

    @property
    def losses(self) -> Floats:
        """Nats a character."""
        losses: Floats = -self.log_probs / self.counts
        return losses

    @property
    def percentiles(self) -> list[float | None]:
        """Shares of the known names with a higher loss; None where none are known."""
        if self.quantiles is None:
            return [None] * len(self.names)
        shares: list[float | None] = share_above(self.quantiles, self.losses).tolist()
        return shares

    def reason(self, index: int) -> str:
        """What is unknown in a name that has such a character."""
        try:
            self.vocabulary.encode(self.texts[index])
        except UnknownCharacterError as error:
            return str(error)
        raise AssertionError("the text has no unknown character")

    def characters(self) -> list[object]:
        """For each name what each of its letters and its end contribute."""
        ends = (self.names.ends + np.arange(len(self.names) + 1)).tolist()
        values = self.steps.tolist()
        return [
            [{"char": char, "log_prob": value} for char, value in zip((*text, ""), values[begin:end], strict=False)]
            for text, begin, end in zip(self.texts, ends[:-1], ends[1:], strict=True)
        ]


def score_names(model: ServedModel, given: Sequence[str], ignore: bool = False) -> Scores:
    """Scores names as they were given; with `ignore` without the characters outside the vocabulary, as long as there is
    another one."""
    texts = model.vocabulary.normalization.all_of(given)
    names, unknown = Names.of_texts(texts, model.vocabulary)
    ignored = [0] * len(texts)
    if ignore and unknown.any():
        letters = set(model.vocabulary.letters)
        for index in np.flatnonzero(unknown).tolist():
            if left := "".join(filter(letters.__contains__, texts[index])):
                ignored[index] = len(texts[index]) - len(left)
                texts[index] = left
        names, unknown = Names.of_texts(texts, model.vocabulary)
    steps = model.engine.log_probs(names)
    totals, novel = names.totals(steps), model.novel(names)
    return Scores(model.vocabulary, texts, names, unknown, steps, totals, novel, model.loss_quantiles, ignored)


def score(catalog: Catalog, request: LossRequest, field: str = "names") -> tuple[ServedModel, bytes]:
    """The model that was asked and the bytes of a LossResponse. Raises UnknownModelError, and ProblemError for a
    character outside the vocabulary, unless such names are skipped or such characters ignored. `field` is what the
    request calls its names."""
    model = catalog.get(request.model)
    scores = score_names(model, request.names, request.unknown == "ignore")
    unknown = scores.unknown
    if unknown.any() and request.unknown == "error":
        first = int(unknown.argmax())
        raise field_problem(f"/{field}/{first}", scores.reason(first), "unknown-character")
    known = ~unknown
    mean = -float(scores.log_probs[known].sum() / scores.counts[known].sum()) if known.any() else None
    fields = zip(
        request.names,
        scores.losses.tolist(),
        scores.log_probs.tolist(),
        [None] * len(known) if scores.novel is None else scores.novel.tolist(),
        scores.percentiles,
        scores.ignored,
        scores.characters() if request.details else [None] * len(known),
        strict=True,
    )
    answers: list[dict[str, object]] = [
        {
            "name": name,
            "loss": loss,
            "log_prob": log_prob,
            "novel": new,
            "percentile": share,
            "ignored": ignored,
            "characters": each,
            "reason": None,
        }
        for name, loss, log_prob, new, share, ignored, each in fields
    ]
    for i in np.flatnonzero(unknown).tolist():
        answers[i] = dict.fromkeys(answers[i]) | {"name": request.names[i], "reason": scores.reason(i)}
    answer = {
        "loss": mean,
        "perplexity": None if mean is None else math.exp(mean),
        "names": answers,
        "model": model.reference.model_dump(),
    }
    count(SCORED, model.label, int(known.sum()))
    return model, orjson.dumps(answer)
