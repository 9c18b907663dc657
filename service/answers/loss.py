"""Answers of /loss: how likely names are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap

import numpy as np
import orjson
from numpy.typing import NDArray

from model.errors import UnknownCharacterError
from model.measures.percentiles import share_above
from model.text.names import Names
from model.text.vocabulary import MAX_NAME_LENGTH, Vocabulary
from model.transitions.automaton import Floats, Ints
from service.catalog.served_model import ServedModel
from service.http.problems import MAX_ERRORS, FieldError, ProblemError
from service.http.requests import LossRequest
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
    """Losses of known names, see `model.measures.percentiles`."""
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


def faults_in(given: Sequence[object]) -> dict[int, str]:
    """Why it cannot be a name, by index, for those that cannot."""
    if set(map(type, given)) <= {str}:
        lengths = np.fromiter(map(len, given), dtype=np.int64, count=len(given))  # type: ignore[arg-type]
        fits = len(given) == 0 or (lengths.min() > 0 and lengths.max() <= MAX_NAME_LENGTH)
        if fits and not any(map(str.isspace, given)):  # type: ignore[arg-type]
            return {}
    reasons = starmap(_fault, enumerate(given))
    return {index: reason for index, reason in reasons if reason is not None}


def _fault(index: int, name: object) -> tuple[int, str | None]:
    if name is None or name == "" or (isinstance(name, str) and name.isspace()):
        return index, "the name is missing"
    if not isinstance(name, str):
        return index, "the name is not text"
    if len(name) > MAX_NAME_LENGTH:
        return index, f"the name has {len(name):,} characters, at most {MAX_NAME_LENGTH} are allowed"
    return index, None


def score_names(model: ServedModel, given: Sequence[str], ignore: bool = False) -> Scores:
    """Scores names as they were given; with `ignore` without the characters outside the vocabulary, as long as there is
    another one."""
    texts = model.vocabulary.normalization.names(given)
    names, unknown = Names.of_texts(texts, model.vocabulary)
    ignored = [0] * len(texts)
    if ignore and unknown.any():
        letters = set(model.vocabulary.letters)
        for index in np.flatnonzero(unknown).tolist():
            if left := "".join(filter(letters.__contains__, texts[index])):
                ignored[index] = len(texts[index]) - len(left)
                texts[index] = left
        names, unknown = Names.of_texts(texts, model.vocabulary)
    steps = model.language_model.log_probs(names)
    totals, novel = names.totals(steps), model.novel(names)
    return Scores(model.vocabulary, texts, names, unknown, steps, totals, novel, model.loss_quantiles, ignored)


def score(model: ServedModel, request: LossRequest, field: str = "names") -> bytes:
    """The bytes of a LossResponse. Raises ProblemError for a name that cannot be scored, unless such names are
    skipped. `field` is what the request calls its names."""
    faults = faults_in(request.names)
    given = ["" if index in faults else name for index, name in enumerate(request.names)]
    scores = score_names(model, given, request.unknown == "ignore")
    unknown = {index: scores.reason(index) for index in np.flatnonzero(scores.unknown).tolist()}
    if request.unknown == "error":
        _refuse(faults, unknown, field)
    reasons = faults | unknown
    known = np.ones(len(request.names), dtype=np.bool_)
    known[list(reasons)] = False
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
    for i, reason in reasons.items():
        answers[i] = dict.fromkeys(answers[i]) | {"name": request.names[i], "reason": reason}
    answer = {
        "loss": mean,
        "perplexity": None if mean is None else perplexity(mean),
        "names": answers,
        "model": model.reference.model_dump(),
    }
    count(SCORED, model.label, int(known.sum()))
    return orjson.dumps(answer)


def perplexity(loss: float) -> float | None:
    """None where it is too large for a number."""
    try:
        return math.exp(loss)
    except OverflowError:
        return None


def _refuse(faults: Mapping[int, str], unknown: Mapping[int, str], field: str) -> None:
    """Raises ProblemError for names that cannot be scored: 422, of the type of the first."""
    reasons = sorted({**faults, **unknown}.items())
    if not reasons:
        return
    errors = [FieldError(pointer=f"/{field}/{index}", detail=reason) for index, reason in reasons[:MAX_ERRORS]]
    more = f" (and {len(reasons) - MAX_ERRORS} more)" if len(reasons) > MAX_ERRORS else ""
    kind = "validation" if reasons[0][0] in faults else "unknown-character"
    raise ProblemError(422, kind, f"{errors[0].pointer}: {errors[0].detail}{more}", errors)
