"""Context trees over large alphabets: rows are made a few at a time, and keep the symbols that matter. Brings
PyTorch."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from model.compiler.context_choice import Kept, choose
from model.compiler.kneser_ney import KneserNey
from model.compiler.list_rules import ListRules
from model.compiler.row_mixture import mixed
from model.compiler.suffix_tree import SuffixTree
from model.compiler.visits import Contexts, Observed, passed, rows_after
from model.network.stack import Stack
from model.text.names import Names
from model.text.vocabulary import BOUNDARY
from model.transitions.automaton import Floats, Ints
from model.transitions.context_tree import ContextTree, costs_of
from model.transitions.sparse_rows import SparseRows, SymbolSets, sparse_rows

ARCS = 2_000_000
"""Explicit symbols of all rows together, which take 28 MB in a service."""
_LEAST_VISITS = 2.0
_ROWS_BYTES = 8 * 1024 * 1024
"""Of the rows that are made at a time: all their symbols may become candidates, which take several times as much."""


@dataclass(frozen=True, eq=False)
class _Passed:
    """What a list of names passes through, and the contexts that are kept of it, `chosen` (states,) of the tree's."""

    tree: SuffixTree
    contexts: Contexts
    weights: Floats
    observed: Observed
    kept: Kept
    chosen: Ints


def compile_sparse(
    stack: Stack, block_size: int, names: Names, weights: Floats, rules: ListRules, contexts: int, symbols: int
) -> ContextTree:
    """As `model.compiler.tree_compilation.compile_tree`, for the alphabets that are too large for complete rows."""
    found, visits, observed = passed(names, weights, block_size)
    tree = SuffixTree.of(found, visits, symbols, _LEAST_VISITS)
    every = KneserNey.of(tree, np.ones(len(tree), dtype=bool), found, observed)
    kept = choose(tree, _gains(tree, every, found, observed), contexts)
    list_of = _Passed(tree, found, visits, observed, kept, np.flatnonzero(kept))
    counts = KneserNey.of(tree, kept, found, observed)
    root = counts.rows(np.zeros(1, dtype=np.int64))[0]
    required = _required(tree, list_of.chosen, rules, symbols)
    passing = np.bincount(tree.longest(found, kept), visits, len(tree))[list_of.chosen] + 1.0
    budget = max(ARCS, len(required.symbols))
    rows = sparse_rows(_rows(stack, list_of, counts, rules), root, required, np.asarray(passing), budget)
    return _context_tree(list_of, rows, symbols)


def _gains(tree: SuffixTree, counts: KneserNey, contexts: Contexts, observed: Observed) -> Floats:
    """What each context tells of the symbols that followed it beyond what its suffix tells (contexts,), in nats."""
    gains = np.zeros(len(tree))
    for length in tree.lengths:
        short = np.arange(len(tree)) < tree.levels[length + 1]
        nodes = tree.longest(contexts, short)[observed.contexts]
        there = nodes >= tree.levels[length]
        pairs, which = np.unique(nodes[there] * tree.symbols + observed.symbols[there], return_inverse=True)
        times = np.bincount(which, observed.weights[there], minlength=len(pairs))
        mine, symbols = np.divmod(pairs, tree.symbols)
        told = np.log(counts.chances(mine, symbols)) - np.log(counts.chances(tree.suffixes[mine], symbols))
        gains += np.bincount(mine, times * told, minlength=len(tree))
    return gains


def _required(tree: SuffixTree, chosen: Ints, rules: ListRules, symbols: int) -> SymbolSets:
    """Of each kept context the symbols that need an arc: the end, those that lead to a context of more than one symbol,
    and those that the list's rules forbid. All of them for the root."""
    numbers = np.full(len(tree), -1, dtype=np.int64)
    numbers[chosen] = np.arange(len(chosen))
    longer = chosen[chosen >= tree.levels[2]]
    own = [{BOUNDARY} for _ in chosen]
    for state, symbol in zip(numbers[tree.prefixes[longer]].tolist(), tree.lasts[longer].tolist(), strict=True):
        own[state].add(symbol)
    lasts = tree.lasts[chosen].tolist()
    own[0] = set(range(symbols))
    for state, suffix in enumerate(numbers[tree.suffixes[chosen]].tolist()[1:], start=1):
        own[state] |= set(np.flatnonzero(rules.forbidden[lasts[state]]).tolist())
        if suffix:
            own[state] |= own[suffix]
    starts = np.concatenate([[0], np.cumsum([len(each) for each in own])])
    return SymbolSets(starts, np.array([symbol for each in own for symbol in sorted(each)], dtype=np.uint16))


def _rows(stack: Stack, passed_by: _Passed, counts: KneserNey, rules: ListRules) -> Iterator[tuple[Ints, Floats]]:
    """The rows (n, symbols) of some states (n,) at a time: between what the network says, on average over the visits
    that no longer context has, and what counting says. Where there are none, counting alone."""
    tree, chosen = passed_by.tree, passed_by.chosen
    states = (np.cumsum(passed_by.kept) - 1)[tree.longest(passed_by.contexts, passed_by.kept)]
    order = np.argsort(states, kind="stable")
    begins = np.searchsorted(states[order], np.arange(len(chosen) + 1))
    at_once = max(1, _ROWS_BYTES // (8 * tree.symbols))
    for begin in range(0, len(chosen), at_once):
        numbers = np.arange(begin, min(begin + at_once, len(chosen)))
        visits = order[begins[numbers[0]] : begins[numbers[-1] + 1]]
        rows = counts.rows(chosen[numbers])
        sums, heavy = np.zeros_like(rows), passed_by.weights[visits]
        for first in range(0, len(visits), at_once):
            some = slice(first, first + at_once)
            said = rows_after(stack, passed_by.contexts[visits[some]]) * heavy[some, None]
            owners = states[visits[some]] - begin
            here = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
            sums[owners[here]] += np.add.reduceat(said, here)
        visited = np.bincount(states[visits] - begin, heavy, len(numbers)) > 0
        means = sums[visited] / sums[visited].sum(axis=1, keepdims=True)
        rows[visited] = mixed(means, rows[visited])
        rows[rules.forbidden[tree.lasts[chosen[numbers]]]] = 0.0
        yield numbers, rows


def _context_tree(passed_by: _Passed, rows: SparseRows, symbols: int) -> ContextTree:
    """Costs of a row are those of its probabilities, or all greater by as much as its weight of the root's row is over
    1: a row is brought to the sum of 1 when it is read."""
    tree, chosen = passed_by.tree, passed_by.chosen
    numbers = np.cumsum(passed_by.kept) - 1
    over = np.maximum(rows.betas, 1.0)
    return ContextTree(
        symbols,
        numbers[tree.suffixes[chosen]].astype(np.int32),
        tree.firsts[chosen].astype(np.uint16),
        rows.starts,
        rows.symbols,
        costs_of(rows.probabilities / np.repeat(over, np.diff(rows.starts))),
        costs_of(rows.betas / over),
    )
