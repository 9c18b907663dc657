"""Conditional sampling against enumeration: every name of a small world, its probability and whether it is allowed."""

import itertools
import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from model.constraints.automata import Automaton
from model.constraints.compile_constraints import Constraints, compile_block_list, compile_constraints
from model.errors import ConstraintError, UnsatisfiableError
from model.sampling import plan as plans
from model.sampling.plan import MAX_BYTES, make_plan
from model.sampling.sampler import Sampler
from model.sampling.step_distributions import step_distributions
from model.store.store import BUNDLED, Store
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Transitions
from model.transitions.shaping import Shaped, ShapeSettings, shape_distribution

ABC = Vocabulary(("a", "b", "c"))
LONGEST = 6


def random_table(seed: int, block_size: int = 2) -> Transitions:
    logits = np.random.default_rng(seed).normal(size=(ABC.size**block_size, ABC.size)) * 1.5
    return Transitions.dense(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), block_size)


def probability(name: str, table: Transitions, probabilities: np.ndarray) -> float:
    """Chance of a whole name, by walking tuples of symbols rather than row numbers."""
    context, product = (0,) * table.block_size, 1.0
    for symbol in (*ABC.encode(name), 0):
        row = sum(c * ABC.size**k for k, c in enumerate(reversed(context)))
        product *= probabilities[row, symbol]
        context = (*context[1:], symbol)
    return product


def allowed(name: str, constraints: Constraints, lengths: ShapeSettings, blocked: tuple[str, ...] = ()) -> bool:
    return (
        lengths.min_length <= len(name) <= lengths.max_length
        and name.startswith(constraints.prefix or "")
        and name.endswith(constraints.suffix or "")
        and (constraints.contains or "") in name
        and (constraints.pattern is None or re.fullmatch(constraints.pattern, name) is not None)
        and not any(word in name for word in blocked)
    )


def automata(constraints: Constraints, blocked: tuple[str, ...] = (), vocabulary: Vocabulary = ABC) -> list[Automaton]:
    parts = (compile_constraints(constraints, vocabulary), compile_block_list(frozenset(blocked), vocabulary))
    return [part for part in parts if part is not None]


def enumerate_allowed(
    table: Transitions, constraints: Constraints, asked: ShapeSettings, blocked: tuple[str, ...] = ()
) -> dict[str, float]:
    shaped = shape_distribution(table.log_probs, asked)
    names = ("".join(letters) for k in range(1, LONGEST + 1) for letters in itertools.product("abc", repeat=k))
    found = {name: probability(name, table, shaped) for name in names if allowed(name, constraints, asked, blocked)}
    return {name: chance for name, chance in found.items() if chance > 0}


WORDS = st.none() | st.text("abc", min_size=1, max_size=2)
PATTERNS = st.none() | st.sampled_from(
    ["a.*", "[ab]+c?", "(ab|c)*", ".{2,4}", "(.*a){2}.*", "[^c]*", "a?b+.*c", "(a|b|c){3}", ".*(ab|ca)"]
)
CONSTRAINTS = st.builds(Constraints, WORDS, WORDS, WORDS, PATTERNS)
BLOCKED = st.lists(st.text("abc", min_size=2, max_size=3), max_size=2).map(tuple)
LENGTHS = st.tuples(st.integers(1, LONGEST), st.integers(1, LONGEST)).map(sorted)


@settings(max_examples=200, deadline=None)
@given(
    constraints=CONSTRAINTS,
    blocked=BLOCKED,
    lengths=LENGTHS,
    seed=st.integers(0, 99),
    block_size=st.integers(1, 3),
    temperature=st.sampled_from([0.5, 1.0, 2.0]),
    top_k=st.none() | st.integers(1, 4),
    top_p=st.none() | st.sampled_from([0.5, 0.9, 1.0]),
)
def test_the_sampler_and_enumeration_agree_on_the_whole_conditional_distribution(
    constraints: Constraints,
    blocked: tuple[str, ...],
    lengths: list[int],
    seed: int,
    block_size: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
) -> None:
    """The chance of each allowed name, as the product of the model's conditional steps, to 1e-9 relative."""
    asked = ShapeSettings(temperature, top_k, top_p, *lengths)
    table = random_table(seed, block_size)
    expected = enumerate_allowed(table, constraints, asked, blocked)
    if not expected:
        with pytest.raises(UnsatisfiableError):
            Sampler(table, asked, automata(constraints, blocked))
        return
    total = math.fsum(expected.values())
    sampler = Sampler(table, asked, automata(constraints, blocked))
    assert sampler.probability == pytest.approx(total, rel=1e-9)
    assert sampler.plan.layered
    for name, chance in expected.items():
        symbols = ABC.encode(name)
        steps = step_distributions(sampler.plan, symbols)
        product = math.prod(steps[i, symbol] for i, symbol in enumerate((*symbols, 0)))
        assert product == pytest.approx(chance / total, rel=1e-9)


@pytest.mark.parametrize(
    "constraints",
    [
        Constraints(prefix="a", suffix="b"),
        Constraints(contains="ca"),
        Constraints(pattern="(.*a){2}.*"),
        Constraints(prefix="b", pattern="[^c]*", suffix="a"),
    ],
)
@pytest.mark.parametrize("blocked", [(), ("ab",)])
def test_drawn_names_have_the_enumerated_frequencies(constraints: Constraints, blocked: tuple[str, ...]) -> None:
    """Chi-square over 50,000 names, names expected fewer than 5 times put together; p > 1e-4."""
    table, asked, count = random_table(3), ShapeSettings(max_length=LONGEST), 50_000
    expected = enumerate_allowed(table, constraints, asked, blocked)
    if not expected:
        with pytest.raises(UnsatisfiableError):
            Sampler(table, asked, automata(constraints, blocked))
        return
    total = math.fsum(expected.values())
    sampler = Sampler(table, asked, automata(constraints, blocked))
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
    (Constraints(pattern="[^a]*"), (1, 64)),
    (Constraints(contains="q"), (1, 64)),
    (Constraints(pattern="[aeiou].*"), (1, 64)),
    (Constraints(pattern=".*[^aeiou]{3}.*"), (1, 64)),
    (Constraints(pattern="([^aeiou][aeiou])+"), (1, 64)),
    (Constraints(pattern=".{3,5}(son|ley|na)"), (1, 64)),
    (Constraints(pattern="(.*a){3}.*"), (1, 12)),
    (Constraints(pattern=".*y", contains="e"), (1, 64)),
    (Constraints(prefix="j", contains="n", suffix="e"), (1, 64)),
    (Constraints(pattern="[a-m]+"), (1, 64)),
]


@pytest.mark.slow
def test_probability_agrees_with_unconstrained_draws_of_the_bundled_model() -> None:
    """Twenty constraints, 10^6 draws, 4 standard errors each."""
    version = Store(BUNDLED).load("us-names")
    vocabulary, table = version.checkpoint.vocabulary, version.transitions
    count = 1_000_000
    # Names of over 64 letters are not drawn; a draw is made 1..64 letters long with probability `whole`.
    free = Sampler(table, ShapeSettings())
    everything = Counter(name for draws in free.draw(5, count) for name in draws.decode(vocabulary))
    for constraints, lengths in TWENTY:
        asked = ShapeSettings(min_length=lengths[0], max_length=lengths[1])
        names = {name: times for name, times in everything.items() if allowed(name, constraints, asked)}
        for blocked in ((), ("an", "el", "ee", "oo")):
            sampler = Sampler(table, asked, automata(constraints, blocked, vocabulary))
            exact = sampler.probability / free.probability
            share = sum(times for name, times in names.items() if allowed(name, constraints, asked, blocked)) / count
            assert abs(share - exact) < 4 * math.sqrt(exact * (1 - exact) / count), (constraints, lengths, blocked)


def test_names_that_end_in_lyn_have_the_exact_share_of_the_longest_length() -> None:
    """Masking step by step would put most names at the maximum length."""
    version = Store(BUNDLED).load("us-names")
    vocabulary, table = version.checkpoint.vocabulary, version.transitions
    automaton = compile_constraints(Constraints(suffix="lyn"), vocabulary)
    whole = Sampler(table, ShapeSettings(min_length=4, max_length=8), automaton)
    longest = Sampler(table, ShapeSettings(min_length=8, max_length=8), automaton)
    exact, count = longest.probability / whole.probability, 100_000
    share = sum(int((draws.lengths == 8).sum()) for draws in whole.draw(1, count)) / count
    assert abs(share - exact) < 4 * math.sqrt(exact * (1 - exact) / count)
    assert exact < 0.3


def test_a_plan_that_would_take_too_much_memory_is_refused() -> None:
    table = random_table(0, block_size=3)
    automaton = compile_constraints(Constraints(pattern=".*a.{8}"), ABC)
    assert automaton is not None
    plan = make_plan(Shaped.of(table, ShapeSettings()), [automaton], 1, 12)
    assert plan.nbytes < MAX_BYTES
    bundled = Store(BUNDLED).load("us-names").transitions
    wide = compile_constraints(Constraints(pattern=".*a.{8}"), Store(BUNDLED).load("us-names").checkpoint.vocabulary)
    with pytest.raises(ConstraintError, match="too complex"):
        Sampler(bundled, ShapeSettings(), wide)


def test_only_nodes_within_the_greatest_length_are_looked_for() -> None:
    version = Store(BUNDLED).load("us-names")
    table = version.transitions
    automaton = compile_constraints(Constraints(pattern=".{1,60}"), version.checkpoint.vocabulary)
    assert automaton is not None
    long, short = Sampler(table, ShapeSettings(), automaton), Sampler(table, ShapeSettings(max_length=2), automaton)
    assert len(short.plan.graph) < 1_000 < len(long.plan.graph)
    for sampler, most in ((long, 60), (short, 2)):
        plain = Sampler(table, ShapeSettings(max_length=most)).probability
        assert sampler.probability == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize(
    ("constraints", "lengths"),
    [
        (Constraints(), (1, 64)),
        (Constraints(suffix="a"), (3, 9)),
        (Constraints(pattern="[aeiou].*"), (1, 7)),
        (Constraints(prefix="ka"), (2, 64)),
    ],
)
def test_both_forms_of_a_plan_give_the_same_distribution(
    constraints: Constraints, lengths: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two samples of the bundled model, one from each form, against each other: chi-square by length and by name."""
    version = Store(BUNDLED).load("us-names")
    vocabulary, table = version.checkpoint.vocabulary, version.transitions
    asked = ShapeSettings(min_length=lengths[0], max_length=lengths[1])
    samplers = []
    for most in (1 << 30, 0):
        monkeypatch.setattr(plans, "MOST_LAYERS", most)
        monkeypatch.setattr(plans, "FEW_LAYERS", most)
        samplers.append(Sampler(table, asked, automata(constraints, ("an", "be"), vocabulary)))
    assert [sampler.plan.layered for sampler in samplers] == [True, False]
    assert samplers[0].probability == pytest.approx(samplers[1].probability, rel=1e-9)
    counts = [
        Counter(n for d in sampler.draw(1 + i, 200_000) for n in d.decode(vocabulary))
        for i, sampler in enumerate(samplers)
    ]
    for key in (len, lambda name: name[:2], lambda name: name[-3:], lambda name: name):
        grouped = [Counter[object]() for _ in counts]
        for group, count in zip(grouped, counts, strict=True):
            for name, times in count.items():
                group[key(name)] += times
        common = [value for value in grouped[0] if grouped[0][value] + grouped[1][value] >= 20]
        table_of_counts = np.array([[group[value] for value in common] for group in grouped])
        rest = 200_000 - table_of_counts.sum(axis=1, keepdims=True)
        if rest.sum():
            table_of_counts = np.hstack([table_of_counts, rest])
        assert chi2_contingency(table_of_counts).pvalue > 1e-4
