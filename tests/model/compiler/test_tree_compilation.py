"""Compiled trees beside the network they come from, and beside brute force over a small alphabet."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.compiler.context_choice import choose
from model.compiler.list_rules import ListRules
from model.compiler.suffix_tree import SuffixTree
from model.compiler.tree_compilation import compile_tree
from model.compiler.visits import drawn, listed, rows_after
from model.errors import NamesmithError
from model.network.checkpoint import Checkpoint
from model.network.stack import Stack
from model.text.names import Names
from model.text.vocabulary import BOUNDARY, Vocabulary
from model.transitions.context_tree import ContextTree
from tests.model.trees import contexts_of, longest

NAMES = ["anna", "hanna", "ann", "nan", "o-han", "han-o", "nahan", "ohanna", "na", "hana"]
HYPHENATED = [f"{first}-{second}" for first in ("anna", "han", "ohan", "na") for second in ("ann", "nan", "ha")]
VOCABULARY = Vocabulary.from_names(NAMES)
CONTEXTS = st.lists(
    st.lists(st.integers(1, 3), min_size=0, max_size=6).map(lambda letters: [0, 0, 0, 0, *letters][-4:]),
    min_size=1,
    max_size=30,
)


def network(block_size: int, seed: int = 1) -> Checkpoint:
    layers: list[dict[str, Any]] = [
        {"type": "Embedding", "num_embeddings": VOCABULARY.size, "embedding_dim": 3},
        {"type": "Flatten"},
        {"type": "Linear", "in_features": 3 * block_size, "out_features": VOCABULARY.size, "bias": True},
    ]
    stack = Stack.build(layers)
    stack.reset_parameters(torch.Generator().manual_seed(seed))
    return Checkpoint(stack.eval(), block_size, VOCABULARY)


def encoded(names: list[str]) -> Names:
    return Names.of_texts(names, VOCABULARY)[0]


def kept(tree: ContextTree) -> set[tuple[int, ...]]:
    return set(tree.contexts())


@pytest.mark.parametrize("names", [NAMES, None])
@pytest.mark.parametrize("contexts", [10, 40, 1_000])
def test_what_is_kept_is_closed_within_the_budget_and_holds_each_symbol(names: list[str] | None, contexts: int) -> None:
    tree = compile_tree(network(5), names, contexts)
    found = kept(tree)
    assert len(found) == len(tree) <= contexts
    assert found >= {(), *((symbol,) for symbol in range(VOCABULARY.size))}
    assert all(context[1:] in found and context[:-1] in found for context in found if context)
    assert all(BOUNDARY not in context[1:] for context in found)
    assert len(tree.transitions()) == len(tree)


def test_a_tree_that_keeps_every_context_says_what_the_network_says() -> None:
    model = network(2)
    tree = compile_tree(model, None, 1_000)
    transitions = tree.transitions()
    full = [context for context in tree.contexts() if len(context) == 2]
    assert len(full) > VOCABULARY.size
    said = rows_after(model.stack, np.array(full, dtype=np.uint16))
    rows = np.array([transitions.rows(np.array([tree.contexts().index(context)]))[0][0] for context in full])
    np.testing.assert_allclose(np.exp(rows), said, rtol=1e-3)


def test_the_same_network_and_names_give_the_same_tree_whatever_their_order() -> None:
    trees = [compile_tree(network(4), names, 60) for names in (NAMES, NAMES[::-1])]
    for field in ("suffixes", "firsts", "costs"):
        np.testing.assert_array_equal(getattr(trees[0], field), getattr(trees[1], field))


def test_a_name_that_stands_twice_weighs_twice() -> None:
    twice = compile_tree(network(4), [*NAMES, "anna"], 60)
    weighed = compile_tree(network(4), NAMES, 60, np.array([2.0] + [1.0] * (len(NAMES) - 1)))
    np.testing.assert_array_equal(twice.costs, weighed.costs)


def test_a_budget_below_the_alphabet_is_refused_in_one_line() -> None:
    with pytest.raises(NamesmithError, match=f"at least {VOCABULARY.size + 1}"):
        compile_tree(network(3), NAMES, VOCABULARY.size)


def test_a_separator_stands_only_where_the_list_has_it() -> None:
    """With ten and more of them, a hyphen that never begins, ends or doubles in a list never does in a name."""
    transitions = compile_tree(network(3), HYPHENATED, 200).transitions()
    hyphen = VOCABULARY.encode("-")[0]
    after = transitions.state([*VOCABULARY.encode("na"), hyphen])
    rows = np.exp(transitions.rows(np.array([transitions.start, after]))[0])
    assert rows[0, hyphen] == rows[1, hyphen] == rows[1, BOUNDARY] == 0
    assert (np.delete(rows[1], [hyphen, BOUNDARY]) > 0).all()


def test_the_share_of_new_pairs_is_that_of_pairs_that_one_name_has() -> None:
    rules = ListRules.of(encoded(["anna", "na", "han"]), np.ones(3), VOCABULARY)
    a, h, n = (VOCABULARY.encode(letter)[0] for letter in "ahn")
    assert not rules.unseen[a, n]
    assert rules.unseen[h, n]
    assert rules.unseen[n, h]
    assert rules.unseen_share == pytest.approx(
        2.5 / 6
    )  # an nn na / na / ha an: nn and ha are of one name, and half a pair more


@settings(deadline=None)
@given(CONTEXTS, st.integers(4, 40))
def test_the_longest_kept_suffix_is_found_as_by_looking_at_each(contexts: list[list[int]], budget: int) -> None:
    found = np.array(contexts, dtype=np.uint16)
    tree = SuffixTree.of(found, np.ones(len(found)), 4, least=0.0)
    chosen = choose(tree, np.random.default_rng(0).random(len(tree)), budget)
    texts = contexts_of(tree)
    among = {text for text, is_kept in zip(texts, chosen, strict=True) if is_kept}
    assert chosen.sum() <= max(budget, 5)
    for context, state in zip(contexts, tree.longest(found, chosen).tolist(), strict=True):
        letters = tuple(context)
        while letters[:2] == (0, 0):
            letters = letters[1:]
        assert texts[state] == longest(letters, among)


def test_visits_are_those_of_the_names() -> None:
    visits, observed = listed(network(3).stack, encoded(["an", "an", "na"]), np.array([1.0, 2.0, 4.0]), 3)
    a, n = VOCABULARY.encode("an")
    counted = dict(zip(map(tuple, visits.contexts.tolist()), visits.weights.tolist(), strict=True))
    assert counted == {(0, 0, 0): 7, (0, 0, a): 3, (0, a, n): 3, (0, 0, n): 4, (0, n, a): 4}
    following = {
        (tuple(visits.contexts[context].tolist()), symbol): weight
        for context, symbol, weight in zip(observed.contexts, observed.symbols, observed.weights, strict=True)
    }
    assert following[(0, 0, 0), a] == 3
    assert following[(0, a, n), 0] == 3


def test_drawn_names_follow_the_networks_chances() -> None:
    model, count = network(2), 20_000
    visits = drawn(model.stack, count, 2)
    first = rows_after(model.stack, np.zeros((1, 2), dtype=np.uint16))[0]
    weights = dict(zip(map(tuple, visits.contexts.tolist()), visits.weights.tolist(), strict=True))
    for letter in range(1, VOCABULARY.size):
        assert weights[BOUNDARY, letter] == pytest.approx(count * first[letter], abs=1)
