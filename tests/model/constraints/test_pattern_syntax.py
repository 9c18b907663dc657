"""What the reader of patterns refuses, word by word, and what it still reads."""

import pytest

from model.constraints.pattern_syntax import MAX_PATTERN_LENGTH, parse
from model.constraints.pattern_tree import written_out
from model.errors import ConstraintError
from model.text.vocabulary import Vocabulary

LATIN = Vocabulary(tuple("abcdefghijklmnopqrstuvwxyz"))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "the pattern is empty"),
        ("a" * 257, "the pattern has 257 characters; at most 256 are allowed"),
        ("(a|" * 3_400, "the pattern has 10,200 characters; at most 256 are allowed"),
        (r"(a)\1", "pattern, position 4: back-references are not supported"),
        ("a(?=b)", "pattern, position 2: look-ahead is not supported"),
        ("(?!b)", "pattern, position 1: look-ahead is not supported"),
        ("(?<=b)", "pattern, position 1: look-behind is not supported"),
        ("(?<!b)", "pattern, position 1: look-behind is not supported"),
        ("(?P<x>a)", "pattern, position 1: a named group is not supported"),
        ("(?<x>a)", "pattern, position 1: a named group is not supported"),
        ("(?P=x)", "pattern, position 1: a back-reference is not supported"),
        ("(?>a)", "pattern, position 1: an atomic group is not supported"),
        ("(?(1)a)", "pattern, position 1: a conditional group is not supported"),
        ("(?#a)", "pattern, position 1: a comment is not supported"),
        ("(?i)a", "pattern, position 1: an inline flag is not supported"),
        ("(?i:a)", "pattern, position 1: an inline flag is not supported"),
        ("a*?", "pattern, position 3: lazy quantifiers are not supported"),
        ("a{2}?", "pattern, position 5: lazy quantifiers are not supported"),
        ("a++", "pattern, position 3: possessive quantifiers are not supported"),
        ("a**", "pattern, position 3: a quantifier cannot follow a quantifier"),
        ("a?{2}", "pattern, position 3: a quantifier cannot follow a quantifier"),
        ("*a", "pattern, position 1: '*' has nothing to repeat"),
        ("^*", "pattern, position 2: '*' has nothing to repeat"),
        ("a|+", "pattern, position 3: '+' has nothing to repeat"),
        ("({2})", "pattern, position 2: '{' has nothing to repeat"),
        ("a{65}", "pattern, position 2: repeat counts go up to 64"),
        ("a{1,99}", "pattern, position 2: repeat counts go up to 64"),
        ("a{3,2}", "pattern, position 2: the smaller repeat count must come first"),
        ("a{,3}", r"pattern, position 2: write a repeat count as {m}, {m,} or {m,n}, and the character itself as \{"),
        ("(a", "pattern, position 1: the group is never closed"),
        ("a)", "pattern, position 2: ')' closes no group"),
        ("[a", "pattern, position 1: the character class is never closed"),
        ("[a-", "pattern, position 1: the character class is never closed"),
        ("[]", "pattern, position 1: the character class is empty"),
        ("[^]", "pattern, position 1: the character class is empty"),
        ("[b-a]", "pattern, position 2: a range must go from a character to a later one"),
        (r"[a-\w]", "pattern, position 2: a range must go from a character to a later one"),
        ("a]", r"pattern, position 2: ']' closes nothing; write the character itself as \]"),
        ("a}", r"pattern, position 2: '}' closes nothing; write the character itself as \}"),
        ("a^b", "pattern, position 2: '^' may only stand at the start of the pattern"),
        ("a$b", "pattern, position 2: '$' may only stand at the end of the pattern"),
        (r"a\b", r"pattern, position 2: the escape \b is not supported"),
        ("a\\", "pattern, position 2: the backslash escapes nothing"),
        ("(" * 33 + ")" * 33, "pattern, position 33: groups nest at most 32 deep"),
    ],
)
def test_what_is_not_supported_is_refused_with_its_position(pattern: str, message: str) -> None:
    with pytest.raises(ConstraintError) as caught:
        parse(pattern, LATIN)
    assert str(caught.value) == message
    assert caught.value.field == "pattern"


def test_the_longest_pattern_of_nested_groups_is_read() -> None:
    assert written_out(parse("(?:" * 32 + "a" + ")" * 32, LATIN)) == 1
    assert written_out(parse("a" * MAX_PATTERN_LENGTH, LATIN)) == MAX_PATTERN_LENGTH


def test_a_counted_repeat_of_nothing_still_counts_as_work() -> None:
    assert written_out(parse("((){64}){64}", LATIN)) == 64 * 64
