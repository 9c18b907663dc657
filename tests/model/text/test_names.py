"""Names as arrays, and lists of them to look in, against plain lists, sets and dictionaries."""

import dataclasses
import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model.constraints.automata import Automaton
from model.constraints.compile_constraints import Constraints, compile_constraints
from model.kernels import lookup
from model.kernels import trie as tries
from model.kernels.arrays import Listed
from model.sampling.plan_nodes import START, NodeGraph, pair_of
from model.sampling.sampler import Sampler
from model.text.names import Names, NameSet, nothing_listed
from model.text.vocabulary import BOUNDARY, Vocabulary
from model.transitions.automaton import Transitions
from model.transitions.shaping import Shaped, ShapeSettings

Ids = tuple[int, ...]
ABC = Vocabulary(("a", "b", "c"))
WIDE = Vocabulary(("é", "𐐨", "\u0301", "z", "ß"))
IDS = st.lists(st.lists(st.integers(1, 3), max_size=9).map(tuple), max_size=30)
LONG_IDS = st.lists(st.integers(1, 2**16 - 1), max_size=20).map(tuple)


def listing_of(names: list[Ids] | set[Ids], bits: int = 16) -> NameSet:
    made = Names.of(sorted(names))
    return NameSet(made.symbols, made.ends, bits)


@given(st.lists(LONG_IDS, max_size=12))
@example([])
@example([()])
@example([(), (1,), ()])
@settings(deadline=None, derandomize=True)
def test_names_give_back_the_rows_they_were_made_of(names: list[Ids]) -> None:
    made = Names.of(names)
    assert len(made) == len(names)
    assert list(map(tuple, made.rows())) == names
    assert made.lengths.tolist() == list(map(len, names))
    assert made.ends[0] == 0
    assert made.symbols.dtype == np.dtype(np.uint16)
    assert made.ends.dtype == np.dtype(np.int64)
    assert made.nbytes == 2 * sum(map(len, names)) + 8 * (len(names) + 1)


@given(st.lists(LONG_IDS, max_size=12), st.integers(0, 13), st.integers(0, 13))
@settings(deadline=None, derandomize=True)
def test_a_part_of_names_is_a_slice_of_their_rows(names: list[Ids], first: int, more: int) -> None:
    first = min(first, len(names))
    part = Names.of(names).part(first, first + more)
    assert list(map(tuple, part.rows())) == names[first : first + more]
    assert part.ends[0] == 0


@pytest.mark.parametrize("vocabulary", [ABC, WIDE], ids=["ASCII", "wide"])
@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=60)
def test_texts_become_ids_and_texts_again(vocabulary: Vocabulary, data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.text(st.sampled_from(vocabulary.letters), max_size=8), max_size=12))
    names, unknown = Names.of_texts(texts, vocabulary)
    assert not unknown.any()
    assert unknown.shape == (len(texts),)
    assert names.rows() == [[vocabulary.letters.index(letter) + 1 for letter in text] for text in texts]
    assert names.decode(vocabulary) == texts


@given(st.lists(st.text("abcxé\U0001f600\ud800\0", max_size=5), max_size=12))
@example(["a", "x", "", "bx", "cab"])
@example(["x"])
@settings(deadline=None, derandomize=True)
def test_texts_with_other_characters_are_told_and_hold_nothing(texts: list[str]) -> None:
    names, unknown = Names.of_texts(texts, ABC)
    strange = [not set(text) <= set("abc") for text in texts]
    assert unknown.tolist() == strange
    assert names.decode(ABC) == ["" if odd else text for text, odd in zip(texts, strange, strict=True)]


def random_table(seed: int, size: int, block_size: int, impossible: float = 0.2) -> Transitions:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(size**block_size, size))
    logits[random.random(logits.shape) < impossible] = -np.inf
    logits[:, -1] = 0.5
    with np.errstate(divide="ignore"):
        return Transitions.dense(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), block_size)


@given(IDS, st.integers(1, 4), st.integers(0, 50))
@example([], 2, 0)
@example([(), ()], 3, 0)
@settings(deadline=None, derandomize=True)
def test_log_probs_are_those_of_a_walk_from_context_to_context(names: list[Ids], block_size: int, seed: int) -> None:
    table = random_table(seed, 4, block_size)
    contexts = itertools.product(range(4), repeat=block_size)
    rows = dict(zip(contexts, table.log_probs.tolist(), strict=True))
    expected, totals = [], []
    for name in names:
        context, terms = (BOUNDARY,) * block_size, []
        for symbol in (*name, BOUNDARY):
            terms.append(rows[context][symbol])
            context = (*context[1:], symbol)
        expected += terms
        totals.append(-math.inf if -math.inf in terms else math.fsum(terms))
    made = Names.of(names)
    assert made.log_probs(table.arcs, table.start).tolist() == expected
    assert made.totals(made.log_probs(table.arcs, table.start)).tolist() == pytest.approx(totals, rel=1e-12)


@pytest.mark.parametrize("bits", [2, 16], ids="bits {}".format)
@given(listed=st.sets(st.lists(st.integers(1, 3), min_size=1, max_size=40).map(tuple), max_size=40), data=st.data())
@settings(deadline=None, derandomize=True, max_examples=80)
def test_a_listing_holds_the_names_it_was_made_of_and_no_other(
    bits: int, listed: set[Ids], data: st.DataObject
) -> None:
    """Names short enough to be their own key, and longer ones that are hashed; with every neighbour of a name."""
    listing = listing_of(listed, bits)
    others: set[Ids] = set(data.draw(st.lists(st.lists(st.integers(1, 3), max_size=40).map(tuple), max_size=20)))
    for name in list(listed)[:5]:
        others |= {name[:-1], name[1:], (*name, 1), (1, *name), name[::-1], (*name[:-1], name[-1] % 3 + 1)}
    asked = sorted(listed | others)
    assert [name in listing for name in asked] == [name in listed for name in asked]
    assert listing.holds(Names.of(asked)).tolist() == [name in listed for name in asked]


@pytest.mark.parametrize("bits", [2, 16], ids="bits {}".format)
@given(names=st.sets(st.lists(st.integers(1, 3), min_size=1, max_size=40).map(tuple), min_size=1, max_size=31))
@settings(deadline=None, derandomize=True, max_examples=80)
def test_names_that_collide_in_a_table_with_one_free_place_are_still_told_apart(bits: int, names: set[Ids]) -> None:
    """Nearly every look-up begins at a place that another name has, and many walk around the table's end."""
    ordered = sorted(names)
    listed, others = ordered[::2], ordered[1::2]
    size = 1
    while size <= len(listed):
        size *= 2
    made = Names.of(listed)
    keys, numbers = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.int32)
    lookup.index_names(made.symbols, made.ends, bits, keys, numbers)
    assert np.count_nonzero(keys) == len(listed) < size
    asked = Names.of([*listed, *others])
    held = np.zeros(len(asked), dtype=np.bool_)
    lookup.find_listed(asked.symbols, asked.ends, Listed(bits, made.symbols, made.ends, keys, numbers), held)
    assert held.tolist() == [True] * len(listed) + [False] * len(others)


def test_two_names_of_one_hash_are_told_apart_by_their_letters() -> None:
    """The keys of two long names are made equal by hand: the second is then behind the first, with the same key."""
    first, second, third = (1,) * 40, (2,) * 40, (1,) * 39 + (2,)
    listing = listing_of([first, second], 16)
    bits, symbols, ends, keys, numbers = listing.search
    key = keys[keys != 0][numbers[keys != 0] == 0][0]  # of `first`
    place = int(np.flatnonzero(keys == key)[0])
    assert int(key) >> 63 == 1
    # Everything that hashes like `first` finds `second` there first, then `first`.
    keys, numbers = np.zeros_like(keys), np.zeros_like(numbers)
    keys[[place, (place + 1) % len(keys)]] = key
    numbers[[place, (place + 1) % len(keys)]] = [1, 0]
    asked = Names.of([first, third])
    held = np.zeros(2, dtype=np.bool_)
    lookup.find_listed(asked.symbols, asked.ends, Listed(bits, symbols, ends, keys, numbers), held)
    assert held.tolist() == [True, False]
    # And with `second` alone under that key, `first` is not taken for it.
    keys[(place + 1) % len(keys)] = 0
    lookup.find_listed(asked.symbols, asked.ends, Listed(bits, symbols, ends, keys, numbers), held)
    assert held.tolist() == [False, False]


def test_no_name_is_in_an_empty_list_and_the_empty_name_is_in_none() -> None:
    for name in ((), (1,), (1, 2, 3)):
        assert name not in nothing_listed()
        assert name not in listing_of([])
    assert () not in listing_of([(1,), (1, 2)])
    assert not nothing_listed().holds(Names.of([(), (1,)])).any()
    assert len(nothing_listed()) == 0


def test_a_listing_of_texts_leaves_out_what_no_model_of_the_alphabet_draws() -> None:
    listing = NameSet.listing(["cab", "a", "xa", "", "bé", "ab"], ABC)
    assert listing.decode(ABC) == ["a", "ab", "cab"]
    assert ABC.encode("cab") in listing
    assert ABC.encode("ba") not in listing


@pytest.mark.parametrize("vocabulary", [ABC, WIDE], ids=["ASCII", "wide"])
@given(
    names=st.lists(st.text("abcé𐐨\u0301zß\r\x00", max_size=4), max_size=20),
    cut=st.integers(1, 7),
    seed=st.integers(0, 9),
)
@example([], 1, 0)
@example(["a", "aa", "ab", "b", "éa", "𐐨"], 1, 0)
@settings(deadline=None, derandomize=True)
def test_a_listing_of_lines_is_that_of_their_texts(
    vocabulary: Vocabulary, names: list[str], cut: int, seed: int
) -> None:
    """In order or not, repeated or not, with empty lines and without an end of the last one, in parts of any size."""
    expected = NameSet.listing(set(names), vocabulary)
    shuffled = random.Random(seed).sample(names, len(names))
    for lines in (sorted(set(names)), shuffled):
        for last in ("", "\n"):
            parts = ["\n".join(lines[i : i + cut]) + "\n" for i in range(0, len(lines), cut)]
            parts = [*parts[:-1], parts[-1].removesuffix("\n") + last] if parts else []
            made = NameSet.of_lines(parts, vocabulary)
            assert made.rows() == expected.rows()
            assert made.bits == expected.bits
            assert made.symbols.dtype == expected.symbols.dtype
            assert made.ends.dtype == expected.ends.dtype


@pytest.mark.parametrize("letters", [1, 2, 3, 4, 7, 8, 63, 64, 65])
def test_alphabets_at_the_edges_of_a_bit_are_looked_up_right(letters: int) -> None:
    """The greatest id must fit into the bits that names are packed with."""
    vocabulary = Vocabulary(tuple(chr(0x4E00 + i) for i in range(letters)))
    edge = sorted({1, letters, max(1, letters - 1), (letters + 1) // 2})
    every: list[Ids] = [name for n in (1, 2, 3) for name in itertools.product(edge, repeat=n)]
    every += [(letters,) * n for n in range(4, 70)]
    listed = every[::2]
    listing = NameSet.listing(map(vocabulary.decode, listed), vocabulary)
    assert sorted(map(tuple, listing.rows())) == sorted(listed)
    assert listing.holds(Names.of(every)).tolist() == [i % 2 == 0 for i in range(len(every))]


def test_the_trie_of_some_names_of_a_listing_accepts_these_alone() -> None:
    listed: set[Ids] = {(1,), (1, 2), (3, 3, 3), (2, 1, 2)}
    listing = listing_of(listed | {(2, 2), (3, 1)})
    chosen = np.array([i for i, name in enumerate(listing.rows()) if tuple(name) in listed])
    parents, symbols, terminal = tries.make_trie(listing.symbols, listing.ends, chosen, 4)
    beginnings: list[Ids] = [()]
    for parent, symbol in zip(parents.tolist()[1:], symbols.tolist()[1:], strict=True):
        beginnings.append((*beginnings[parent], symbol))
    assert {beginning for beginning, ends in zip(beginnings, terminal, strict=True) if ends} == listed
    assert sorted(beginnings) == sorted({name[:n] for name in listed for n in range(len(name) + 1)})


def test_a_sampler_scores_names_without_their_conditions() -> None:
    table = random_table(3, 4, 2, impossible=0.0)
    sampler = Sampler(
        table, ShapeSettings(min_length=3, max_length=7), compile_constraints(Constraints(prefix="a"), ABC)
    )
    (names,) = sampler.draw(0, 200)
    anew = Names.of([*names.rows(), [2], []])  # those that it would not draw, too
    expected = anew.totals(anew.log_probs(table.arcs, table.start)).tolist()
    assert sampler.log_probs(anew).tolist() == pytest.approx(expected, rel=1e-12)


AUTOMATA = st.builds(
    Constraints,
    st.none() | st.text("abc", min_size=1, max_size=3),
    st.none() | st.text("abc", min_size=1, max_size=2),
    st.none() | st.text("abc", min_size=1, max_size=2),
)


@given(first=AUTOMATA, second=AUTOMATA, block_size=st.integers(1, 3), seed=st.integers(0, 99))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_shortest_ends_are_those_of_a_search_from_every_node(
    first: Constraints, second: Constraints, block_size: int, seed: int
) -> None:
    """Letter by letter over (state, state, context) tuples that are found anew; nodes are told by the words that lead
    to them."""
    table = random_table(seed, 4, block_size, impossible=0.4)
    automata = [a for a in (compile_constraints(first, ABC), compile_constraints(second, ABC)) if a is not None]
    longest = 5
    graph = NodeGraph.find(Shaped.of(table, ShapeSettings()), automata, longest)
    possible = np.exp(table.log_probs).reshape((4,) * (block_size + 1)) > 0
    one, other = pair_of(automata, 4)

    def ends(state: tuple[int, int, Ids]) -> bool:
        return bool(one.accepting[state[0]] and other.accepting[state[1]] and possible[(*state[2], 0)])

    def ways(state: tuple[int, int, Ids]) -> list[tuple[int, tuple[int, int, Ids]]]:
        found = []
        for symbol in range(1, 4):
            a, b = int(one.moves[state[0], symbol]), int(other.moves[state[1], symbol])
            if a >= 0 and b >= 0 and possible[(*state[2], symbol)]:
                found.append((symbol, (a, b, (*state[2], symbol)[1:])))
        return found

    met = {START: (0, 0, (0,) * block_size)}
    depth, line = {START: 0}, [START]
    for node in line:
        following = dict(ways(met[node])) if depth[node] < longest else {}
        begin = int(graph.nodes.block_starts[graph.nodes.blocks[node]])
        for symbol in range(1, 4):
            number = int(graph.nodes.successors[begin + symbol])
            assert (number > 0) == (symbol in following)
            if number > 0 and number not in met:
                met[number], depth[number] = following[symbol], depth[node] + 1
                line.append(number)
            assert number == 0 or met[number] == following[symbol]
    assert sorted(met) == list(range(START, len(graph)))

    def search(start: tuple[int, int, Ids], letters: int) -> int | None:
        states = {start}
        for more in range(letters + 1):
            if any(map(ends, states)):
                return more
            states = {after for state in states for _, after in ways(state)}
        return None

    for node, state in met.items():
        # Nodes at the greatest depth have no successors, so only what the letters left can reach is compared.
        expected = search(state, longest - depth[node])
        if expected is not None:
            assert graph.shortest_ends[node] == expected
        else:
            assert graph.shortest_ends[node] > longest - depth[node]


def test_an_automaton_without_end_has_no_shortest_end() -> None:
    never = Automaton(np.array([[-1, 0, 0, 0]], dtype=np.int32), np.zeros(1, dtype=np.bool_))
    graph = NodeGraph.find(Shaped.of(random_table(1, 4, 2, impossible=0.0), ShapeSettings()), [never], 10)
    assert (graph.shortest_ends > 1_000_000).all()


def test_names_and_listings_cannot_be_given_other_letters() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        listing_of([(1,)]).bits = 3  # type: ignore[misc]
