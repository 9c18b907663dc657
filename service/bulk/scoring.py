"""Scores of many names, batch after batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from model.transitions.automaton import Floats
from service.answers import loss
from service.catalog.served_model import ServedModel

_TRUTHS = ("false", "true")


class UnscoredNameError(Exception):
    """Name `index` of a batch cannot be scored."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores (names,) of a batch; NaN and None where a name was skipped."""

    loss: Floats
    log_prob: Floats
    novel: list[bool | None]
    percentile: list[float | None]
    ignored: list[int | None] | None
    """Characters that were left out; None where none may be."""
    reason: list[str | None] | None
    """Why a name was skipped; None where none may be."""
    characters: list[object] | None
    """As in the answers of /loss, where they were asked for."""

    @property
    def columns(self) -> dict[str, object]:
        """By name, in order."""
        columns: dict[str, object] = {"loss": self.loss, "log_prob": self.log_prob, "novel": self.novel}
        columns["percentile"] = self.percentile
        asked = {"ignored": self.ignored, "reason": self.reason, "characters": self.characters}
        return columns | {name: column for name, column in asked.items() if column is not None}

    @property
    def only_numbers(self) -> bool:
        """And truth: nothing that a CSV may have to quote."""
        return self.reason is None and self.characters is None

    def texts(self, null: str, quote: Callable[[str], str]) -> list[list[str]]:
        """The columns as JSON text, with `null` for what is missing and reasons as `quote` writes them."""
        written = [_floats(self.loss, null), _floats(self.log_prob, null)]
        written.append([null if new is None else _TRUTHS[new] for new in self.novel])
        written.append(_floats(self.percentile, null))
        if self.ignored is not None:
            written.append([null if count is None else str(count) for count in self.ignored])
        if self.reason is not None:
            written.append([null if reason is None else quote(reason) for reason in self.reason])
        if self.characters is not None:
            written.append([null if each is None else orjson.dumps(each).decode() for each in self.characters])
        return written


@dataclass
class Totals:
    """What the scores of many names come to."""

    names: int = 0
    skipped: int = 0
    log_prob: float = 0.0
    """The sum over all names that were scored."""
    characters: int = 0
    """Of those names, ends included."""

    @property
    def loss(self) -> float | None:
        """The mean over all characters."""
        return -self.log_prob / self.characters if self.characters else None

    @property
    def perplexity(self) -> float | None:
        return None if self.loss is None else loss.perplexity(self.loss)


class Scorer:
    """Scores names by a model, as /loss does, and sums up."""

    def __init__(self, model: ServedModel, unknown: Literal["error", "skip", "ignore"], details: bool) -> None:
        self._model = model
        self._skip = unknown != "error"
        self._ignore = unknown == "ignore"
        self._details = details
        self.totals = Totals()

    @property
    def columns(self) -> list[str]:
        """Those that every batch gets."""
        asked = {"ignored": self._ignore, "reason": self._skip, "characters": self._details}
        return ["loss", "log_prob", "novel", "percentile", *(column for column, wanted in asked.items() if wanted)]

    def score(self, given: Sequence[object]) -> Scored:
        """Raises UnscoredNameError, unless such names are to be skipped."""
        faults = loss.faults_in(given)
        texts: Sequence[Any] = given
        if faults:
            texts = ["" if index in faults else name for index, name in enumerate(given)]
        scored = loss.score_names(self._model, texts, self._ignore)
        missing = scored.unknown
        for index in np.flatnonzero(missing).tolist():
            faults.setdefault(index, scored.reason(index))
        if faults and not self._skip:
            first = min(faults)
            raise UnscoredNameError(first, faults[first])
        missing[list(faults)] = True
        self._count(scored, missing)
        novel: list[bool | None] = [None] * len(texts) if scored.novel is None else scored.novel.tolist()
        percentile = scored.percentiles
        ignored: list[int | None] | None = [*scored.ignored] if self._ignore else None
        characters = scored.characters() if self._details else None
        for index in faults:
            novel[index] = percentile[index] = None
            if ignored is not None:
                ignored[index] = None
            if characters is not None:
                characters[index] = None
        reason = [faults.get(index) for index in range(len(texts))] if self._skip else None
        return Scored(
            np.where(missing, np.nan, scored.losses),
            np.where(missing, np.nan, scored.log_probs),
            novel,
            percentile,
            ignored,
            reason,
            characters,
        )

    def _count(self, scored: loss.Scores, missing: NDArray[np.bool_]) -> None:
        totals = self.totals
        totals.names += len(missing)
        totals.skipped += int(missing.sum())
        totals.log_prob += float(scored.log_probs[~missing].sum())
        totals.characters += int(scored.counts[~missing].sum())


def _floats(values: Floats | list[float | None], null: str) -> list[str]:
    """As JSON writes them: the shortest text that reads as the same number."""
    text = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode()
    return text.replace("null", null).split(",") if len(values) else []
