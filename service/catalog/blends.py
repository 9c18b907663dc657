"""Models that are asked for as a blend: `a+b`, or with weights `a*3+b`.

The plus may come as a space, as which a query's plus is read.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd
from threading import Lock

from cachetools import LRUCache

from model.errors import BlendError
from model.sampling.language_model import LanguageModel
from model.text.names import NameSet
from model.transitions.blending import blend
from service.catalog.served_model import PublishedModel, ServedModel

MAX_PARTS = 4
MAX_WEIGHT = 1000
_KEPT = 4
"""Blends kept for the next request, each with a table of its own."""
_SEPARATOR = re.compile(r" *[+ ] *")
_PART = re.compile(r"([^+* ]+)(?:\*([1-9][0-9]{0,3}))?")

Find = Callable[[str], PublishedModel]


@dataclass(frozen=True, eq=False)
class Blend(ServedModel):
    """Of models of one vocabulary, by weight."""

    parts: tuple[PublishedModel, ...]

    @property
    def label(self) -> str:
        return "blend"

    @cached_property
    def listing(self) -> NameSet | None:
        """The training names of all its models, where all are known."""
        listings = [part.listing for part in self.parts]
        known = [listing for listing in listings if listing is not None]
        return known[0].joined(known[1:]) if len(known) == len(listings) else None

    @property
    def longest_name(self) -> int:
        return max(part.longest_name for part in self.parts)


class Blends:
    """Makes blends, and keeps the last ones that were asked for."""

    def __init__(self) -> None:
        self._made: LRUCache[str, Blend] = LRUCache(_KEPT)
        self._lock = Lock()

    def kept(self, text: str, find: Find) -> Blend | None:
        """A blend that is at hand. Raises BlendError, and what `find` raises for the name of a model."""
        return self._get(_digest(_weighted(text, find)))

    def make(self, text: str, find: Find) -> Blend:
        """The same; one that is not at hand is made, which takes some milliseconds. One thread at a time."""
        weighted = _weighted(text, find)
        digest = _digest(weighted)
        made = self._get(digest)
        if made is None:
            made = _blend(weighted, digest)
            with self._lock:
                self._made[digest] = made
        return made

    def forget(self, name: str) -> None:
        """Lets go of the blends of a model, and with them of its version."""
        with self._lock:
            for digest in [digest for digest, made in self._made.items() if name in names_in(made.name)]:
                del self._made[digest]

    def _get(self, digest: str) -> Blend | None:
        with self._lock:
            return self._made.get(digest)


def is_blend(text: str) -> bool:
    """No model's name has these characters."""
    return not {"+", " ", "*"}.isdisjoint(text)


def names_in(text: str) -> frozenset[str]:
    """Of the models in a blend's name, or the name itself."""
    return frozenset(part.partition("*")[0] for part in _SEPARATOR.split(text))


def _weighted(text: str, find: Find) -> dict[PublishedModel, int]:
    """The models, in the order of their names, with the smallest weights of the same proportions."""
    weights = _weights(text)
    found = {find(name): weight for name, weight in sorted(weights.items())}
    alphabets = {(model.vocabulary.letters, replace(model.vocabulary.normalization, rules=1)) for model in found}
    if len(alphabets) > 1:
        raise BlendError(
            f"{' and '.join(weights)} have different alphabets: only models with the same alphabet can be blended"
        )
    return found


def _weights(text: str) -> Mapping[str, int]:
    """Raises BlendError for what is not written as a blend is."""
    weights: dict[str, int] = {}
    for part in _SEPARATOR.split(text):
        written = _PART.fullmatch(part)
        if written is None or int(written[2] or 1) > MAX_WEIGHT:
            raise BlendError(f"write a blend as a+b or a*3+b, with whole weights from 1 to {MAX_WEIGHT}")
        if written[1] in weights:
            raise BlendError(f"a blend may name each model only once; this one names {written[1][:64]} twice")
        weights[written[1]] = int(written[2] or 1)
    if not 2 <= len(weights) <= MAX_PARTS:
        raise BlendError(f"a blend combines 2 to {MAX_PARTS} models")
    common = gcd(*weights.values())
    return {name: weight // common for name, weight in weights.items()}


def _digest(weighted: Mapping[PublishedModel, int]) -> str:
    parts = "".join(f"{model.name} {model.digest} {weight}\n" for model, weight in weighted.items())
    return hashlib.sha256(parts.encode()).hexdigest()


def _blend(weighted: Mapping[PublishedModel, int], digest: str) -> Blend:
    parts, weights = tuple(weighted), list(weighted.values())
    tables = [part.language_model.transitions for part in parts]
    return Blend(
        name="+".join(f"{part.name}*{weight}" if weight > 1 else part.name for part, weight in weighted.items()),
        digest=digest,
        vocabulary=parts[0].vocabulary,
        language_model=LanguageModel(blend(tables, weights)),
        blocked=parts[0].blocked,
        parts=parts,
    )
