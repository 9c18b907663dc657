"""From a network to its context tree: which contexts are kept, and the row of each. Brings PyTorch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.compiler.context_choice import Kept, choose, gains_over, own
from model.compiler.kneser_ney import KneserNey
from model.compiler.list_rules import ListRules
from model.compiler.name_lengths import fitted
from model.compiler.row_mixture import counted_share, mixed
from model.compiler.sparse_tree import compile_sparse
from model.compiler.suffix_tree import SuffixTree
from model.compiler.visits import Visits, drawn, drawn_names, listed
from model.errors import NamesmithError
from model.network.checkpoint import Checkpoint
from model.text.names import Names
from model.text.vocabulary import BOUNDARY, Vocabulary
from model.transitions.automaton import Floats
from model.transitions.context_tree import DEFAULT_CONTEXTS, ContextTree

_DRAWN_NAMES = 300_000
_DRAWN_INSTEAD = 20_000
"""Names that stand for the list of a version without one, where the alphabet is large."""
_DRAWN_FOR_EACH = 20
"""Names that are drawn at most for each of a list: a few hundred names tell little about many contexts."""
_MOST_CELLS = 1 << 27
"""Contexts times symbols that are looked at: fewer names are drawn over a large alphabet."""
_LISTED_SHARE = 0.7
"""Of the visits; the others are those of drawn names."""
_LEAST_VISITS = 3.0
_OWN_WEIGHT = 1.0
"""Visits that a context's row over all names counts beside those that no longer context has."""
_MOST_COMPLETE = 128
"""Symbols of an alphabet whose rows are complete; those of larger ones are sparse."""


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

    @classmethod
    def drawn(cls, checkpoint: Checkpoint) -> "_List":
        """Names that the network draws, in the place of a list that is not known."""
        found = drawn_names(checkpoint.stack, _DRAWN_INSTEAD, checkpoint.block_size)
        weights = np.ones(len(found))
        return cls(found, weights, ListRules.of(found, weights, checkpoint.vocabulary))


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
            f"{contexts:,} contexts are too few for an alphabet of {symbols:,} symbols, "
            f"which needs one for each symbol: allow at least {symbols + 1:,}"
        )
    stack, block_size = checkpoint.stack, checkpoint.block_size
    if symbols > _MOST_COMPLETE:
        known = _List.of(names, weights, checkpoint.vocabulary) if names else _List.drawn(checkpoint)
        return compile_sparse(stack, block_size, known.names, known.weights, known.rules, contexts, symbols)
    most = min(_DRAWN_NAMES, _MOST_CELLS // (symbols * block_size))
    invented = drawn(stack, min(most, _DRAWN_FOR_EACH * len(set(names))) if names else most, block_size)
    if not names:
        tree = SuffixTree.of(invented.contexts, invented.weights, symbols, _LEAST_VISITS)
        network = _Network.of(tree, invented)
        kept = choose(tree, network.gains(network.means), contexts)
        return _context_tree(tree, kept, network.rows(kept))
    known = _List.of(names, weights, checkpoint.vocabulary)
    seen, observed = listed(stack, known.names, known.weights, block_size)
    total = invented.weights.sum()
    visits = invented.weighing(total * (1 - _LISTED_SHARE)) + seen.weighing(total * _LISTED_SHARE)
    tree = SuffixTree.of(visits.contexts, visits.weights, symbols, _LEAST_VISITS)
    share = counted_share(float(observed.weights.sum()))
    network, every = _Network.of(tree, visits), np.ones(len(tree), dtype=bool)
    counts = KneserNey.of(tree, every, seen.contexts, observed).rows(np.arange(len(tree)))
    kept = choose(tree, network.gains(mixed(network.means, counts, share)), contexts)
    chosen = np.flatnonzero(kept)
    rows = mixed(network.rows(kept), KneserNey.of(tree, kept, seen.contexts, observed).rows(chosen), share)
    rows = _ruled(tree, kept, rows, known.rules, invented)
    lengths = np.bincount(known.names.lengths, known.weights).astype(np.float64)
    return _context_tree(tree, kept, fitted(rows, _context_tree(tree, kept, rows).transitions(), lengths))


@dataclass(frozen=True, eq=False)
class _Network:
    """What a network says at each context of `tree`: the sums of its rows over the visits there, and their means, both
    (contexts, symbols)."""

    tree: SuffixTree
    sums: Floats
    means: Floats

    @classmethod
    def of(cls, tree: SuffixTree, visits: Visits) -> "_Network":
        sums = tree.sums(visits.weights, visits.rows)
        totals = sums.sum(axis=1, keepdims=True)
        means = np.where(totals > 0, sums / np.where(totals > 0, totals, 1.0), sums[0] / totals[0])
        return cls(tree, sums, np.asarray(means))

    def gains(self, rows: Floats) -> Floats:
        """What each context's row of `rows` (contexts, symbols) tells beyond its suffix's, over all visits there."""
        return gains_over(self.sums.sum(axis=1), rows, rows[self.tree.suffixes])

    def rows(self, kept: Kept) -> Floats:
        """The mean row of each kept context (kept ones, symbols), in order, over the visits that no longer one has."""
        left = own(self.tree, kept, self.sums)[kept]
        return np.asarray((left + _OWN_WEIGHT * self.means[kept]) / (left.sum(axis=1, keepdims=True) + _OWN_WEIGHT))


def _ruled(tree: SuffixTree, kept: Kept, rows: Floats, rules: ListRules, invented: Visits) -> Floats:
    """`rows` (kept ones, symbols) without what is forbidden, and with pairs of letters that the list never has made as
    rare in drawn names as they would be in new ones, if they are more frequent."""
    lasts = tree.lasts[kept]
    rows = np.where(rules.forbidden[lasts], 0.0, rows)
    rows /= rows.sum(axis=1, keepdims=True)
    unseen = rules.unseen[lasts]
    visits = np.bincount(tree.longest(invented.contexts, kept), invented.weights, minlength=len(tree))[kept]
    visits[lasts == BOUNDARY] = 0.0
    pairs = float(visits @ (1 - rows[:, BOUNDARY]))
    found = float(visits @ (rows * unseen).sum(axis=1))
    if found > rules.unseen_share * pairs:
        rows = np.where(unseen, rows * (rules.unseen_share * pairs / found), rows)
        rows /= rows.sum(axis=1, keepdims=True)
    return rows


def _context_tree(tree: SuffixTree, kept: Kept, rows: Floats) -> ContextTree:
    numbers = np.cumsum(kept) - 1
    suffixes = numbers[tree.suffixes[kept]].astype(np.int32)
    return ContextTree.of_rows(suffixes, tree.firsts[kept].astype(np.uint16), rows)
