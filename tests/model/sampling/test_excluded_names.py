"""Names kept away from a list, against every name of a small world that is not in it."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from model.constraints.automata import Automaton
from model.constraints.compile_constraints import Constraints, compile_block_list, compile_constraints
from model.errors import UnsatisfiableError
from model.sampling import plan as plans
from model.sampling.sampler import Sampler
from model.store.store import BUNDLED, Store
from model.text.names import NameSet
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Transitions
from model.transitions.shaping import ShapeSettings, shape_distribution

ABC = Vocabulary(("a", "b", "c"))
LONGEST = 5
EVERY_NAME = ["".join(letters) for k in range(1, LONGEST + 1) for letters in itertools.product("abc", repeat=k)]


def random_table(seed: int, block_size: int = 2) -> Transitions:
    logits = np.random.default_rng(seed).normal(size=(ABC.size**block_size, ABC.size)) * 1.5
    return Transitions.dense(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), block_size)


def enumerate_allowed(
    table: Transitions, constraints: Constraints, asked: ShapeSettings, blocked: tuple[str, ...], avoided: set[str]
) -> dict[str, float]:
    """Unconditioned chances, by walking windows of symbols."""
    shaped = shape_distribution(table.log_probs, asked)
    rows = dict(zip(itertools.product(range(ABC.size), repeat=table.block_size), shaped.tolist(), strict=True))
    found = {}
    for name in EVERY_NAME:
        if not (
            asked.min_length <= len(name) <= asked.max_length
            and name.startswith(constraints.prefix or "")
            and name.endswith(constraints.suffix or "")
            and (constraints.contains or "") in name
            and not any(word in name for word in blocked)
            and name not in avoided
        ):
            continue
        framed = [0] * table.block_size + ABC.encode(name) + [0]
        windows = [tuple(framed[i : i + table.block_size]) for i in range(len(name) + 1)]
        found[name] = math.prod(rows[w][s] for w, s in zip(windows, framed[table.block_size :], strict=True))
    return {name: chance for name, chance in found.items() if chance > 0}


def automata(constraints: Constraints, blocked: tuple[str, ...] = ()) -> list[Automaton]:
    parts = (compile_constraints(constraints, ABC), compile_block_list(frozenset(blocked), ABC))
    return [part for part in parts if part is not None]


@contextmanager
def form_of_plan(layered: bool) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "MOST_LAYERS", 1 << 30 if layered else 0)
        patch.setattr(plans, "FEW_LAYERS", 1 << 30 if layered else 0)
        yield


@contextmanager
def never_begun_from(share: float) -> Iterator[None]:
    """From which share of the draws on a listed name is never begun: 2 for none of them, 0 for all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.sampling.sampler._PROBABLE", share)
        yield


def drawn(sampler: Sampler, seed: int | str, count: int, first: int = 0) -> list[str]:
    return [name for names in sampler.draw(seed, count, first) for name in names.decode(ABC)]


def rejects(sampler: Sampler) -> bool:
    """Whether names of the list may be begun, and are drawn again."""
    return len(sampler._rejected) > 0


def fits(observed: Counter[str], expected: dict[str, float]) -> float:
    """p-value of chi-square, names expected fewer than 5 times put together; 1 where there is nothing to choose."""
    count, total = sum(observed.values()), math.fsum(expected.values())
    assert observed.keys() <= expected.keys()
    wanted = {name: count * chance / total for name, chance in expected.items()}
    common = [name for name in wanted if wanted[name] >= 5]
    found = [observed[name] for name in common]
    hoped = [wanted[name] for name in common]
    if len(common) < len(wanted):
        found.append(count - sum(found))
        hoped.append(math.fsum(wanted[name] for name in wanted.keys() - set(common)))
    if len(found) < 2:
        return 1.0
    return float(chisquare(found, np.array(hoped) * count / sum(hoped)).pvalue)


WORDS = st.none() | st.text("abc", min_size=1, max_size=2)
CONSTRAINTS = st.builds(Constraints, WORDS, WORDS, WORDS)
BLOCKED = st.lists(st.text("abc", min_size=2, max_size=3), max_size=1).map(tuple)
LENGTHS = st.tuples(st.integers(1, LONGEST), st.integers(1, LONGEST)).map(sorted)
SHARES = st.sampled_from([2.0, 0.02, 0.0])
HOW_MANY = st.sampled_from(["few", "most by count", "most by mass", "all but one", "all"])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    constraints=CONSTRAINTS,
    blocked=BLOCKED,
    lengths=LENGTHS,
    seed=st.integers(0, 99),
    block_size=st.integers(1, 3),
    temperature=st.sampled_from([0.5, 1.0, 2.0]),
    top_k=st.none() | st.integers(2, 4),
    how_many=HOW_MANY,
    layered=st.booleans(),
    never_begun=SHARES,
    data=st.data(),
)
def test_probability_and_names_equal_enumeration_without_the_listed_ones(
    constraints: Constraints,
    blocked: tuple[str, ...],
    lengths: list[int],
    seed: int,
    block_size: int,
    temperature: float,
    top_k: int | None,
    how_many: str,
    layered: bool,
    never_begun: float,
    data: st.DataObject,
) -> None:
    """To 1e-9 relative, even where one name of the smallest chance is left."""
    asked = ShapeSettings(temperature, top_k, None, *lengths)
    table = random_table(seed, block_size)
    possible = enumerate_allowed(table, constraints, asked, blocked, set())
    assume(possible)
    ranked = sorted(possible, key=lambda name: -possible[name])
    listed = set(data.draw(st.lists(st.sampled_from(EVERY_NAME), max_size=30), label="some of all names"))
    if how_many == "most by count":
        listed |= set(ranked[1:])
        listed.discard(ranked[0])
    elif how_many == "most by mass":
        listed |= set(ranked[: -(len(ranked) // 2)])
    elif how_many == "all but one":
        left = data.draw(st.sampled_from(ranked), label="left")
        listed = (listed | set(ranked)) - {left}
    elif how_many == "all":
        listed |= set(ranked)
    expected = {name: chance for name, chance in possible.items() if name not in listed}
    with form_of_plan(layered), never_begun_from(never_begun):
        avoid = NameSet.listing(listed, ABC)
        if not expected:
            with pytest.raises(UnsatisfiableError, match="no name"):
                Sampler(table, asked, automata(constraints, blocked), avoid)
            return
        sampler = Sampler(table, asked, automata(constraints, blocked), avoid)
    total = math.fsum(expected.values())
    assert sampler.probability == pytest.approx(total, rel=1e-9)
    names = drawn(sampler, seed, 100)
    assert len(names) == 100
    assert set(names) <= expected.keys()
    best = [ABC.decode(ranked.symbols) for ranked in sampler.most_probable(3)]
    scores = sorted(expected.values(), reverse=True)[:3]
    assert [expected[name] for name in best] == pytest.approx(scores, rel=1e-8)


@pytest.mark.parametrize("layered", [True, False], ids=["layers", "no layers"])
@pytest.mark.parametrize("never_begun", [2.0, 0.01, 0.0], ids=["rejected", "both", "never begun"])
@pytest.mark.parametrize("share", [0.1, 0.6, 0.9, 0.999, 1 - 1e-6], ids=str)
@pytest.mark.parametrize(
    ("constraints", "asked"),
    [
        pytest.param(Constraints(), ShapeSettings(max_length=LONGEST), id="free"),
        pytest.param(Constraints(contains="a"), ShapeSettings(min_length=2, max_length=LONGEST), id="contains a"),
        pytest.param(Constraints(), ShapeSettings(top_k=3, min_length=2, max_length=LONGEST), id="top_k and lengths"),
    ],
)
def test_names_beside_a_list_have_the_enumerated_frequencies(
    constraints: Constraints, asked: ShapeSettings, share: float, never_begun: float, layered: bool
) -> None:
    """The list holds the most probable names, up to a share of the mass; chi-square over 20,000 names, p > 1e-4."""
    table = random_table(7)
    possible = enumerate_allowed(table, constraints, asked, (), set())
    total, mass, listed = math.fsum(possible.values()), 0.0, set[str]()
    for name in sorted(possible, key=lambda name: -possible[name])[:-1]:
        if mass + possible[name] <= share * total:
            mass += possible[name]
            listed.add(name)
    expected = {name: chance for name, chance in possible.items() if name not in listed}
    assert listed
    with form_of_plan(layered), never_begun_from(never_begun):
        sampler = Sampler(table, asked, automata(constraints), NameSet.listing(listed, ABC))
    if share < 0.5 or share > 0.8:  # between them it depends on what the lengths leave
        assert rejects(sampler) == (share < 0.5 and never_begun > min(possible[name] for name in listed))
    if rejects(sampler):
        assert sampler.plan.layered == layered
    assert fits(Counter(drawn(sampler, 3, 20_000)), expected) > 1e-4


def test_both_ways_to_keep_away_give_the_same_law_on_the_same_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of about half the mass, rejected and never begun."""
    table, asked = random_table(11), ShapeSettings(max_length=LONGEST)
    possible = enumerate_allowed(table, Constraints(), asked, (), set())
    listed = set(sorted(possible)[::2])
    expected = {name: chance for name, chance in possible.items() if name not in listed}
    probabilities = []
    for least in (0.25, 1.0):
        monkeypatch.setattr("model.sampling.sampler.LEAST_ACCEPTED", least)
        with never_begun_from(2.0):
            sampler = Sampler(table, asked, avoid=NameSet.listing(listed, ABC))
        assert rejects(sampler) == (least == 0.25)
        probabilities.append(sampler.probability)
        assert fits(Counter(drawn(sampler, 5, 30_000)), expected) > 1e-4
    assert probabilities[0] == pytest.approx(probabilities[1], rel=1e-12)
    assert probabilities[0] == pytest.approx(math.fsum(expected.values()), rel=1e-12)


@pytest.mark.parametrize("left", ["a", "c", "bca", "abcab", "ccccc"])
@pytest.mark.parametrize("layered", [True, False], ids=["layers", "no layers"])
def test_all_but_one_name_leave_that_one(left: str, layered: bool) -> None:
    with form_of_plan(layered):
        avoid = NameSet.listing(set(EVERY_NAME) - {left}, ABC)
        sampler = Sampler(random_table(2), ShapeSettings(max_length=LONGEST), avoid=avoid)
    expected = enumerate_allowed(random_table(2), Constraints(), ShapeSettings(max_length=LONGEST), (), set())
    assert sampler.probability == pytest.approx(expected[left], rel=1e-9)
    assert drawn(sampler, 0, 500) == [left] * 500


@pytest.mark.parametrize("layered", [True, False], ids=["layers", "no layers"])
def test_a_list_of_all_names_leaves_nothing_to_draw(layered: bool) -> None:
    with form_of_plan(layered), pytest.raises(UnsatisfiableError, match="no name"):
        Sampler(random_table(2), ShapeSettings(max_length=LONGEST), avoid=NameSet.listing(EVERY_NAME, ABC))


def test_listed_names_that_cannot_be_drawn_anyway_change_nothing() -> None:
    """Too long, or outside the alphabet, or against the automata."""
    table, asked = random_table(4), ShapeSettings(min_length=2, max_length=4)
    for constraints in (Constraints(), Constraints(prefix="a")):
        plain = Sampler(table, asked, automata(constraints))
        strangers = ["a", "abcab", "xyz"] + (["bb", "cab"] if constraints.prefix else [])
        beside = Sampler(table, asked, automata(constraints), NameSet.listing(strangers, ABC))
        assert beside.probability == plain.probability
        assert drawn(beside, 1, 2_000) == drawn(plain, 1, 2_000)


def test_a_name_that_is_not_listed_first_is_the_one_that_comes_without_a_list() -> None:
    """Rejection keeps what was accepted: where no listed name is probable, name i changes only where it was listed."""
    table, asked, listed = random_table(9), ShapeSettings(max_length=LONGEST), {"a", "b", "ab", "cab"}
    plain = drawn(Sampler(table, asked), 8, 5_000)
    with never_begun_from(2.0):
        sampler = Sampler(table, asked, avoid=NameSet.listing(listed, ABC))
    assert rejects(sampler)
    beside = drawn(sampler, 8, 5_000)
    assert all(a == b for a, b in zip(plain, beside, strict=True) if a not in listed)
    assert sum(name in listed for name in plain) > 500


@pytest.mark.parametrize("layered", [True, False], ids=["layers", "no layers"])
@pytest.mark.parametrize("never_begun", [2.0, 0.01, 0.0], ids=["rejected", "both", "never begun"])
@pytest.mark.parametrize("share", [0.2, 0.95], ids=["few", "most"])
def test_name_i_depends_on_the_seed_and_i_alone(share: float, never_begun: float, layered: bool) -> None:
    """Over counts, chunks, threads' worth of rows already made, and a list given in another order."""
    table, asked = random_table(1), ShapeSettings(max_length=LONGEST)
    possible = enumerate_allowed(table, Constraints(), asked, (), set())
    total, listed = math.fsum(possible.values()), set[str]()
    for name in sorted(possible, key=lambda name: -possible[name]):
        if math.fsum(possible[n] for n in listed | {name}) <= share * total:
            listed.add(name)
    with form_of_plan(layered), never_begun_from(never_begun):
        samplers = [
            Sampler(table, asked, avoid=NameSet.listing(given, ABC))
            for given in (sorted(listed), sorted(listed, reverse=True))
        ]
    assert [rejects(sampler) for sampler in samplers] == [share < 0.5 and never_begun > 0] * 2
    samplers[1].get_ready()
    whole = drawn(samplers[0], "i", 20_000)
    assert not listed & set(whole)
    for first, count in [
        (0, 1),
        (0, 63),
        (0, 64),
        (0, 65),
        (8_190, 5),
        (8_192, 1),
        (8_191, 1),
        (1, 8_192),
        (5_000, 15_000),
    ]:
        assert drawn(samplers[0], "i", count, first) == whole[first : first + count]
        assert drawn(samplers[1], "i", count, first) == whole[first : first + count]
    assert drawn(samplers[0], "j", 100) != whole[:100]


def test_new_names_of_the_bundled_model_are_never_training_names() -> None:
    """At two temperatures, one for each way: with the exact share of new names among 200,000 plain draws, and the most
    probable new ones as often as they should be (chi-square, p > 1e-4)."""
    version = Store(BUNDLED).load("us-names")
    vocabulary, table = version.checkpoint.vocabulary, version.transitions
    known = version.training_names
    assert known is not None
    avoid = NameSet.listing(known, vocabulary)
    for temperature, rejected in ((1.0, True), (0.4, False)):
        asked = ShapeSettings(temperature)
        plain, beside = Sampler(table, asked), Sampler(table, asked, avoid=avoid)
        assert rejects(beside) == rejected
        exact, count = beside.probability / plain.probability, 200_000
        new = Counter(name for names in beside.draw(1, count) for name in names.decode(vocabulary))
        ready = Sampler(table, asked, avoid=avoid)
        ready.get_ready()
        assert new == Counter(name for names in ready.draw(1, count) for name in names.decode(vocabulary))
        assert not known & new.keys()
        best = {vocabulary.decode(found.symbols): math.exp(found.log_prob) for found in beside.most_probable(300)}
        expected = {**best, "others": beside.probability - math.fsum(best.values())}
        observed = Counter({name: new[name] for name in best})
        observed["others"] = count - observed.total()
        assert fits(observed, expected) > 1e-4
        share = sum(name not in known for d in plain.draw(2, count) for name in d.decode(vocabulary)) / count
        assert abs(share - exact) < 4 * math.sqrt(exact * (1 - exact) / count)
