"""What the symbols of a pattern mean in a vocabulary: sets of letter ids."""

from collections.abc import Callable
from typing import TypeAlias

from model.text.vocabulary import Vocabulary

Ids: TypeAlias = frozenset[int]

ESCAPES: dict[str, Callable[[str], bool]] = {
    "w": lambda letter: letter.isalnum() or letter == "_",
    "d": str.isdecimal,
    "s": str.isspace,
    "W": lambda letter: not (letter.isalnum() or letter == "_"),
    "D": lambda letter: not letter.isdecimal(),
    "S": lambda letter: not letter.isspace(),
}
"""Kinds of letters by the character behind the backslash, as in `re`."""


class LetterSets:
    """Looks characters up in their normalised form; what is not in the vocabulary is the empty set."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._ids = {letter: i for i, letter in enumerate(vocabulary.letters, start=1)}
        self._normalization = vocabulary.normalization
        self.all: Ids = frozenset(self._ids.values())

    def literal(self, char: str) -> list[Ids]:
        """One set for each letter that the normalised character has: mostly one, with one id."""
        return [frozenset({self._ids[letter]} if letter in self._ids else ()) for letter in self._normalization(char)]

    def escape(self, char: str) -> Ids:
        """The letters of a kind; `char` is a key of ESCAPES."""
        return frozenset(i for letter, i in self._ids.items() if ESCAPES[char](letter))

    def between(self, first: str, last: str) -> Ids:
        """The letters whose code points lie in a range, or their upper case's where the model has lower case only."""
        folds = self._normalization.case == "lower"
        return frozenset(
            i
            for letter, i in self._ids.items()
            if first <= letter <= last or (folds and len(letter.upper()) == 1 and first <= letter.upper() <= last)
        )
