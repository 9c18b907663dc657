"""Context trees against brute force over all names: states, rows, constraints, settings, facts, blends, files."""

import itertools
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from model.constraints.compile_constraints import Constraints, compile_constraints
from model.errors import StoreError, UnsatisfiableError
from model.measures.divergence import NameChain, divergence
from model.measures.facts import facts
from model.network.checkpoint_header import Header
from model.sampling.language_model import LanguageModel
from model.sampling.sampler import Sampler
from model.store.table_file import parse_table, table_file
from model.text.names import Names, NameSet
from model.text.vocabulary import Vocabulary
from model.transitions.blending import blend
from model.transitions.context_tree import ContextTree
from model.transitions.shaping import ShapeSettings
from tests.model.trees import Context, Told, longest, random_tree

ABC = Vocabulary(("a", "b", "c"))
LONGEST = 5
DIGEST = "d" * 64
TREES = st.builds(
    random_tree,
    st.integers(0, 10_000),
    st.just(4),
    sparse=st.booleans(),
    impossible=st.sampled_from([0.0, 0.2]),
    contexts=st.integers(0, 25),
)
SHAPES = st.sampled_from(
    [(1.0, None, None), (0.6, None, None), (1.7, None, None), (1.0, 2, None), (1.3, 3, 0.8), (1.0, None, 0.7)]
)
LENGTHS = st.tuples(st.integers(1, LONGEST), st.integers(1, LONGEST)).map(sorted)
CONSTRAINTS = st.builds(
    Constraints,
    st.none() | st.text("abc", min_size=1, max_size=2),
    st.none() | st.text("abc", min_size=1, max_size=2),
    st.none() | st.text("abc", min_size=1, max_size=2),
    st.sampled_from([None, ".*(ab|c).*", "(a|b){2}.?.?", ".{1,4}c?"]),
)


def meets(name: str, asked: Constraints) -> bool:
    return (
        name.startswith(asked.prefix or "")
        and name.endswith(asked.suffix or "")
        and (asked.contains or "") in name
        and (asked.pattern is None or re.fullmatch(asked.pattern, name) is not None)
    )


def conditional(
    told: Told, how: ShapeSettings, asked: Constraints, avoid: frozenset[str] = frozenset()
) -> dict[str, float]:
    """What an unconditioned draw gives of the names that meet all of it."""
    every = {ABC.decode(letters): chance for letters, chance in told.names(how.max_length, how).items()}
    return {
        name: chance
        for name, chance in every.items()
        if how.min_length <= len(name) and meets(name, asked) and name not in avoid
    }


@given(told=TREES, letters=st.lists(st.integers(1, 3), max_size=9))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_the_state_is_the_longest_suffix_that_the_tree_holds_and_has_its_row(told: Told, letters: list[int]) -> None:
    transitions = told.tree.transitions()
    state = transitions.state(letters)
    context = longest((0, *letters), told.rows)
    assert told.tree.contexts()[state] == context
    assert np.exp(transitions.rows(np.array([state]))[0][0]) == pytest.approx(told.rows[context], rel=1e-9)
    assert np.exp(transitions.log_probs).sum(axis=1) == pytest.approx(1, abs=1e-12)


@given(told=TREES, shape=SHAPES, names=st.lists(st.lists(st.integers(1, 3), max_size=6), min_size=1, max_size=6))
@settings(deadline=None, derandomize=True, max_examples=150)
def test_scores_are_the_chain_of_next_characters(
    told: Told, shape: tuple[float, int | None, float | None], names: list[list[int]]
) -> None:
    language_model = LanguageModel(told.tree.transitions())
    scores = np.split(language_model.log_probs(Names.of(names)), np.cumsum([len(name) + 1 for name in names])[:-1])
    for name, found in zip(names, scores, strict=True):
        for place, symbol in enumerate((*name, 0)):
            following = language_model.next_probabilities(name[:place], ShapeSettings())
            if found[place] == -np.inf:
                break  # what follows the impossible has no meaning
            assert math.exp(found[place]) == pytest.approx(following[symbol], rel=1e-12)
    how = ShapeSettings(*shape)
    expected = told.names(6, how)
    assume(any(expected))  # of a model that gives no names nothing can be asked
    sampler = language_model.sampler(how, [])
    for name, found_whole in zip(names, np.exp(sampler.log_probs(Names.of(names))), strict=True):
        assert found_whole == pytest.approx(expected.get(tuple(name), 0.0), rel=1e-9)


@given(told=TREES, shape=SHAPES, lengths=LENGTHS, asked=CONSTRAINTS, data=st.data())
@settings(deadline=None, derandomize=True, max_examples=250)
def test_constraints_settings_and_lists_are_met_as_enumeration_says(
    told: Told,
    shape: tuple[float, int | None, float | None],
    lengths: list[int],
    asked: Constraints,
    data: st.DataObject,
) -> None:
    how = ShapeSettings(*shape, *lengths)
    every = conditional(told, how, asked)
    avoid = frozenset(data.draw(st.lists(st.sampled_from(sorted(every)), max_size=4))) if every else frozenset[str]()
    expected = {name: chance for name, chance in every.items() if name not in avoid}
    automaton = compile_constraints(asked, ABC)
    listing = NameSet.listing(avoid, ABC) if avoid else None
    try:
        sampler = Sampler(told.tree.transitions(), how, automaton, listing)
    except UnsatisfiableError:
        assert not expected
        return
    assert expected
    total = math.fsum(expected.values())
    assert sampler.probability == pytest.approx(total, rel=1e-9)
    assert {name for names in sampler.draw(1, 50) for name in names.decode(ABC)} <= expected.keys()
    ordered = sorted(expected, key=lambda name: (-round(math.log(expected[name]), 8), ABC.encode(name)))
    ranked = [ABC.decode(each.symbols) for each in sampler.most_probable(len(expected) + 1)]
    assert sorted(ranked) == sorted(expected)
    assert [round(math.log(expected[name]), 6) for name in ranked] == [
        round(math.log(expected[name]), 6) for name in ordered
    ]
    assert sorted(sampler.draw_distinct(3, len(expected) + 5).decode(ABC)) == sorted(expected)
    if not avoid:
        name = ABC.encode(max(expected, key=expected.__getitem__))
        steps = sampler.stepper()(name)
        chain = math.prod(steps[place][symbol] for place, symbol in enumerate((*name, 0)))
        assert chain == pytest.approx(expected[ABC.decode(name)] / total, rel=1e-9)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("how", "asked", "avoided"),
    [
        (ShapeSettings(max_length=4), Constraints(), 0),
        (ShapeSettings(0.7, None, None, 2, 4), Constraints(contains="b"), 0),
        (ShapeSettings(1.0, 3, None, 1, 4), Constraints(suffix="a"), 3),
        (ShapeSettings(max_length=5), Constraints(prefix="a"), 30),
    ],
)
def test_draws_have_the_enumerated_frequencies(
    sparse: bool, how: ShapeSettings, asked: Constraints, avoided: int
) -> None:
    told = random_tree(11, 4, sparse=sparse, contexts=20)
    every = conditional(told, how, asked)
    probable = sorted(every, key=every.__getitem__, reverse=True)[:avoided]
    expected = {name: chance for name, chance in every.items() if name not in probable}
    listing = NameSet.listing(probable, ABC) if probable else None
    sampler = Sampler(told.tree.transitions(), how, compile_constraints(asked, ABC), listing)
    count = 100_000
    drawn = [name for names in sampler.draw("chi", count) for name in names.decode(ABC)]
    total = math.fsum(expected.values())
    common = [name for name in expected if expected[name] / total * count >= 5]
    seen = [drawn.count(name) for name in common]
    wanted = [expected[name] / total * count for name in common]
    rest = count - sum(wanted)
    if rest > 1:
        seen, wanted = [*seen, count - sum(seen)], [*wanted, rest]
    assert chisquare(seen, np.array(wanted) * (sum(seen) / sum(wanted))).pvalue > 1e-4


@given(told=TREES, other=TREES)
@settings(deadline=None, derandomize=True, max_examples=60)
def test_facts_and_divergence_are_sums_over_all_names(told: Told, other: Told) -> None:
    names = {name: chance for name, chance in told.names(LONGEST).items() if name}
    others = {name: chance for name, chance in other.names(LONGEST).items() if name}
    assume(names and others)
    total, of_others = math.fsum(names.values()), math.fsum(others.values())
    listed = [ABC.decode(name) for name in list(names)[::3]]
    found = facts(told.tree.transitions(), NameSet.listing(listed, ABC), LONGEST)
    shares = {name: chance / total for name, chance in names.items()}
    assert found.entropy == pytest.approx(-math.fsum(p * math.log(p) for p in shares.values()), rel=1e-8, abs=1e-9)
    assert found.expected_length == pytest.approx(math.fsum(p * len(name) for name, p in shares.items()), rel=1e-9)
    assert found.training_mass == pytest.approx(math.fsum(shares[tuple(ABC.encode(name))] for name in listed), rel=1e-9)
    first, second = (NameChain(each.tree.transitions(), ABC) for each in (told, other))
    between = divergence(first, second, LONGEST)
    if names.keys() - others.keys():
        assert between.per_name == math.inf
    else:
        expected = math.fsum(p * math.log(p / (others[name] / of_others)) for name, p in shares.items())
        assert between.per_name == pytest.approx(expected, rel=1e-7, abs=1e-9)


@given(told=TREES, other=TREES, weight=st.floats(0.1, 10))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_a_blend_of_trees_has_the_weighted_mean_of_their_rows(told: Told, other: Told, weight: float) -> None:
    mixed = blend([told.tree.transitions(), other.tree.transitions()], [1.0, weight])
    for letters in itertools.chain.from_iterable(itertools.product(range(1, 4), repeat=k) for k in range(4)):
        if _reached(letters, told, other):
            expected = (np.array(told.row(letters)) + weight * np.array(other.row(letters))) / (1 + weight)
            assert np.exp(mixed.rows(np.array([mixed.state(letters)]))[0][0]) == pytest.approx(expected, rel=1e-9)


def _reached(letters: Context, *trees: Told) -> bool:
    return all(any(tree.row(letters[:i])[symbol] > 0 for tree in trees) for i, symbol in enumerate(letters))


@given(told=TREES)
@settings(deadline=None, derandomize=True, max_examples=60)
def test_a_tree_makes_a_round_trip_through_its_file(told: Told) -> None:
    before = told.tree.transitions()
    after = parse_table(table_file(before, DIGEST), header(), DIGEST, PATH)
    assert after.log_probs.tobytes() == before.log_probs.tobytes()
    assert after.successors.tobytes() == before.successors.tobytes()


def header() -> Header:
    return Header([], 4, ABC, {})


PATH = Path("x/table.safetensors")
WHOLE = random_tree(5, 4, contexts=25).tree
SPARSE = random_tree(5, 4, sparse=True, contexts=25).tree


def changed(tree: ContextTree, **arrays: object) -> ContextTree:
    return replace(tree, **arrays)  # type: ignore[arg-type]


def without_a_middle(tree: ContextTree) -> ContextTree:
    """Less one context that another one begins with, but none ends with."""
    contexts = tree.contexts()
    lost = next(
        number
        for number, context in enumerate(contexts)
        if len(context) > 1 and number not in tree.suffixes and any(each[:-1] == context for each in contexts)
    )
    rows = np.exp(tree.costs.reshape(len(tree), -1) / -2048)
    numbers = np.cumsum(np.arange(len(tree)) != lost) - 1
    kept = np.arange(len(tree)) != lost
    return ContextTree.of_rows(numbers[tree.suffixes[kept]].astype(np.int32), tree.firsts[kept], rows[kept])


def of_symbols(*symbols: int) -> ContextTree:
    """Of the empty context and these."""
    firsts = np.array([0, *symbols], dtype=np.uint16)
    return ContextTree.of_rows(np.zeros(len(firsts), dtype=np.int32), firsts, np.full((len(firsts), 4), 0.25))


def at(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], place: int, value: int) -> object:
    other = array.copy()
    other[place] = value
    return other


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (changed(WHOLE, suffixes=at(WHOLE.suffixes, 7, len(WHOLE))), "without its suffix"),
        (changed(WHOLE, suffixes=at(WHOLE.suffixes, 7, -1)), "without its suffix"),
        (changed(WHOLE, firsts=at(WHOLE.firsts, 7, 99)), "symbols that the alphabet does not have"),
        (changed(WHOLE, firsts=at(WHOLE.firsts, 3, 1)), "twice"),
        (changed(WHOLE, firsts=at(WHOLE.firsts, 1, 1)), "twice"),
        (of_symbols(1, 2, 3), "lacks the context before the first letter"),
        (changed(WHOLE, costs=np.full_like(WHOLE.costs, 65535)), "nothing can follow"),
        (changed(WHOLE, costs=WHOLE.costs[:-1]), "do not fit together"),
        (changed(SPARSE, symbols=SPARSE.symbols[::-1].copy()), "not in order"),
        (changed(SPARSE, backoffs=np.full_like(SPARSE.backoffs, 65535)), "without a weight for every symbol"),
        (without_a_middle(random_tree(8, 4, contexts=25).tree), "not closed"),
    ],
)  # fmt: skip
def test_what_is_no_tree_is_refused_by_name(tree: ContextTree, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        tree.transitions()


def test_files_that_are_cut_off_or_of_another_model_are_refused() -> None:
    content = table_file(SPARSE.transitions(), DIGEST)
    for damaged in (content[:-1], content[:100], content + b"x"):
        with pytest.raises(StoreError, match="the version is damaged"):
            parse_table(damaged, header(), DIGEST, PATH)
    with pytest.raises(StoreError, match="not the context tree of this model"):
        parse_table(content, header(), "e" * 64, PATH)
    with pytest.raises(StoreError, match="the version is damaged"):
        parse_table(content, Header([], 4, Vocabulary(("a",)), {}), DIGEST, PATH)
    arrays = safetensors.numpy.load(content)
    for name in arrays:
        less = {other: array for other, array in arrays.items() if other != name}
        with pytest.raises(StoreError, match="the version is damaged"):
            parse_table(safetensors.numpy.save(less, metadata={"checkpoint": DIGEST}), header(), DIGEST, PATH)
