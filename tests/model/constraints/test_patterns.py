"""Patterns against `re.fullmatch` on every short name."""

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.constraints import patterns
from model.constraints.automata import accepts, is_empty
from model.constraints.patterns import compile_pattern
from model.errors import ConstraintError
from model.text.vocabulary import Normalization, Vocabulary

ABC = Vocabulary(("a", "b", "c"))
LATIN = Vocabulary(tuple("abcdefghijklmnopqrstuvwxyz"))
MIXED = Vocabulary(("-", ".", "0", "A", "Z", "^", "_", " ", "a", "z", "é"), Normalization(case="preserve"))
NAMES = ["".join(name) for length in range(7) for name in product("abc", repeat=length)]


def matches(pattern: str, vocabulary: Vocabulary, name: str) -> bool:
    return accepts(compile_pattern(pattern, vocabulary), vocabulary.encode(name))


def counts(least: int, more: int) -> list[str]:
    return ["*", "+", "?", f"{{{least}}}", f"{{{least},}}", f"{{{least},{least + more}}}"]


quantifiers = st.builds(counts, st.integers(0, 3), st.integers(0, 2)).flatmap(st.sampled_from)
atoms = st.sampled_from(
    [
        *"abc",
        ".",
        "[ab]",
        "[^a]",
        "[a-b]",
        "[^a-bx]",
        "[b-]",
        "[-c]",
        r"[\w]",
        r"[^\d]",
        r"\w",
        r"\W",
        r"\d",
        r"\S",
        "x",
        r"\.",
    ]
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.tuples(st.sampled_from(["(", "(?:"]), inner).map(lambda pair: pair[0] + pair[1] + ")")
    repeated = st.tuples(atoms | group, quantifiers).map("".join)
    return group | repeated | st.tuples(inner, inner).map("".join) | st.tuples(inner, inner).map("|".join)


subset = st.recursive(atoms, larger, max_leaves=8)


@settings(max_examples=300, deadline=None)
@given(subset, st.booleans())
def test_patterns_match_what_re_matches(pattern: str, anchored: bool) -> None:
    # `|` binds weaker than `^` and `$`, which makes no difference to a whole match.
    pattern = f"^{pattern}$" if anchored else pattern
    oracle = re.compile(pattern)
    automaton = compile_pattern(pattern, ABC)
    for name in NAMES:
        assert accepts(automaton, ABC.encode(name)) == bool(oracle.fullmatch(name)), name


@pytest.mark.parametrize(
    "pattern",
    ["(a|)b", "()", "a||b", "a{0}", "(a{0}){3}b", "(){64}", "^$", "^a|b$", "(a?b?)*", "((a*)*)*c", "(|a|ab){2}"],
)
def test_empty_parts_match_as_in_re(pattern: str) -> None:
    automaton = compile_pattern(pattern, ABC)
    assert all(accepts(automaton, ABC.encode(name)) == bool(re.fullmatch(pattern, name)) for name in NAMES)


@pytest.mark.parametrize(
    "pattern",
    [r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", r"[\w-]", r"[^\s.]", r"[.-0]", r"[+-\.]", "[A-z]", "[^^]", "."],
)
def test_kinds_of_letters_are_those_of_re(pattern: str) -> None:
    for letter in MIXED.letters:
        assert matches(pattern, MIXED, letter) == bool(re.fullmatch(pattern, letter)), letter


@pytest.mark.parametrize(
    ("pattern", "states"),
    [
        ("(a+)+$", 2),
        ("(a|a)*", 1),
        ("(a*)*b", 2),
        (".*abc", 4),
        ("a{3,5}", 6),
        ("abc|abb|bbc", 6),
        ("(?:ab|ac){2}", 5),
        ("x", 1),
    ],
)
def test_results_are_minimal(pattern: str, states: int) -> None:
    assert len(compile_pattern(pattern, ABC)) == states


def test_literals_are_lowered_as_the_model_is_and_escapes_are_not() -> None:
    assert matches("AnNa", LATIN, "anna")
    assert matches("[A-C]+[^A]", LATIN, "abz")
    assert not matches("[^A]", LATIN, "a")
    assert is_empty(compile_pattern(r"\W", LATIN))
    assert is_empty(compile_pattern(r"\D\S\W", LATIN))
    assert matches(r"\D\S\w", LATIN, "abc")
    assert not matches("[A-C]", MIXED, "a")


def test_characters_outside_the_vocabulary_match_nothing() -> None:
    assert is_empty(compile_pattern("aéb", LATIN))
    assert matches("é?a[éb]", LATIN, "ab")
    assert matches("[^é]", LATIN, "a")


def test_greek_and_accented_letters() -> None:
    greek = Vocabulary(tuple("αβγδ"))
    assert matches("[Α-Γ]+δ", greek, "αβγδ")
    assert not matches("[α-γ]+", greek, "δ")
    accents = Vocabulary(("e", "h", "é"))
    assert matches("He\u0301+", accents, "héé")
    assert not matches(".[a-z]", accents, "hé")
    assert matches(r"\w{2}", accents, "hé")


def test_a_model_of_decomposed_letters_reads_an_accented_one_as_two() -> None:
    decomposed = Vocabulary(("e", "h", "\u0301"), Normalization(form="NFD"))
    assert matches("hé+", decomposed, "he\u0301e\u0301")
    with pytest.raises(ConstraintError, match="position 2: the model spells this character with several letters"):
        compile_pattern("[é]", decomposed)


@pytest.mark.parametrize(
    "pattern",
    [
        ".*a.{20}",
        "(.*a.{12}|b)*",
        "((a?){64}){31}",
        "(a{64}){31}",
        "(a{64}){64}",
        "(((a{64}){64}){64}){64}",
        "(" * 30 + "){64}" * 30,
    ],
)
def test_patterns_that_would_explode_are_refused(pattern: str) -> None:
    with pytest.raises(ConstraintError, match=r"pattern is too complex: it would take more than [\d,]+ states"):
        compile_pattern(pattern, LATIN)


def test_determinising_is_bounded_by_states_and_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_pattern(".*a.{4}", LATIN)
    for name in ("MAX_WORKING_STATES", "MAX_STEPS"):
        with monkeypatch.context() as patch:
            patch.setattr(patterns, name, 20)
            with pytest.raises(ConstraintError, match="too complex"):
                compile_pattern(".*a.{4}", LATIN)
