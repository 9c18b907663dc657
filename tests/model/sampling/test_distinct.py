"""Names without repeats: the whole set, each once, in the law of draws without replacement."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from model.constraints.automata import Automaton
from model.constraints.compile_constraints import Constraints, compile_constraints
from model.errors import ConstraintError
from model.sampling import plan as plans
from model.sampling.sampler import Sampler
from model.store.store import BUNDLED, Store, Version
from model.text.names import NameSet
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Transitions
from model.transitions.shaping import ShapeSettings, shape_distribution

ABC = Vocabulary(("a", "b", "c"))
Key = TypeVar("Key")
LONGEST = 5
EVERY_NAME = ["".join(letters) for k in range(1, LONGEST + 1) for letters in itertools.product("abc", repeat=k)]


def random_table(seed: int, block_size: int = 2, spread: float = 1.5) -> Transitions:
    logits = np.random.default_rng(seed).normal(size=(ABC.size**block_size, ABC.size)) * spread
    return Transitions.dense(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), block_size)


def enumerate_allowed(
    table: Transitions, asked: ShapeSettings, allowed: Callable[[str], bool] = lambda _: True
) -> dict[str, float]:
    """Chances that sum to 1, by walking windows of symbols."""
    shaped = shape_distribution(table.log_probs, asked)
    rows = dict(zip(itertools.product(range(ABC.size), repeat=table.block_size), shaped.tolist(), strict=True))
    found = {}
    for name in EVERY_NAME:
        if asked.min_length <= len(name) <= asked.max_length and allowed(name):
            framed = [0] * table.block_size + ABC.encode(name) + [0]
            windows = [tuple(framed[i : i + table.block_size]) for i in range(len(name) + 1)]
            found[name] = math.prod(rows[w][s] for w, s in zip(windows, framed[table.block_size :], strict=True))
    total = math.fsum(found.values())
    return {name: chance / total for name, chance in found.items() if chance > 0}


@contextmanager
def form_of_plan(layered: bool) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "MOST_LAYERS", 1 << 30 if layered else 0)
        patch.setattr(plans, "FEW_LAYERS", 1 << 30 if layered else 0)
        patch.setattr(plans, "LEAST_ACCEPTED", 0.0)  # lengths may exclude much of the mass
        yield


def automaton_of(constraints: Constraints) -> Automaton | None:
    return compile_constraints(constraints, ABC)


def made(sampler: Sampler, seed: int | str, count: int) -> list[str]:
    return sampler.draw_distinct(seed, count).decode(ABC)


FORMS = pytest.mark.parametrize("layered", [True, False], ids=["layers", "no layers"])
PREFIXES = st.none() | st.text("abc", min_size=1, max_size=2)
LENGTHS = st.tuples(st.integers(1, LONGEST), st.integers(1, LONGEST)).map(sorted)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    constraints=st.builds(Constraints, PREFIXES, PREFIXES, PREFIXES),
    lengths=LENGTHS,
    seed=st.integers(0, 99),
    block_size=st.integers(1, 3),
    spread=st.sampled_from([0.3, 1.5, 6.0]),
    top_k=st.none() | st.integers(2, 3),
    layered=st.booleans(),
    listed=st.none() | st.sets(st.sampled_from(EVERY_NAME)) | st.just(set(EVERY_NAME[:100])),
)
def test_asking_for_more_names_than_there_are_brings_exactly_the_allowed_ones(
    constraints: Constraints,
    lengths: list[int],
    seed: int,
    block_size: int,
    spread: float,
    top_k: int | None,
    layered: bool,
    listed: set[str] | None,
) -> None:
    """Each once, in an order of which any shorter request brings the beginning."""
    table, asked = random_table(seed, block_size, spread), ShapeSettings(1.0, top_k, None, *lengths)

    def allowed(name: str) -> bool:
        return (
            name.startswith(constraints.prefix or "")
            and name.endswith(constraints.suffix or "")
            and (constraints.contains or "") in name
            and name not in (listed or ())
        )

    expected = enumerate_allowed(table, asked, allowed)
    assume(expected)
    with form_of_plan(layered):
        avoid = NameSet.listing(listed, ABC) if listed is not None else None
        automaton = automaton_of(constraints)
        sampler = Sampler(table, asked, [automaton] if automaton else [], avoid)
    names = made(sampler, seed, len(expected) + 3)
    assert len(names) == len(set(names)) == len(expected)
    assert set(names) == expected.keys()
    for count in {1, 2, len(expected) // 2, len(expected) - 1, len(expected), len(expected) + 1}:
        assert made(sampler, seed, count) == names[:count]


@FORMS
@pytest.mark.parametrize("lengths", [(1, 1), (5, 5), (4, 5), (1, 2), (3, 3)])
def test_lengths_that_exclude_much_of_the_mass_are_exhausted_too(lengths: tuple[int, int], layered: bool) -> None:
    table, asked = random_table(6), ShapeSettings(1.0, None, None, *lengths)
    with form_of_plan(layered):
        sampler = Sampler(table, asked)
    assert sampler.plan.layered == layered
    expected = [name for name in EVERY_NAME if lengths[0] <= len(name) <= lengths[1]]
    assert sorted(made(sampler, 0, 1_000)) == sorted(expected)


SMALL = {
    "free": (ShapeSettings(max_length=2), Constraints(), None),
    "one length": (ShapeSettings(min_length=2, max_length=2), Constraints(), None),
    "prefix": (ShapeSettings(max_length=3), Constraints(prefix="b"), None),
    "beside a few": (ShapeSettings(max_length=2), Constraints(), {"a", "bc", "cc"}),
    "beside most": (ShapeSettings(max_length=3), Constraints(), set(EVERY_NAME[3:33]) | {"a"}),
}


@FORMS
@pytest.mark.parametrize("world", SMALL.values(), ids=SMALL.keys())
def test_first_second_and_ordered_pairs_have_the_chances_of_draws_without_replacement(
    world: tuple[ShapeSettings, Constraints, set[str] | None], layered: bool
) -> None:
    """12,000 seeds, half of them strings; P(i, then j) = p_i p_j / (1 - p_i); chi-square, p > 1e-4."""
    asked, constraints, listed = world
    table, runs = random_table(21, spread=1.0), 12_000
    chances = enumerate_allowed(
        table, asked, lambda name: name.startswith(constraints.prefix or "") and name not in (listed or ())
    )
    with form_of_plan(layered):
        automaton = automaton_of(constraints)
        avoid = NameSet.listing(listed, ABC) if listed else None
        sampler = Sampler(table, asked, [automaton] if automaton else [], avoid)
    seeds: list[int | str] = [seed if seed % 2 else f"seed {seed}" for seed in range(runs)]
    pairs = Counter(tuple(made(sampler, seed, 2)) for seed in seeds)
    exact: dict[tuple[str, ...], float] = {
        (i, j): p * q / (1 - p) for (i, p), (j, q) in itertools.permutations(chances.items(), 2)
    }
    second = {j: math.fsum(chance for pair, chance in exact.items() if pair[1] == j) for j in chances}
    assert len(chances) >= 6
    assert p_value(pairs, exact) > 1e-4
    assert p_value(by(pairs, 0), chances) > 1e-4
    assert p_value(by(pairs, 1), second) > 1e-4
    # The second name's law is told apart from the first one's, so the test above can fail.
    assert p_value(by(pairs, 1), chances) < 1e-4


def by(pairs: Counter[tuple[str, ...]], place: int) -> Counter[str]:
    found = Counter[str]()
    for pair, times in pairs.items():
        found[pair[place]] += times
    return found


def p_value(observed: Counter[Key], exact: dict[Key, float]) -> float:
    """Chi-square, what is expected fewer than 5 times put together."""
    assert observed.keys() <= exact.keys()
    count = sum(observed.values())
    common = [key for key, chance in exact.items() if count * chance >= 5]
    found = [observed[key] for key in common]
    hoped = [count * exact[key] for key in common]
    if len(common) < len(exact):
        found.append(count - sum(found))
        hoped.append(count * math.fsum(chance for key, chance in exact.items() if count * chance < 5))
        if hoped[-1] < 5:
            found[-2:], hoped[-2:] = [sum(found[-2:])], [sum(hoped[-2:])]
    return float(chisquare(found, np.array(hoped) * count / sum(hoped)).pvalue)


@FORMS
def test_the_whole_order_has_the_chances_of_draws_without_replacement(layered: bool) -> None:
    """Four names, 24 orders: P = product of p / (1 - those before)."""
    table, runs = random_table(33, spread=0.7), 12_000
    kept = {"a", "b", "ca", "cb"}
    chances = enumerate_allowed(table, ShapeSettings(max_length=2), lambda name: name in kept)
    with form_of_plan(layered):
        avoid = NameSet.listing(set(EVERY_NAME) - kept, ABC)
        sampler = Sampler(table, ShapeSettings(max_length=2), avoid=avoid)
    exact: dict[tuple[str, ...], float] = {}
    for order in itertools.permutations(sorted(kept)):
        left, product = 1.0, 1.0
        for name in order:
            product, left = product * chances[name] / left, left - chances[name]
        exact[order] = product
    orders = Counter(tuple(made(sampler, seed, 10)) for seed in range(runs))
    assert math.fsum(exact.values()) == pytest.approx(1)
    assert p_value(orders, exact) > 1e-4


@FORMS
def test_distinct_names_have_the_law_of_the_distinct_names_of_the_ordinary_stream(layered: bool) -> None:
    """The third new name of each: two samples of 6,000 seeds against each other."""
    table, asked, runs = random_table(5), ShapeSettings(max_length=3), 6_000
    with form_of_plan(layered):
        sampler = Sampler(table, asked)
    third = Counter(made(sampler, seed, 3)[2] for seed in range(runs))
    plain = Counter[str]()
    for seed in range(runs):
        seen: dict[str, None] = {}
        first = 0
        while len(seen) < 3:
            for draws in sampler.draw(f"plain {seed}", 8, first):
                seen.update(dict.fromkeys(draws.decode(ABC)))
            first += 8
        plain[list(seen)[2]] += 1
    common = [name for name in third | plain if third[name] + plain[name] >= 20]
    rows = [[counts[name] for name in common] for counts in (third, plain)]
    rows = [[*row, runs - sum(row)] for row in rows]
    assert len(common) > 15
    assert chi2_contingency(np.array(rows)).pvalue > 1e-4


@FORMS
def test_a_used_sampler_and_a_fresh_one_give_a_seed_the_same_names(layered: bool) -> None:
    """What was drawn before leaves no trace."""
    table, asked = random_table(8), ShapeSettings(max_length=4)
    with form_of_plan(layered):
        used, fresh = Sampler(table, asked), Sampler(table, asked)
    for _ in used.draw(0, 5_000):
        pass
    made(used, 3, 50)
    for seed in (0, 7, "seven"):
        assert made(used, seed, 40) == made(fresh, seed, 40)
    assert made(used, 0, 40) != made(used, 1, 40)


def test_no_names_are_no_names() -> None:
    assert made(Sampler(random_table(1), ShapeSettings()), 0, 0) == []


def test_one_name_that_is_left_beside_a_long_list_is_found() -> None:
    """The search opens all beginnings of all 9,840 names for it, whatever it is asked for."""
    longest = 8
    every = ["".join(letters) for k in range(1, longest + 1) for letters in itertools.product("abc", repeat=k)]
    for left in ("a", "cccccccc", "abcabcab"):
        avoid = NameSet.listing(set(every) - {left}, ABC)
        sampler = Sampler(random_table(2), ShapeSettings(max_length=longest), avoid=avoid)
        for count in (1, 2):
            assert made(sampler, 0, count) == [left]


def test_a_long_list_of_two_letter_names_leaves_room_for_one_name() -> None:
    """Twelve letters of two, 8,190 names: more beginnings than a request for one name would need without a list."""
    vocabulary = Vocabulary(("a", "b"))
    logits = np.random.default_rng(0).normal(size=(9, 3))
    table = Transitions.dense(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), 2)
    for longest in (12, 13):
        every = ["".join(x) for k in range(1, longest + 1) for x in itertools.product("ab", repeat=k)]
        left = "ab" * 6
        sampler = Sampler(
            table, ShapeSettings(max_length=longest), avoid=NameSet.listing(set(every) - {left}, vocabulary)
        )
        assert sampler.draw_distinct(0, 1).decode(vocabulary) == [left]


def test_a_search_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.sampling.sampler._RECORD_BYTES", 20 * (8 * ABC.size + 56))
    sampler = Sampler(random_table(1), ShapeSettings(max_length=40))
    assert len(made(sampler, 0, 2)) == 2
    with pytest.raises(ConstraintError, match="too many"):
        made(sampler, 0, 100)


@pytest.fixture(scope="module")
def version() -> Version:
    return Store(BUNDLED).load("us-names")


@pytest.mark.parametrize(
    "asked", [ShapeSettings(), ShapeSettings(min_length=4, max_length=8), ShapeSettings(0.3)], ids=str
)
@pytest.mark.parametrize("new", [False, True], ids=["any", "new names"])
def test_5_000_names_of_the_bundled_model_are_all_different(asked: ShapeSettings, new: bool, version: Version) -> None:
    vocabulary, table = version.checkpoint.vocabulary, version.transitions
    known = version.training_names
    assert known is not None
    sampler = Sampler(table, asked, avoid=NameSet.listing(known, vocabulary) if new else None)
    names = sampler.draw_distinct("many", 5_000).decode(vocabulary)
    assert len(set(names)) == len(names) == 5_000
    assert all(asked.min_length <= len(name) <= asked.max_length for name in names)
    assert sampler.draw_distinct("many", 700).decode(vocabulary) == names[:700]
    assert bool(known.intersection(names)) != new


def test_the_first_of_the_distinct_names_has_the_law_of_any_name_of_the_bundled_model(version: Version) -> None:
    """Lengths of 4,000 first names against the exact chances of lengths, from plans for one length each."""
    table, runs = version.transitions, 4_000
    sampler = Sampler(table, ShapeSettings())
    lengths = [int(sampler.draw_distinct(seed, 1).lengths[0]) for seed in range(runs)]
    exact = {
        n: Sampler(table, ShapeSettings(min_length=n, max_length=n)).probability / sampler.probability
        for n in range(1, 20)
    }
    exact[0] = 1 - math.fsum(exact.values())
    assert p_value(Counter(n if n < 20 else 0 for n in lengths), exact) > 1e-4
