"""Two versions side by side: what each is, what it does on a list, and how far their names are apart."""

import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from model.measures.divergence import Divergence, NameChain, divergence
from model.measures.divergence_estimates import Drawn, Estimate, estimate_jensen_shannon
from model.measures.facts import Facts, facts
from model.store.store import Version
from model.text.names import NameSet
from training.data.counted_list import Losses
from training.data.read_list import NameList
from training.data.splits import SplitRule
from training.gate.paired_comparison import PairedDifference, Rival, paired_difference
from training.gate.quality import Quality, Reference, sample_quality
from training.run.run import measure

DRAWN = 20_000
"""Names of each model from which the Jensen-Shannon divergence is estimated."""


@dataclass(frozen=True)
class OnList:
    """What a version does on a list."""

    losses: Losses
    quality: Quality


@dataclass(frozen=True)
class Portrait:
    """One version. `on_list` is None where no list was given."""

    name: str
    digest: str
    published_at: str
    parameters: int
    block_size: int
    letters: str
    trained: dict[str, Any]
    """What the checkpoint tells of its training: losses, configuration and data of then."""
    facts: Facts
    on_list: OnList | None


@dataclass(frozen=True)
class Comparison:
    """`divergence_of_b` is the Kullback-Leibler divergence of b from a: how badly b does on a's names. `paired` is the
    difference of losses on names of the list that neither was trained on, None without such names."""

    a: Portrait
    b: Portrait
    layers: list[str]
    """Lines that differ: those of a after '-', those of b after '+'."""
    only_a: str
    only_b: str
    """Letters that the other one lacks."""
    divergence_of_b: Divergence
    divergence_of_a: Divergence
    jensen_shannon: Estimate
    paired: PairedDifference | None


ReadList = Callable[[Version], NameList]
"""A list as a version spells it."""


def compare(a: Version, b: Version, read: ReadList | None = None, rule: SplitRule = SplitRule.NAMES) -> Comparison:
    """Raises DataError where a version cannot spell the list, UnsatisfiableError where one gives no names."""
    rivals = [Rival(version.checkpoint, version.transitions, version.training_names) for version in (a, b)]
    lists = [None if read is None else read(version) for version in (a, b)]
    letters = [rival.checkpoint.vocabulary.letters for rival in rivals]
    drawn = [_drawn(rival) for rival in rivals]
    return Comparison(
        a=_portrait(a, rivals[0], lists[0], rule),
        b=_portrait(b, rivals[1], lists[1], rule),
        layers=_differing_layers(a, b),
        only_a="".join(sorted(set(letters[0]) - set(letters[1]))),
        only_b="".join(sorted(set(letters[1]) - set(letters[0]))),
        divergence_of_b=_divergence(drawn[0], drawn[1]),
        divergence_of_a=_divergence(drawn[1], drawn[0]),
        jensen_shannon=estimate_jensen_shannon(*drawn),
        paired=_paired(rivals, lists, rule),
    )


def _portrait(version: Version, rival: Rival, names: NameList | None, rule: SplitRule) -> Portrait:
    model = rival.checkpoint
    listing = None if rival.listed is None else NameSet.listing(rival.listed, model.vocabulary)
    return Portrait(
        version.name,
        version.digest,
        str(version.manifest.get("published_at", "")),
        model.stack.parameter_count,
        model.block_size,
        "".join(model.vocabulary.letters),
        model.facts,
        facts(rival.transitions, listing),
        None if names is None else on_list(rival, names, rule),
    )


def on_list(rival: Rival, names: NameList, rule: SplitRule) -> OnList:
    model = rival.checkpoint
    losses, _ = measure(model, rival.transitions, names, rule)
    return OnList(losses, sample_quality(rival.language_model, model.vocabulary, Reference.of(names, rule)))


def _drawn(rival: Rival) -> Drawn:
    return Drawn(rival.language_model, rival.checkpoint.vocabulary, DRAWN)


def _divergence(p: Drawn, q: Drawn) -> Divergence:
    return divergence(
        NameChain(p.language_model.transitions, p.vocabulary), NameChain(q.language_model.transitions, q.vocabulary)
    )


def _differing_layers(a: Version, b: Version) -> list[str]:
    before, after = ([json.dumps(layer) for layer in v.checkpoint.stack.describe()] for v in (a, b))
    return [line for line in difflib.ndiff(before, after) if line[0] in "+-"]


def _paired(rivals: list[Rival], lists: list[NameList | None], rule: SplitRule) -> PairedDifference | None:
    names, others = lists
    if names is None or others is None or names.names != others.names:
        return None
    return paired_difference(rivals[0], rivals[1], Reference.of(names, rule).dev, names)
