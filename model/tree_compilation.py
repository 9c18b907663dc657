"""From a network to its context tree: which contexts are kept, and the row of each. Brings PyTorch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.checkpoint import Checkpoint
from model.context_choice import Kept, choose, gains_over, own, suffixes_kept
from model.context_tree import ContextTree
from model.errors import NamesmithError
from model.kneser_ney import KneserNey
from model.list_rules import ListRules
from model.names import Names
from model.suffix_tree import SuffixTree
from model.transitions import Floats
from model.visits import Visits, drawn, listed
from model.vocabulary import BOUNDARY, Vocabulary

DEFAULT_CONTEXTS = 32_768
"""A model of that many contexts over 27 symbols takes as much memory as the dense table of 3 characters."""

_DRAWN_NAMES = 300_000
_MOST_CELLS = 1 << 27
"""Contexts times symbols that are looked at: fewer names are drawn over a large alphabet."""
_LISTED_SHARE = 0.3
"""Of the visits; the others are those of drawn names."""
_LEAST_VISITS = 3.0
_OWN_WEIGHT = 1.0
"""Visits that a context's row over all names counts beside those that no longer context has."""
_COUNTED_SHARE = 0.3
"""Of Kneser-Ney counts in a row."""


@dataclass(frozen=True, eq=False)
class _List:
    """Distinct training names, how much each counts, and what their rules are."""

    names: Names
    weights: Floats
    rules: ListRules

    @classmethod
    def of(cls, names: Sequence[str], weights: Floats | None, vocabulary: Vocabulary) -> "_List":
        heavy: Counter[str] = Counter()
        for name, weight in zip(names, [1.0] * len(names) if weights is None else weights.tolist(), strict=True):
            heavy[name] += weight
        distinct = sorted(heavy)
        found, unknown = Names.of_texts(distinct, vocabulary)
        found, counts = found.chosen(~unknown), np.array([heavy[name] for name in distinct])[~unknown]
        return cls(found, counts, ListRules.of(found, counts, vocabulary))


def compile_tree(
    checkpoint: Checkpoint,
    names: Sequence[str] | None,
    contexts: int = DEFAULT_CONTEXTS,
    weights: Floats | None = None,
) -> ContextTree:
    """At most so many contexts, those that tell most about what follows. The row of each is the mean of the network's
    rows over the names that pass through it - those it draws and the training `names`, name i counted `weights[i]`
    times - and what counting those names says there, within the list's own rules. Without a list, the network alone.
    Raises NamesmithError for fewer contexts than there are symbols."""
    symbols = checkpoint.vocabulary.size
    if contexts <= symbols:
        raise NamesmithError(
            f"{contexts:,} contexts are too few for an alphabet of {symbols:,} symbols, each of which is one: "
            f"allow at least {symbols + 1:,}"
        )
    known = _List.of(names, weights, checkpoint.vocabulary) if names else None
    stack, block_size = checkpoint.stack, checkpoint.block_size
    visits = invented = drawn(stack, min(_DRAWN_NAMES, max(1, _MOST_CELLS // (symbols * block_size))), block_size)
    if known is not None:
        total = invented.weights.sum()
        seen, observed = listed(stack, known.names, known.weights, block_size)
        visits = invented.weighing(total * (1 - _LISTED_SHARE)) + seen.weighing(total * _LISTED_SHARE)
    tree = SuffixTree.of(visits.contexts, visits.weights, symbols, _LEAST_VISITS)
    kept, rows = _kept_rows(tree, visits, contexts)
    if known is not None:
        rows[kept] *= 1 - _COUNTED_SHARE
        rows[kept] += _COUNTED_SHARE * KneserNey.of(tree, kept, seen.contexts, observed).rows(np.flatnonzero(kept))
        rows = _ruled(tree, kept, rows, known.rules, invented)
    return _context_tree(tree, kept, rows)


def _kept_rows(tree: SuffixTree, visits: Visits, contexts: int) -> tuple[Kept, Floats]:
    """The contexts kept, and the network's mean row (all contexts, symbols) over the visits of each that no longer one
    has. Gains are measured against the suffix at first, then against what is kept of it."""
    sums = tree.sums(visits.weights, visits.rows)
    everywhere = sums[0] / sums[0].sum()
    means = (sums + _OWN_WEIGHT * 1e-6 * everywhere) / (sums.sum(axis=1) + _OWN_WEIGHT * 1e-6)[:, None]
    counts = sums.sum(axis=1)
    kept = choose(tree, gains_over(counts, means, means[tree.suffixes]), contexts)
    rows = _own_rows(tree, kept, sums, means)
    kept = choose(tree, gains_over(counts, means, rows[suffixes_kept(tree, kept)]), contexts)
    return kept, _own_rows(tree, kept, sums, means)


def _own_rows(tree: SuffixTree, kept: Kept, sums: Floats, means: Floats) -> Floats:
    left = own(tree, kept, sums)
    return np.asarray((left + _OWN_WEIGHT * means) / (left.sum(axis=1) + _OWN_WEIGHT)[:, None])


def _ruled(tree: SuffixTree, kept: Kept, rows: Floats, rules: ListRules, invented: Visits) -> Floats:
    """Rows without what is forbidden, and with pairs of letters that the list never has made as rare in drawn names as
    they would be in new ones, if they are more frequent."""
    lasts = tree.lasts
    rows = np.where(rules.forbidden[lasts], 0.0, rows)
    rows /= rows.sum(axis=1, keepdims=True)
    unseen = rules.unseen[lasts]
    visits = np.bincount(tree.longest(invented.contexts, kept), invented.weights, minlength=len(tree))
    visits[lasts == BOUNDARY] = 0.0
    pairs = visits @ (1 - rows[:, BOUNDARY])
    found = visits @ (rows * unseen).sum(axis=1)
    if found > rules.unseen_share * pairs:
        rows = np.where(unseen, rows * (rules.unseen_share * pairs / found), rows)
        rows /= rows.sum(axis=1, keepdims=True)
    return rows


def _context_tree(tree: SuffixTree, kept: Kept, rows: Floats) -> ContextTree:
    numbers = np.cumsum(kept) - 1
    suffixes = numbers[tree.suffixes[kept]].astype(np.int32)
    return ContextTree.of_rows(suffixes, tree.firsts[kept].astype(np.uint16), rows[kept])
