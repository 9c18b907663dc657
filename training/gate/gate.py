"""What a checkpoint must show before it is published, and the margin by which it may be worse than the current one."""

import math
from dataclasses import dataclass, replace

from model.errors import NamesmithError
from model.network import checkpoint
from model.store.store import Version
from model.transitions.shaping import ShapeSettings
from training.data.read_list import NameList
from training.data.splits import SplitRule
from training.gate.checks import Check
from training.gate.checks import GateRefusedError as GateRefusedError
from training.gate.paired_comparison import PairedDifference, Rival, paired_difference
from training.gate.quality import Quality, Reference, completion, sample_quality
from training.gate.self_test import self_test
from training.recipe.defaults import MARGIN as MARGIN
from training.run.run import Result

_LEAST_FAIR = 5
_MIN_COMPLETION = 0.5
_LEAST_UNIQUENESS = 0.5
"""As a share of what drawing names from the list itself would give."""
_LEAST_NOVELTY = 0.001
_MOST_DISTANCE = {"length": 0.75, "bigram": 0.35, "trigram": 0.55}
"""Bits above the noise floor. Models of 1,000 names and more reach about 0.2, 0.05 and 0.1, with a single character of
context 0.4, 0.1 and 0.2; one that has hardly begun to learn stays above."""
_LEAST_COMPARED = 100
"""Names below which distances say little but how few they are."""


@dataclass(frozen=True)
class Examination:
    """What was looked at. `quality` is None of a model whose names do not end."""

    checks: list[Check]
    quality: Quality | None

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


def examine(
    result: Result,
    names: NameList,
    rule: SplitRule = SplitRule.NAMES,
    current: Version | NamesmithError | None = None,
    margin: float = MARGIN,
) -> Examination:
    """Reads the checkpoint back from its bytes, as the service will, and tries it out. `names` is the list it was
    trained on, `current` the version that it would replace, or why that cannot be read."""
    rival = Rival(checkpoint.loads(result.data), result.transitions, frozenset(names.names))
    reference = Reference.of(names, rule)
    generation = _generation(rival, reference)
    checks = [
        *self_test(rival.checkpoint, rival.transitions),
        _better_than_guessing(result, rival.checkpoint.vocabulary.size),
        *generation.checks,
        _succession(rival, names, reference, current, margin),
    ]
    return Examination(checks, generation.quality)


def require(checks: list[Check]) -> None:
    """Raises GateRefusedError, with every failed check, unless all passed."""
    failed = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    if failed:
        raise GateRefusedError("the gate refused this model: " + "; ".join(failed))


def _better_than_guessing(result: Result, symbols: int) -> Check:
    held_out = result.losses.train if result.losses.dev is None else result.losses.dev
    return Check(
        "better than guessing",
        math.isfinite(held_out) and held_out < math.log(symbols),
        f"loss {held_out:.4f} against {math.log(symbols):.4f} for a uniform guess",
    )


def _generation(rival: Rival, reference: Reference) -> Examination:
    """Of a model whose names do not end, no others are looked at."""
    ending = completion(rival.language_model)
    ends = Check(
        "names end",
        ending >= _MIN_COMPLETION,
        f"{ending:.1%} of drawn names end within {ShapeSettings().max_length} letters; "
        f"at least {_MIN_COMPLETION:.0%} must",
    )
    if not ends.passed:
        return Examination([ends], None)
    quality = sample_quality(rival.language_model, rival.checkpoint.vocabulary, reference)
    return Examination([ends, *quality_checks(quality, reference)], quality)


def quality_checks(quality: Quality, reference: Reference) -> list[Check]:
    among, unique = min(quality.uniqueness.items())
    least = _LEAST_UNIQUENESS * reference.train.uniqueness_among(among)
    return [
        Check(
            "validity",
            quality.validity >= _MIN_COMPLETION,
            f"{quality.validity:.1%} of drawn names end and are spelled by the rules of a list; "
            f"at least {_MIN_COMPLETION:.0%} must",
        ),
        Check(
            "uniqueness",
            unique >= least,
            f"{unique:.1%} of {among:,} drawn names are distinct; at least {least:.1%} must be: "
            "half the share among names taken from the list",
        ),
        _novelty(quality),
        _resemblance(quality),
    ]


def _novelty(quality: Quality) -> Check:
    found = f"{quality.novelty:.1%} of {quality.count:,} drawn names are not in the training list"
    if quality.held_out_novelty is None:
        return Check("novelty", True, f"{found}; this is not judged, as the list is too small to hold names out")
    return Check("novelty", quality.novelty >= _LEAST_NOVELTY, f"{found}; at least {_LEAST_NOVELTY:.1%} must be new")


def _resemblance(quality: Quality) -> Check:
    if quality.distances is None or quality.noise_floor is None or quality.compared < _LEAST_COMPARED:
        return Check("resemblance", True, f"not checked: there are fewer than {_LEAST_COMPARED} names to compare with")
    bounds = {feature: quality.noise_floor[feature] + most for feature, most in _MOST_DISTANCE.items()}
    shown = (f"{feature} {found:.3f} (at most {bounds[feature]:.3f})" for feature, found in quality.distances.items())
    return Check(
        "resemblance",
        all(found <= bounds[feature] for feature, found in quality.distances.items()),
        f"bits between {quality.compared:,} drawn names and held-out ones: {', '.join(shown)}",
    )


def _succession(
    rival: Rival, names: NameList, reference: Reference, current: Version | NamesmithError | None, margin: float
) -> Check:
    """Whether the new version is not worse than the current one on held-out names that neither was trained on."""
    skipped = _not_comparable(rival, reference, current)
    if skipped is None and isinstance(current, Version):
        found = paired_difference(
            rival, Rival(current.checkpoint, current.transitions, current.training_names), reference.dev, names
        )
        if found is not None and found.names >= _LEAST_FAIR:
            return _judged(found, current.digest, margin)
        skipped = f"fewer than {_LEAST_FAIR} held-out names are new to both versions and can be spelled by both"
    return Check("not worse than the current version", True, f"not compared: {skipped}")


def _not_comparable(rival: Rival, reference: Reference, current: Version | NamesmithError | None) -> str | None:
    if current is None:
        return "there is no current version"
    if isinstance(current, NamesmithError):
        return f"it cannot be read: {current}"
    if not len(reference.dev):
        return "the list is too small to hold names out"
    before, now = (model.vocabulary.normalization for model in (current.checkpoint, rival.checkpoint))
    if replace(before, rules=now.rules) != now:
        return f"version {current.digest[:12]} spells names by other rules (Unicode form or case)"
    return None


def _judged(found: PairedDifference, digest: str, margin: float) -> Check:
    """A difference within twice its standard error may be chance, and is not held against a model."""
    most = max(margin, 2 * found.standard_error)
    reasons = {"possibly trained on": found.seen, "with letters that one lacks": found.unspelled}
    left_out = [f"{count:,} {reason}" for reason, count in reasons.items() if count]
    return Check(
        "not worse than the current version",
        found.difference <= most,
        f"loss {found.first:.4f} against {found.second:.4f} of version {digest[:12]}, on the same {found.names:,} "
        f"held-out names ({' and '.join(left_out) or 'none'} left out): {found.difference:+.4f} with standard error "
        f"{found.standard_error:.4f}; at most {most:+.4f} is allowed (margin {margin:g}, or twice the error)",
    )
