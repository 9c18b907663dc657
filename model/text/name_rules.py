"""How people write names and how a model spells them: spaces, marks, invisible characters, the case of a language.

Lists, scores and requests all go through these rules, so they never disagree about what is the same name.
Rules for what stands inside a name leave line breaks alone: many names can be brought to their form as one text.
"""

import re
import unicodedata
from typing import Literal

Locale = Literal["tr", "az", "lt"]

JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners: part of a name between Arabic letters and after a virama, as in Persian and Hindi."""
_INVISIBLE = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
"""Soft hyphens, zero-width spaces, marks of direction and byte order: no reader sees them."""
_UNSEEN = re.compile(f"[{_INVISIBLE}]+")
_ONE_APOSTROPHE = dict.fromkeys(map(ord, "‘’‛´`＇"), "'")
_ONE_HYPHEN = dict.fromkeys(map(ord, "‐‑‒–−﹣－"), "-")
_ONE_MARK = _ONE_APOSTROPHE | _ONE_HYPHEN
_MARKS = re.compile(f"[{''.join(map(chr, _ONE_MARK))}]")

_SPACES = "\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"
BLANKS = f" \t\n\r\v\f\x85\u2028\u2029{_SPACES}{_INVISIBLE}"
_RUN_OF_SPACES = re.compile(f" [ {_SPACES}]+|[{_SPACES}][ {_SPACES}]*")

_TURKISH = str.maketrans({"I": "ı", "İ": "i"})
_DOTTED = re.compile("([ijį])\u0307+")
_VIRAMA = 9
"""The canonical combining class of viramas."""


def with_one_kind_of_mark(text: str) -> str:
    """Typographic apostrophes become ', hyphens and dashes become -, and invisible characters go."""
    if text.isascii() and "`" not in text:
        return text
    return _UNSEEN.sub("", _MARKS.sub(lambda found: _ONE_MARK[ord(found[0])], text))


def lowered(text: str, locale: Locale | None) -> str:
    """Composed text in lower case by the rules of a language. The dot of a small i is part of it, also where Unicode
    writes one more behind it: "İ" becomes one letter."""
    text = text.translate(_TURKISH) if locale in ("tr", "az") else text
    text = text.lower()
    return text if text.isascii() else _DOTTED.sub(r"\1", text)


def uppered(letter: str, locale: Locale | None) -> str:
    """A letter in upper case by the rules of a language."""
    return {"i": "İ", "ı": "I"}.get(letter, letter.upper()) if locale in ("tr", "az") else letter.upper()


def with_single_spaces(text: str) -> str:
    """Runs of spaces of any kind as one plain space."""
    if "  " not in text and text.isascii():
        return text
    return _RUN_OF_SPACES.sub(" ", text)


def without_start(text: str) -> str:
    """Without what no reader sees as the beginning of a name."""
    return text.lstrip(BLANKS + JOINERS)


def without_end(text: str) -> str:
    """Without what no reader sees as the end of a name; a joiner behind a virama shapes a letter and stays."""
    kept = text.rstrip(BLANKS + JOINERS)
    after = text[len(kept) : len(kept) + 1]
    return kept + after if after and after in JOINERS and _after_virama(text, len(kept)) else kept


def has_joiner(text: str) -> bool:
    return any(joiner in text for joiner in JOINERS)


def misplaced_joiner(name: str) -> str | None:
    """The first joiner that does not stand between Arabic letters or after a virama (RFC 5892, appendix A)."""
    for at, char in enumerate(name):
        if char in JOINERS and not (_after_virama(name, at) or _between_arabic_letters(name, at)):
            return char
    return None


def _after_virama(name: str, at: int) -> bool:
    return at > 0 and unicodedata.combining(name[at - 1]) == _VIRAMA


def _between_arabic_letters(name: str, at: int) -> bool:
    before, after = name[:at][::-1], name[at + 1 :]
    return all(_first_letter_is_arabic(side) for side in (before, after))


def _first_letter_is_arabic(text: str) -> bool:
    letter = next((char for char in text if not unicodedata.combining(char)), "")
    return unicodedata.bidirectional(letter) == "AL" if letter else False
