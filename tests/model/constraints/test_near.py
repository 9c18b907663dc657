"""Names close to a given one, against distances computed one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.constraints.automata import Automaton, accepts
from model.constraints.compile_constraints import Constraints, compile_constraints
from model.constraints.near import near
from model.errors import ConstraintError
from model.text.vocabulary import Vocabulary
from tests.model.constraints.test_compile_constraints import ABC, NAMES, meets

LATIN = Vocabulary(tuple("abcdefghijklmnopqrstuvwxyz"))


def distance(one: str, other: str) -> int:
    """Optimal string alignment, by the book: the least number of insertions, deletions, replacements and swaps."""
    table = [[i + j for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            replaced = table[i - 1][j - 1] + (one[i - 1] != other[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, replaced)
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


def compiled(constraints: Constraints, vocabulary: Vocabulary = ABC) -> Automaton:
    automaton = compile_constraints(constraints, vocabulary)
    assert automaton is not None
    return automaton


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("ca", "ac", 1),
        ("ca", "abc", 3),
        ("abcd", "badc", 2),
        ("aria", "maria", 1),
        ("", "ab", 2),
        ("kitten", "sitting", 3),
    ],
)
def test_the_oracle_knows_what_an_edit_is(one: str, other: str, edits: int) -> None:
    assert distance(one, other) == distance(other, one) == edits


@settings(deadline=None, max_examples=40)
@given(st.text("abcx", min_size=1, max_size=5), st.integers(1, 3))
def test_exactly_the_names_within_the_distance_are_accepted(name: str, most: int) -> None:
    """The x is outside the alphabet: it can only be edited away."""
    automaton = compiled(Constraints(near=name, distance=most))
    accepted = {other for other in NAMES if accepts(automaton, ABC.encode(other))}
    assert accepted == {other for other in NAMES if 1 <= distance(name, other) <= most}


@settings(deadline=None, max_examples=40)
@given(
    st.builds(
        Constraints,
        prefix=st.none() | st.text("abc", max_size=2),
        suffix=st.none() | st.text("abc", max_size=2),
        contains=st.none() | st.text("abc", max_size=2),
        pattern=st.sampled_from([None, ".*", "a*b.*", "(?:ab|c)*", "[^b]{2,5}", "(a|b|c){4}"]),
        near=st.text("abcx", min_size=1, max_size=5),
        distance=st.integers(1, 3),
        exclude=st.lists(st.text("abcX", min_size=1, max_size=3), max_size=3).map(tuple),
    )
)
def test_it_holds_together_with_every_other_constraint(constraints: Constraints) -> None:
    automaton = compiled(constraints)
    accepted = [name for name in NAMES if accepts(automaton, ABC.encode(name))]
    assert accepted == [
        name
        for name in NAMES
        if meets(constraints, name)
        and 1 <= distance(constraints.near or "", name) <= constraints.distance
        and not any(part.lower() in name for part in constraints.exclude)
    ]


def test_long_names_over_many_letters() -> None:
    name = "bartholomew"
    automaton = compiled(Constraints(near=name.upper(), distance=3), LATIN)
    for other in (
        "bartholomew",
        "barthlomew",
        "abrtholmoew",
        "xbarxtholomewx",
        "bxrtholxmxw",
        "rtholomew",
        "bartholomewxyz",
    ):
        assert accepts(automaton, LATIN.encode(other)) == (1 <= distance(name, other) <= 3), other
    assert not accepts(automaton, LATIN.encode("bartholomewwxyz"))
    assert not accepts(automaton, LATIN.encode("abrthlxmewx"))


def test_as_many_letters_as_a_name_may_have() -> None:
    name = ("abcdefghijklmnopqrstuvwxyz" * 3)[:64]
    automaton = compiled(Constraints(near=name, distance=3), LATIN)
    assert accepts(automaton, LATIN.encode(name[1:]))
    with pytest.raises(ConstraintError) as caught:
        near(LATIN.encode(name * 3), 3, LATIN.size)
    assert caught.value.field == "near"


def test_equal_sets_give_equal_automata() -> None:
    one = compiled(Constraints(near="b", distance=1), Vocabulary(("a", "b")))
    other = compiled(Constraints(pattern="|a|[ab]b|ba"), Vocabulary(("a", "b")))
    assert (one.moves == other.moves).all()
    assert (one.accepting == other.accepting).all()
