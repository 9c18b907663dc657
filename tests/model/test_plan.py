"""Conditional sampling against enumeration: every name of a small world, its probability and whether it is allowed."""

import itertools
import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from model.constraints import Constraints, compile_constraints
from model.errors import ConstraintError, TableTooLargeError, UnsatisfiableError
from model.plan import MAX_BYTES, check_contexts, make_plan
from model.sampling import Sampler
from model.shaping import Settings, shape_distribution
from model.store import BUNDLED, Store
from model.tabulation import compile_table
from model.transitions import Transitions
from model.vocabulary import Vocabulary

ABC = Vocabulary(("a", "b", "c"))
LONGEST = 6


def random_table(seed: int, block_size: int = 2) -> Transitions:
    logits = np.random.default_rng(seed).normal(size=(ABC.size**block_size, ABC.size)) * 1.5
    return Transitions(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), block_size)


def probability(name: str, table: Transitions, probabilities: np.ndarray) -> float:
    """Chance of a whole name, by walking tuples of symbols rather than row numbers."""
    context, product = (0,) * table.block_size, 1.0
    for symbol in (*ABC.encode(name), 0):
        row = sum(c * ABC.size**k for k, c in enumerate(reversed(context)))
        product *= probabilities[row, symbol]
        context = (*context[1:], symbol)
    return product


def allowed(name: str, constraints: Constraints, lengths: Settings) -> bool:
    return (
        lengths.min_length <= len(name) <= lengths.max_length
        and name.startswith(constraints.prefix or "")
        and name.endswith(constraints.suffix or "")
        and (constraints.contains or "") in name
        and (constraints.pattern is None or re.fullmatch(constraints.pattern, name) is not None)
        and not any(word in name for word in constraints.blocked)
    )


def enumerate_allowed(table: Transitions, constraints: Constraints, asked: Settings) -> dict[str, float]:
    shaped = shape_distribution(table.log_probs, asked)
    names = ("".join(letters) for k in range(1, LONGEST + 1) for letters in itertools.product("abc", repeat=k))
    found = {name: probability(name, table, shaped) for name in names if allowed(name, constraints, asked)}
    return {name: chance for name, chance in found.items() if chance > 0}


WORDS = st.none() | st.text("abc", min_size=1, max_size=2)
PATTERNS = st.none() | st.sampled_from(
    ["a.*", "[ab]+c?", "(ab|c)*", ".{2,4}", "(.*a){2}.*", "[^c]*", "a?b+.*c", "(a|b|c){3}", ".*(ab|ca)"]
)
CONSTRAINTS = st.builds(
    Constraints, WORDS, WORDS, WORDS, PATTERNS, st.lists(st.text("abc", min_size=2, max_size=3), max_size=2).map(tuple)
)
LENGTHS = st.tuples(st.integers(1, LONGEST), st.integers(1, LONGEST)).map(sorted)


@settings(max_examples=150, deadline=None)
@given(
    constraints=CONSTRAINTS,
    lengths=LENGTHS,
    seed=st.integers(0, 99),
    temperature=st.sampled_from([0.5, 1.0, 2.0]),
    top_k=st.none() | st.integers(1, 4),
    top_p=st.none() | st.sampled_from([0.5, 0.9, 1.0]),
)
def test_the_engine_and_enumeration_agree_on_the_whole_conditional_distribution(
    constraints: Constraints, lengths: list[int], seed: int, temperature: float, top_k: int | None, top_p: float | None
) -> None:
    """The chance of each allowed name, as the product of the engine's conditional steps, to 1e-9 relative."""
    asked = Settings(temperature, top_k, top_p, *lengths)
    table = random_table(seed)
    expected = enumerate_allowed(table, constraints, asked)
    automaton = compile_constraints(constraints, ABC)
    if not expected:
        with pytest.raises(UnsatisfiableError):
            Sampler(table, asked, automaton)
        return
    total = math.fsum(expected.values())
    sampler = Sampler(table, asked, automaton)
    assert sampler.probability == pytest.approx(total, rel=1e-9)
    assume(automaton is not None)
    assert automaton is not None
    plan = make_plan(shape_distribution(table.log_probs, asked), automaton, *lengths)
    for name, chance in expected.items():
        node, product = 0, 1.0
        for so_far, symbol in enumerate((*ABC.encode(name), 0)):
            weights = plan.weights(np.array([node]), so_far)[0]
            product *= weights[symbol] / weights.sum()
            node = int(plan.moves[node, symbol])
        assert product == pytest.approx(chance / total, rel=1e-9)


@pytest.mark.parametrize(
    "constraints",
    [
        Constraints(prefix="a", suffix="b"),
        Constraints(contains="ca", blocked=("ab",)),
        Constraints(pattern="(.*a){2}.*"),
        Constraints(prefix="b", pattern="[^c]*", suffix="a"),
    ],
)
def test_drawn_names_have_the_enumerated_frequencies(constraints: Constraints) -> None:
    """Chi-square over 50,000 names, names expected fewer than 5 times put together; p > 1e-4."""
    table, asked, count = random_table(3), Settings(max_length=LONGEST), 50_000
    expected = enumerate_allowed(table, constraints, asked)
    total = math.fsum(expected.values())
    sampler = Sampler(table, asked, compile_constraints(constraints, ABC))
    drawn = Counter(name for draws in sampler.draw(11, count) for name in draws.decode(ABC))
    assert drawn.keys() <= expected.keys()
    common = [name for name, chance in expected.items() if count * chance / total >= 5]
    observed = [drawn[name] for name in common]
    wanted = [count * expected[name] / total for name in common]
    observed.append(count - sum(observed))
    wanted.append(count - sum(wanted))
    if wanted[-1] < 1e-6:
        observed, wanted = observed[:-1], wanted[:-1]
    assert chisquare(observed, np.array(wanted) * sum(observed) / sum(wanted)).pvalue > 1e-4


TWENTY = [
    (Constraints(), (4, 8)),
    (Constraints(), (10, 64)),
    (Constraints(prefix="ka"), (1, 64)),
    (Constraints(prefix="ka"), (5, 8)),
    (Constraints(prefix="s", suffix="a"), (1, 64)),
    (Constraints(suffix="lyn"), (4, 8)),
    (Constraints(suffix="a"), (1, 64)),
    (Constraints(suffix="n"), (6, 6)),
    (Constraints(contains="ll"), (1, 64)),
    (Constraints(contains="ari"), (1, 10)),
    (Constraints(blocked=("a",)), (1, 64)),
    (Constraints(blocked=("an", "el", "ri")), (1, 64)),
    (Constraints(pattern="[aeiou].*"), (1, 64)),
    (Constraints(pattern=".*[^aeiou]{3}.*"), (1, 64)),
    (Constraints(pattern="([^aeiou][aeiou])+"), (1, 64)),
    (Constraints(pattern=".{3,5}(son|ley|na)"), (1, 64)),
    (Constraints(pattern="(.*a){3}.*"), (1, 12)),
    (Constraints(pattern=".*y", contains="e"), (1, 64)),
    (Constraints(prefix="j", contains="n", suffix="e"), (1, 64)),
    (Constraints(pattern="[a-m]+"), (1, 64)),
]


def test_probability_agrees_with_unconstrained_draws_of_the_bundled_model() -> None:
    """Twenty constraints, 10^6 draws, 4 standard errors each."""
    version = Store(BUNDLED).load("us-names")
    vocabulary, table = version.checkpoint.vocabulary, compile_table(version.checkpoint)
    count = 1_000_000
    # Names of over 64 letters are not drawn; a draw is made 1..64 letters long with probability `whole`.
    free = Sampler(table, Settings())
    names = Counter(name for draws in free.draw(5, count) for name in draws.decode(vocabulary))
    for constraints, lengths in TWENTY:
        asked = Settings(min_length=lengths[0], max_length=lengths[1])
        exact = Sampler(table, asked, compile_constraints(constraints, vocabulary)).probability / free.probability
        share = sum(times for name, times in names.items() if allowed(name, constraints, asked)) / count
        assert abs(share - exact) < 4 * math.sqrt(exact * (1 - exact) / count), (constraints, lengths)


def test_names_that_end_in_lyn_have_the_exact_share_of_the_longest_length() -> None:
    """Masking step by step would put most names at the maximum length."""
    version = Store(BUNDLED).load("us-names")
    vocabulary, table = version.checkpoint.vocabulary, compile_table(version.checkpoint)
    automaton = compile_constraints(Constraints(suffix="lyn"), vocabulary)
    whole = Sampler(table, Settings(min_length=4, max_length=8), automaton)
    longest = Sampler(table, Settings(min_length=8, max_length=8), automaton)
    exact, count = longest.probability / whole.probability, 100_000
    share = sum(int((draws.lengths == 8).sum()) for draws in whole.draw(1, count)) / count
    assert abs(share - exact) < 4 * math.sqrt(exact * (1 - exact) / count)
    assert exact < 0.3


def test_a_plan_that_would_take_too_much_memory_is_refused() -> None:
    table = random_table(0, block_size=3)
    automaton = compile_constraints(Constraints(pattern=".*a.{8}"), ABC)
    assert automaton is not None
    plan = make_plan(np.exp(table.log_probs), automaton, 1, 12)
    assert plan.nbytes < MAX_BYTES
    bundled = compile_table(Store(BUNDLED).load("us-names").checkpoint)
    wide = compile_constraints(Constraints(pattern=".*a.{8}"), Store(BUNDLED).load("us-names").checkpoint.vocabulary)
    with pytest.raises(ConstraintError, match="too complex"):
        Sampler(bundled, Settings(), wide)


def test_a_pattern_of_many_states_is_refused_while_its_states_are_being_found() -> None:
    """Few lengths make few chances; the states themselves must count too."""
    version = Store(BUNDLED).load("us-names")
    automaton = compile_constraints(Constraints(pattern="((.{20}){14})*"), version.checkpoint.vocabulary)
    with pytest.raises(ConstraintError, match="too complex"):
        Sampler(compile_table(version.checkpoint), Settings(), automaton)


def test_only_states_within_the_greatest_length_are_looked_for() -> None:
    version = Store(BUNDLED).load("us-names")
    table = compile_table(version.checkpoint)
    automaton = compile_constraints(Constraints(pattern=".{1,60}"), version.checkpoint.vocabulary)
    with pytest.raises(ConstraintError, match="too complex"):
        Sampler(table, Settings(), automaton)
    short = Sampler(table, Settings(max_length=2), automaton)
    assert short.probability == pytest.approx(Sampler(table, Settings(max_length=2)).probability, rel=1e-12)
    assert short.nbytes < 30_000_000


@pytest.mark.parametrize(
    ("symbols", "block_size", "fits"), [(27, 3, True), (27, 4, False), (60, 3, True), (100, 3, False), (200, 2, True)]
)
def test_a_model_too_large_to_sample_from_is_told_before_training(symbols: int, block_size: int, fits: bool) -> None:
    if fits:
        check_contexts(symbols, block_size)
    else:
        with pytest.raises(TableTooLargeError, match="smaller --block-size"):
            check_contexts(symbols, block_size)
