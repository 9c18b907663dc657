"""Characters and their ids: the alphabet of a model, its boundary symbol and its normalisation."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.errors import UnknownCharacterError, VocabularyError
from model.text import name_rules

BOUNDARY = 0
"""Id of the symbol that stands before the first letter and after the last one."""

MAX_NAME_LENGTH = 64
"""Letters a name may have, in training, scoring and sampling."""

MAX_LETTERS = (1 << 16) - 1
"""Different letters of an alphabet: with the boundary, as many as 16 bits tell apart."""

_SEPARATOR = "\n"
_COMPOSED_ALIKE = ("NFC", "NFD")
"""Forms in which no letter becomes a space."""
_ASCII_BLANKS = " \t\n\r\v\f"

UnicodeForm = Literal["NFC", "NFD", "NFKC", "NFKD"]
Case = Literal["lower", "preserve"]
Rules = Literal[1, 2]
Locale = name_rules.Locale


def is_printable(char: str) -> bool:
    """False for control, format, surrogate, private and unassigned code points and for line separators; true for the
    joiners that are part of names."""
    category = unicodedata.category(char)
    return char in name_rules.JOINERS or (category[0] != "C" and category not in ("Zl", "Zp"))


@dataclass(frozen=True)
class Normalization:
    """How text is brought to the form that a model was trained on; idempotent."""

    form: UnicodeForm = "NFC"
    case: Case = "lower"
    locale: name_rules.Locale | None = None
    """The language whose rules for case hold; None for Unicode's own."""
    rules: Rules = 2
    """1 stands for models of before: form and case alone. 2: apostrophes and hyphens are of one kind, what is invisible
    goes, and a small i has no second dot."""

    def __call__(self, text: str) -> str:
        """Letters as the model has them; spaces stay."""
        if text.isascii() and "`" not in text and self.locale is None:
            return text.lower() if self.case == "lower" else text
        text = unicodedata.normalize(self.form, text)
        if self.rules == 2:
            text = unicodedata.normalize(self.form, name_rules.with_one_kind_of_mark(text))
        if self.case == "lower":
            text = text.lower() if self.rules == 1 else name_rules.lowered(text, self.locale)
        return unicodedata.normalize(self.form, text)

    def name(self, text: str) -> str:
        """A whole name: no spaces at its ends, and one at a time within it."""
        name = self.part(name_rules.without_end(name_rules.without_start(text)))
        if self.form in _COMPOSED_ALIKE:
            return name
        return self.part(name_rules.without_end(name_rules.without_start(name)))  # "¸" became a space and a cedilla

    def names(self, texts: Sequence[str]) -> list[str]:
        """Each text as a whole name; much faster together."""
        together = _SEPARATOR.join([text.strip(_ASCII_BLANKS) for text in texts])
        if not together.isascii():
            blanks = name_rules.BLANKS
            together = _SEPARATOR.join([text.strip(blanks) for text in texts])
        alone = name_rules.has_joiner(together) or self.form not in _COMPOSED_ALIKE
        if alone or together.count(_SEPARATOR) != len(texts) - 1:
            return [self.name(text) for text in texts]
        return self.part(together).split(_SEPARATOR)

    def beginning(self, text: str) -> str:
        """What a name begins with: a space at its end counts."""
        return self.part(name_rules.without_start(text))

    def ending(self, text: str) -> str:
        """What a name ends with: a space at its start counts."""
        return self.part(name_rules.without_end(text))

    def part(self, text: str) -> str:
        """Some part of a name: spaces at its ends count, runs of them as one."""
        visible = name_rules.with_one_kind_of_mark(text) if self.rules == 2 else text
        return self(name_rules.with_single_spaces(visible))

    def described(self) -> dict[str, str | int]:
        """As checkpoints and answers tell it; what a model of before did not know is left out where it says nothing."""
        told: dict[str, str | int] = {"form": self.form, "case": self.case}
        if self.rules != 1:
            told["rules"] = self.rules
        return told | ({} if self.locale is None else {"locale": self.locale})


@dataclass(frozen=True)
class Vocabulary:
    """An ordered alphabet. Id 0 is the boundary; `letters[i]` has id i + 1.

    Each letter is one Unicode code point of normalised text, whatever the alphabet.
    Raises VocabularyError for too many letters, and for repeated, empty, unprintable or multi-character letters.
    """

    letters: tuple[str, ...]
    normalization: Normalization = Normalization()

    def __post_init__(self) -> None:
        if not self.letters:
            raise VocabularyError("a vocabulary needs at least one letter")
        if len(self.letters) > MAX_LETTERS:
            raise VocabularyError(
                f"a vocabulary holds at most {MAX_LETTERS:,} different letters, not {len(self.letters):,}"
            )
        if len(set(self.letters)) != len(self.letters):
            raise VocabularyError("a vocabulary cannot hold the same letter twice")
        for letter in self.letters:
            if len(letter) != 1 or not is_printable(letter):
                raise VocabularyError(f"{letter[:8]!a} is not one printable character")
        object.__setattr__(self, "_ids", {letter: i for i, letter in enumerate(self.letters, start=1)})

    @classmethod
    def from_names(cls, names: Iterable[str], normalization: Normalization | None = None) -> "Vocabulary":
        """The letters that occur in `names` (already normalised), in code point order."""
        return cls(tuple(sorted({char for name in names for char in name})), normalization or Normalization())

    @property
    def size(self) -> int:
        """Number of symbols, the boundary included."""
        return len(self.letters) + 1

    def encode(self, text: str) -> list[int]:
        """Ids of normalised `text`, without boundaries. Raises UnknownCharacterError."""
        ids: dict[str, int] = self._ids  # type: ignore[attr-defined]
        try:
            return [ids[char] for char in text]
        except KeyError as error:
            char = str(error.args[0])
            raise UnknownCharacterError(char, text.index(char)) from None

    def ids_of(self, codes: NDArray[np.uint32]) -> NDArray[np.uint16]:
        """Ids (n,) of code points (n,); 0 for those outside the vocabulary."""
        known, ids = self._code_points
        places = np.minimum(np.searchsorted(known, codes), len(known) - 1)
        return np.where(known[places] == codes, ids[places], 0).astype(np.uint16)

    @cached_property
    def _code_points(self) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Code points in order, and their ids."""
        points = np.array([ord(letter) for letter in self.letters], dtype=np.uint32)
        order = np.argsort(points)
        return points[order], order + 1

    def decode(self, ids: Sequence[int]) -> str:
        """Text of letter ids (1..size - 1)."""
        return "".join(self.letters[i - 1] for i in ids)

    def symbol(self, symbol_id: int) -> str:
        """The letter of an id; the boundary is the empty string."""
        return "" if symbol_id == BOUNDARY else self.letters[symbol_id - 1]
