"""What a request asks of a name's letters, compiled to one automaton. Lengths are the sampler's own condition."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from model.constraints.automata import Automaton, intersect, minimise, nothing
from model.constraints.literals import Ids, avoid_names, avoid_substrings, contains, literal_prefix, literal_suffix
from model.constraints.near import UNKNOWN, near
from model.constraints.patterns import compile_pattern
from model.errors import UnknownCharacterError
from model.text.vocabulary import Vocabulary

WHOLE_NAME = "="
DISTANCE = 2
MAX_BLOCK_LIST_STATES = 4_000
"""States of a block list's automaton."""


@dataclass(frozen=True)
class Constraints:
    """The text of a request, as it came. None and the empty string ask nothing of a name, but an empty pattern
    is refused."""

    prefix: str | None = None
    suffix: str | None = None
    contains: str | None = None
    pattern: str | None = None
    near: str | None = None
    distance: int = DISTANCE
    """Edits that names may be from `near`, which itself is none of them."""
    exclude: tuple[str, ...] = ()


def compile_constraints(constraints: Constraints, vocabulary: Vocabulary) -> Automaton | None:
    """The minimal automaton of the names that meet all constraints; None where there is no constraint.

    Raises ConstraintError, whose `field` names the constraint to change.
    """
    normalization = vocabulary.normalization
    parts = [
        (name, minimise(_literal(read(text), builder, vocabulary), name))
        for name, text, read, builder in (
            ("prefix", constraints.prefix, normalization.beginning, literal_prefix),
            ("suffix", constraints.suffix, normalization.ending, literal_suffix),
            ("contains", constraints.contains, normalization.part, contains),
        )
        if text
    ]
    if constraints.pattern is not None:
        parts.append(("pattern", compile_pattern(constraints.pattern, vocabulary)))
    if constraints.near:
        parts.append(("near", near(_with_unknown(constraints.near, vocabulary), constraints.distance, vocabulary.size)))
    if excluded := _possible(constraints.exclude, vocabulary):
        parts.append(("exclude", minimise(avoid_substrings(excluded, vocabulary.size, "exclude"), "exclude")))
    return _intersection(parts)


def _with_unknown(text: str, vocabulary: Vocabulary) -> Ids:
    """Letter ids, and UNKNOWN for letters outside the vocabulary."""
    letters = set(vocabulary.letters)
    return [vocabulary.encode(char)[0] if char in letters else UNKNOWN for char in vocabulary.normalization(text)]


def _intersection(parts: list[tuple[str, Automaton]]) -> Automaton | None:
    """All of the parts at once, the smallest first; the last part is the one to blame."""
    if not parts:
        return None
    smallest, *others = sorted((automaton for _, automaton in parts), key=len)
    for other in others:
        smallest = minimise(intersect(smallest, other, parts[-1][0]), parts[-1][0])
    return smallest


def _literal(text: str, builder: Callable[[Ids, int], Automaton], vocabulary: Vocabulary) -> Automaton:
    try:
        return builder(vocabulary.encode(text), vocabulary.size)
    except UnknownCharacterError:
        return nothing(vocabulary.size)


@lru_cache(maxsize=32)
def compile_block_list(words: frozenset[str], vocabulary: Vocabulary) -> Automaton | None:
    """The minimal automaton of the names of which no part is one of `words`; a word behind "=" is blocked as a whole
    name only. None where no word can occur, as with words outside the alphabet. Remembered, as a service has one list
    for all its requests. Raises ConstraintError."""
    parts = {word for word in words if not word.startswith(WHOLE_NAME)}
    wholes = {word.removeprefix(WHOLE_NAME) for word in words - parts}
    automata = [
        builder(encoded, vocabulary.size)
        for builder, texts in ((avoid_substrings, parts), (avoid_names, wholes))
        if (encoded := _possible(texts, vocabulary))
    ]
    if not automata:
        return None
    together = automata[0] if len(automata) == 1 else intersect(automata[0], automata[1], "blocked")
    return minimise(together, "blocked", MAX_BLOCK_LIST_STATES)


def _possible(words: Iterable[str], vocabulary: Vocabulary) -> list[Ids]:
    """The words that the alphabet can spell, as letter ids, in order."""
    letters = set(vocabulary.letters)
    normalised = {vocabulary.normalization.part(word) for word in words} - {""}
    return [vocabulary.encode(word) for word in sorted(normalised) if letters.issuperset(word)]
