"""Names as text: the case that was asked for, and the form that a reader expects around each name."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np

from model.kernels import text
from model.text.names import Names
from model.text.vocabulary import Vocabulary

NameCase = Literal["lower", "title", "upper"]
WORD_SEPARATORS = frozenset("'’-")
"""Besides white space: behind these a word begins, as in O'Neal and Jean-Luc."""
_CSV_SPECIAL = frozenset('",\r\n')


class Form(StrEnum):
    """How names are written one after the other."""

    LINES = "lines"
    CSV = "csv"
    NDJSON = "ndjson"
    JSON = "json"


@dataclass(frozen=True)
class _Frame:
    before: str
    after: str
    last_after: str
    letter: Callable[[str], str]


def _as_json(letter: str) -> str:
    return json.dumps(letter, ensure_ascii=False)[1:-1]


def _as_quoted_csv(letter: str) -> str:
    return letter.replace('"', '""')


_FRAMES = {
    Form.LINES: _Frame("", "\n", "\n", str),
    Form.NDJSON: _Frame('{"name":"', '"}\n', '"}\n', _as_json),
    Form.JSON: _Frame('"', '",', '"', _as_json),
}


class Spelling:
    """Writes names over a vocabulary in one case and one form. Immutable.

    Case is a matter of single letters: `title` begins a word at the start and after white space, a hyphen or an
    apostrophe, and leaves the other letters as the model has them.
    """

    def __init__(self, vocabulary: Vocabulary, case: NameCase, form: Form) -> None:
        letters = vocabulary.letters
        frame = _csv_frame(letters) if form is Form.CSV else _FRAMES[form]
        cased = [_cased(letter, case) for letter in letters]
        encoded = [[b""] + [frame.letter(pair[within]).encode() for pair in cased] for within in (0, 1)]
        self._widest = max(len(spelling) for row in encoded for spelling in row)
        self._sizes = np.array([[len(spelling) for spelling in row] for row in encoded], dtype=np.int64)
        self._spellings = np.zeros((2, len(letters) + 1, self._widest), dtype=np.uint8)
        for within, row in enumerate(encoded):
            for symbol, spelling in enumerate(row):
                self._spellings[within, symbol, : len(spelling)] = list(spelling)
        self._separates = np.array([False, *map(_separates, letters)])
        self._before, self._after = (
            np.frombuffer(bytearray(part.encode()), dtype=np.uint8) for part in (frame.before, frame.after)
        )
        self._last_after = len(frame.last_after.encode())

    def write(self, names: Names) -> bytes:
        """UTF-8 text of all names."""
        room = len(names.symbols) * self._widest + len(names) * (len(self._before) + len(self._after))
        out = np.empty(room, dtype=np.uint8)
        size = text.render(
            names.symbols,
            names.ends,
            self._spellings,
            self._sizes,
            self._separates,
            self._before,
            self._after,
            self._last_after,
            out,
        )
        return out[:size].tobytes()


def _cased(letter: str, case: NameCase) -> tuple[str, str]:
    """A letter at the beginning of a word and within one."""
    if case == "title":
        return letter.title(), letter
    changed = letter.lower() if case == "lower" else letter.upper()
    return changed, changed


def _separates(letter: str) -> bool:
    return letter.isspace() or letter in WORD_SEPARATORS


def _csv_frame(letters: tuple[str, ...]) -> _Frame:
    """RFC 4180; quoted only where a letter asks for it."""
    if _CSV_SPECIAL.isdisjoint(letters):
        return _Frame("", "\r\n", "\r\n", str)
    return _Frame('"', '"\r\n', '"\r\n', _as_quoted_csv)
