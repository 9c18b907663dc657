"""Constraints of a request, compiled, against plain text operations on every short name."""

import re
from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.constraints.automata import Automaton, accepts, is_empty
from model.constraints.compile_constraints import Constraints, compile_block_list, compile_constraints
from model.errors import ConstraintError
from model.text.vocabulary import Normalization, Vocabulary

ABC = Vocabulary(("a", "b", "c"))
NAMES = ["".join(name) for length in range(7) for name in product("abc", repeat=length)]
texts = st.none() | st.text("abcABC", max_size=3)


def compiled(constraints: Constraints, vocabulary: Vocabulary = ABC) -> Automaton:
    automaton = compile_constraints(constraints, vocabulary)
    assert automaton is not None
    return automaton


def allows(constraints: Constraints, name: str, vocabulary: Vocabulary = ABC) -> bool:
    return accepts(compiled(constraints, vocabulary), vocabulary.encode(name))


def without(words: Iterable[str], vocabulary: Vocabulary = ABC) -> Automaton:
    automaton = compile_block_list(frozenset(words), vocabulary)
    assert automaton is not None
    return automaton


def meets(constraints: Constraints, name: str) -> bool:
    return (
        name.startswith((constraints.prefix or "").lower())
        and name.endswith((constraints.suffix or "").lower())
        and (constraints.contains or "").lower() in name
        and (constraints.pattern is None or re.fullmatch(constraints.pattern, name) is not None)
    )


@settings(deadline=None)
@given(
    st.builds(
        Constraints,
        prefix=texts,
        suffix=texts,
        contains=texts,
        pattern=st.sampled_from([None, ".*", "a*b.*", "(?:ab|c)*", "[^b]{2,5}", "(a|b|c){4}"]),
    )
)
def test_exactly_the_names_that_meet_every_constraint_are_accepted(constraints: Constraints) -> None:
    automaton = compile_constraints(constraints, ABC)
    accepted = [name for name in NAMES if automaton is None or accepts(automaton, ABC.encode(name))]
    assert accepted == [name for name in NAMES if meets(constraints, name)]


@settings(deadline=None)
@given(st.lists(st.text("abcX", max_size=3), max_size=3), st.lists(st.text("abcX", max_size=4), max_size=3))
def test_a_block_list_leaves_exactly_the_names_without_its_words(words: list[str], wholes: list[str]) -> None:
    """A word behind = is blocked as a whole name only."""
    automaton = compile_block_list(frozenset(words + [f"={whole}" for whole in wholes]), ABC)
    accepted = [name for name in NAMES if automaton is None or accepts(automaton, ABC.encode(name))]
    blocked = {whole.lower() for whole in wholes if whole}
    assert accepted == [
        name for name in NAMES if name not in blocked and not any(word.lower() in name for word in words if word)
    ]


@pytest.mark.parametrize("constraints", [Constraints(), Constraints("", "", "", None)])
def test_no_constraint_needs_no_automaton(constraints: Constraints) -> None:
    assert compile_constraints(constraints, ABC) is None


@pytest.mark.parametrize("words", [[], [""], ["x"], ["ax", ""]])
def test_words_that_cannot_occur_need_no_automaton(words: list[str]) -> None:
    assert compile_block_list(frozenset(words), ABC) is None


def test_constraints_are_hashable_and_compare_by_value() -> None:
    assert len({Constraints(prefix="a"), Constraints(prefix="a"), Constraints(suffix="a")}) == 2


@pytest.mark.parametrize("field", ["prefix", "suffix", "contains"])
def test_a_literal_outside_the_vocabulary_is_met_by_no_name(field: str) -> None:
    text: dict[str, Any] = {field: "ax"}
    automaton = compiled(Constraints(**text))
    assert is_empty(automaton)
    assert len(automaton) == 1


def test_constraints_that_contradict_each_other_are_met_by_no_name() -> None:
    assert is_empty(compiled(Constraints(prefix="a", pattern="b.*")))


def test_equal_conditions_give_equal_automata() -> None:
    as_pattern, as_literals = (
        compiled(Constraints(pattern="ab.*c")),
        compiled(Constraints(prefix="AB", pattern=".{2,}", suffix="c")),
    )
    assert np.array_equal(as_pattern.moves, as_literals.moves)
    assert np.array_equal(as_pattern.accepting, as_literals.accepting)


def test_text_is_normalised_as_the_model_is() -> None:
    accents = Vocabulary(("e", "l", "é"))
    assert allows(Constraints(prefix="E\u0301L"), "éle", accents)
    assert not allows(Constraints(prefix="E\u0301L"), "ele", accents)
    assert not accepts(without(["E\u0301"], accents), accents.encode("lé"))
    assert allows(Constraints(pattern="E\u0301+L"), "éél", accents)


def test_a_model_that_keeps_case_tells_cases_apart() -> None:
    cased = Vocabulary(("A", "a"), Normalization(case="preserve"))
    assert allows(Constraints(prefix="A", pattern=r"A[^A]\w"), "AaA", cased)
    assert not allows(Constraints(prefix="a"), "Aa", cased)


def test_greek_constraints() -> None:
    greek = Vocabulary(tuple("αβγιονςσ"))
    assert allows(Constraints(prefix="ΑΓ", suffix="ΟΣ", contains="ΝΙ", pattern="Α.*Σ|.*ς"), "αγνινος", greek)
    assert not accepts(without(["Νι"], greek), greek.encode("αγνινος"))


def test_a_block_list_of_hundreds_of_words_is_compiled_once() -> None:
    latin = Vocabulary(tuple("abcdefghijklmnopqrstuvwxyz"))
    blocked = ["".join(word) for word in list(product("bcdfg", "aeiou", "lmnrs", "aeiou"))[:500]]
    first, second = without(blocked, latin), without(reversed(blocked), latin)
    assert first is second
    assert not accepts(first, latin.encode("xbalax"))
    assert accepts(first, latin.encode("xbalx"))


@pytest.mark.parametrize(
    ("constraints", "field"),
    [
        (Constraints(prefix="a" * 1_000), "prefix"),
        (Constraints(suffix="a" * 1_000), "suffix"),
        (Constraints(contains="a" * 1_000), "contains"),
        (Constraints(pattern=".*a.{20}"), "pattern"),
        (Constraints(pattern=".*a.{9}", contains="bbbbb"), "pattern"),
        (Constraints(prefix="a", pattern=""), "pattern"),
    ],
)
def test_a_refusal_names_the_field_to_change(constraints: Constraints, field: str) -> None:
    with pytest.raises(ConstraintError) as caught:
        compile_constraints(constraints, ABC)
    assert caught.value.field == field
    assert len(str(caught.value)) < 120


def test_a_block_list_of_too_many_letters_is_refused() -> None:
    with pytest.raises(ConstraintError, match="blocked is too complex") as caught:
        without(["ab" * 5_000])
    assert caught.value.field == "blocked"
