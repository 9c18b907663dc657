r"""Reads a regular expression of a small, documented subset into a tree. Never `re`: that can take forever.

Literals, `.`, classes `[abc] [a-z] [^...]`, groups `( )` and `(?: )`, `|`, `* + ? {m} {m,} {m,n}`, `\.` for any
punctuation, `\w \d \s` and `\W \D \S` (also in classes), `^` first and `$` last, which change nothing.
"""

import re
import unicodedata
from typing import NoReturn

from model.constraints.letter_sets import ESCAPES, Ids, LetterSets
from model.constraints.pattern_tree import Chain, Choice, Letters, Node, Repeat
from model.errors import ConstraintError
from model.text.vocabulary import Vocabulary

MAX_PATTERN_LENGTH = 256
MAX_REPEATS = 64
MAX_NESTING = 32


_QUANTIFIERS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_COUNTS = re.compile(r"\{([0-9]+)(,([0-9]*))?\}")
_GROUPS = (
    (("(?=", "(?!"), "look-ahead"),
    (("(?<=", "(?<!"), "look-behind"),
    (("(?P=",), "a back-reference"),
    (("(?P<", "(?<"), "a named group"),
    (("(?>",), "an atomic group"),
    (("(?(",), "a conditional group"),
    (("(?#",), "a comment"),
    (("(?",), "an inline flag"),
)


def parse(pattern: str, vocabulary: Vocabulary) -> Node:
    """The tree of a pattern. Raises ConstraintError, which names the position (counted from 1)."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        limits = f"the pattern has {len(pattern):,} characters; at most {MAX_PATTERN_LENGTH} are allowed"
        raise ConstraintError("pattern", limits)
    if not pattern:
        raise ConstraintError("pattern", "the pattern is empty")
    return _Parser(unicodedata.normalize("NFC", pattern), LetterSets(vocabulary)).whole()


class _Parser:
    """Recursive descent; `at` is the next character."""

    def __init__(self, text: str, sets: LetterSets) -> None:
        self.text = text
        self.sets = sets
        self.at = 0
        self.depth = 0

    def whole(self) -> Node:
        self.at = int(self.next == "^")
        node = self.choice()
        return node if not self.next else self.refuse("')' closes no group")

    @property
    def next(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.at : self.at + 1]

    def refuse(self, message: str, at: int | None = None) -> NoReturn:
        position = (self.at if at is None else at) + 1
        raise ConstraintError("pattern", f"pattern, position {position}: {message}")

    def choice(self) -> Node:
        options = [self.chain()]
        while self.next == "|":
            self.at += 1
            options.append(self.chain())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def chain(self) -> Node:
        parts = []
        while self.next not in ("", "|", ")"):
            parts.append(self.repeated())
        return parts[0] if len(parts) == 1 else Chain(tuple(parts))

    def repeated(self) -> Node:
        item = self.atom()
        if not self.next or self.next not in "*+?{":
            return item
        least, most = self.counts()
        if self.next == "?":
            self.refuse("lazy quantifiers are not supported")
        if self.next == "+":
            self.refuse("possessive quantifiers are not supported")
        if self.next and self.next in "*{":
            self.refuse("a quantifier cannot follow a quantifier")
        return Repeat(item, least, most)

    def counts(self) -> tuple[int, int | None]:
        if self.next in _QUANTIFIERS:
            self.at += 1
            return _QUANTIFIERS[self.text[self.at - 1]]
        found = _COUNTS.match(self.text, self.at)
        if not found:
            self.refuse(r"write a repeat count as {m}, {m,} or {m,n}, and the character itself as \{")
        least = int(found[1])
        most = least if found[2] is None else int(found[3]) if found[3] else None
        if max(least, most or 0) > MAX_REPEATS:
            self.refuse(f"repeat counts go up to {MAX_REPEATS}")
        if most is not None and most < least:
            self.refuse("the smaller repeat count must come first")
        self.at = found.end()
        return least, most

    def atom(self) -> Node:
        start, char = self.at, self.next
        if char == "(":
            return self.group()
        self.at += 1
        if char == "[":
            return Letters(self.letter_class(start))
        if char == ".":
            return Letters(self.sets.all)
        if char == "\\":
            item = self.escape(start)
            return self.literal(item) if isinstance(item, str) else Letters(item)
        if char == "$" and self.at == len(self.text):
            return Chain(())
        if char in "^$":
            self.refuse(f"'{char}' may only stand at the {'start' if char == '^' else 'end'} of the pattern", start)
        if char in "*+?{":
            self.refuse(f"'{char}' has nothing to repeat", start)
        if char in "]}":
            self.refuse(f"'{char}' closes nothing; write the character itself as \\{char}", start)
        return self.literal(char)

    def literal(self, char: str) -> Node:
        return Chain(tuple(Letters(ids) for ids in self.sets.literal(char)))

    def group(self) -> Node:
        start = self.at
        self.at += 3 if self.text.startswith("(?:", start) else 1
        if self.next == "?" and self.at == start + 1:
            kind = next(kind for marks, kind in _GROUPS if self.text.startswith(marks, start))
            self.refuse(f"{kind} is not supported", start)
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.refuse(f"groups nest at most {MAX_NESTING} deep", start)
        node = self.choice()
        if self.next != ")":
            self.refuse("the group is never closed", start)
        self.at += 1
        self.depth -= 1
        return node

    def escape(self, start: int) -> str | Ids:
        """What stands behind a backslash: a literal character or a set of letters."""
        char = self.next
        self.at += 1
        if char in ESCAPES:
            return self.sets.escape(char)
        if not char:
            self.refuse("the backslash escapes nothing", start)
        if char.isdigit():
            self.refuse("back-references are not supported", start)
        if char.isalpha():
            self.refuse(f"the escape \\{char} is not supported", start)
        return char

    def letter_class(self, start: int) -> Ids:
        negated = self.next == "^"
        self.at += negated
        ids: Ids = frozenset()
        if self.next == "]":
            self.refuse("the character class is empty", start)
        while self.next != "]":
            ids |= self.class_item(start)
        self.at += 1
        return self.sets.all - ids if negated else ids

    def class_item(self, start: int) -> Ids:
        first_at = self.at
        first = self.class_character(start)
        if self.next != "-" or self.text[self.at + 1 : self.at + 2] == "]":
            return first if not isinstance(first, str) else self.one_letter(first, first_at)
        self.at += 1
        last = self.class_character(start)
        if not isinstance(first, str) or not isinstance(last, str) or first > last:
            self.refuse("a range must go from a character to a later one", first_at)
        return self.sets.between(first, last)

    def class_character(self, start: int) -> str | Ids:
        at, char = self.at, self.next
        if not char:
            self.refuse("the character class is never closed", start)
        self.at += 1
        return self.escape(at) if char == "\\" else char

    def one_letter(self, char: str, at: int) -> Ids:
        letters = self.sets.literal(char)
        if len(letters) != 1:
            self.refuse("the model spells this character with several letters, so it cannot be in a class", at)
        return letters[0]
