"""Trees of sparse rows beside the network and the counts they come from, name by name; here of a small alphabet."""

import math
from collections import defaultdict

import numpy as np
import pytest
import torch

from model.compiler import sparse_tree, tree_compilation
from model.compiler.kneser_ney import KneserNey
from model.compiler.list_rules import ListRules
from model.compiler.suffix_tree import SuffixTree
from model.compiler.tree_compilation import compile_tree
from model.compiler.visits import drawn_names, passed, rows_after
from model.text.vocabulary import BOUNDARY
from model.transitions.context_tree import ContextTree
from tests.model.compiler.test_tree_compilation import HYPHENATED, NAMES, VOCABULARY, encoded, network
from tests.model.trees import Context, contexts_of, longest

SIZE = VOCABULARY.size


@pytest.fixture(autouse=True)
def small_alphabets_count_as_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_compilation, "_MOST_COMPLETE", 1)


def network_means(tree: ContextTree, names: list[str], block_size: int) -> dict[Context, list[float]]:
    """What the network says on average where a name is in each state, letter by letter."""
    kept, sums = set(tree.contexts()), defaultdict(list)
    for name in names:
        letters = (BOUNDARY, *VOCABULARY.encode(name))
        for at in range(1, len(letters) + 1):
            window = np.array([[0] * block_size + list(letters[:at])], dtype=np.uint16)[:, -block_size:]
            sums[longest(letters[:at], kept)].append(rows_after(network(block_size).stack, window)[0])
    return {context: np.mean(rows, axis=0).tolist() for context, rows in sums.items()}


@pytest.mark.parametrize(("names", "rules"), [(NAMES, 1), ([*NAMES, *HYPHENATED], 4)])
def test_with_room_for_all_a_row_is_between_network_and_counts(names: list[str], rules: int) -> None:
    """Within the list's rules: no name is empty and, with enough of them, no hyphen begins, ends or doubles."""
    block_size = 3
    tree = compile_tree(network(block_size), names, 40)
    transitions = tree.transitions()
    means = network_means(tree, names, block_size)
    forbidden = ListRules.of(encoded(names), np.ones(len(names)), VOCABULARY).forbidden
    assert forbidden.sum() == rules
    found, visits, observed = passed(encoded(names), np.ones(len(names)), block_size)
    suffixes = SuffixTree.of(found, visits, SIZE, 2.0)
    contexts = contexts_of(suffixes)
    kept = np.array([context in set(tree.contexts()) for context in contexts])
    counts = KneserNey.of(suffixes, kept, found, observed)
    checked = 0
    for number, context in enumerate(tree.contexts()):
        if context in means:
            counted = counts.rows(np.array([contexts.index(context)]))[0]
            row = np.exp((np.log(means[context]) + np.log(counted)) / 2)
            row[forbidden[context[-1]]] = 0
            expected = row / row.sum()
            assert np.exp(transitions.log_probs[number]) == pytest.approx(expected, rel=2e-3)
            checked += 1
    assert checked > SIZE


def test_a_budget_of_arcs_is_kept_and_what_leads_far_has_its_arc(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compile_tree(network(4), NAMES, 60)
    monkeypatch.setattr(sparse_tree, "ARCS", 1)
    least = compile_tree(network(4), NAMES, 60)
    assert least.contexts() == whole.contexts()
    assert len(least.symbols) < len(whole.symbols)
    transitions, kept = least.transitions(), set(least.contexts())
    assert np.exp(transitions.log_probs).sum(axis=1) == pytest.approx(1, abs=1e-12)
    for name in NAMES:
        letters = VOCABULARY.encode(name)
        for at in range(len(letters) + 1):
            state = transitions.state(letters[:at])
            assert least.contexts()[state] == longest((BOUNDARY, *letters[:at]), kept)


def test_a_separator_stands_only_where_the_list_has_it_in_sparse_rows_too() -> None:
    transitions = compile_tree(network(3), HYPHENATED, 40).transitions()
    hyphen = VOCABULARY.encode("-")[0]
    assert transitions.log_probs[transitions.start][hyphen] == -np.inf


def test_without_a_list_names_are_drawn_with_the_networks_chances() -> None:
    model = network(2)
    tree = compile_tree(model, None, 30)
    assert len(tree.transitions()) <= 30
    names = drawn_names(model.stack, 20_000, 2)
    first = np.bincount(names.symbols[names.ends[:-1]], minlength=SIZE)
    with torch.no_grad():
        chances = torch.softmax(model.stack(torch.zeros(1, 2, dtype=torch.long)), dim=1)[0].numpy()
    expected = chances[1:] / chances[1:].sum()
    for count, chance in zip(first[1:].tolist(), expected.tolist(), strict=True):
        assert abs(count / len(names) - chance) < 4 * math.sqrt(chance * (1 - chance) / len(names))
