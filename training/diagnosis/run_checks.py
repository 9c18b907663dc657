"""Findings about a run as a whole: its steps, its losses, what it reached."""

import math
from statistics import median_high

from training.diagnosis.diagnostics import Diagnostics
from training.diagnosis.finding import MAKEMORE, OWN, Finding, Reached, Severity

UPDATE_HIGH, _UPDATE_LOW = -0.6, -4.0
_FIRST_LOSS = 1.5
_LEARNED = 0.1
_JUMP = 0.3
_RISE = 0.01
_GAP = 0.3
_CLOSE, _BEHIND = 0.02, 0.1
_WORDS = {Severity.OK: "As good as", Severity.NOTE: "Slightly worse than", Severity.WARNING: "Worse than"}
_FALLING, _LAST_PART = 0.03, 0.2


def failure(seen: Diagnostics, _: Reached) -> Finding | None:
    if seen.failure is None:
        return None
    return Finding(Severity.WARNING, "The run did not produce a model", seen.failure, "the training loop")


def update_size(seen: Diagnostics, _: Reached) -> Finding | None:
    """The steps of the middle matrix against its weights: the largest one, and the middle one. (The last matrix often
    starts small on purpose, and the first one has its own pace.)"""
    updates = [sorted(curve.known) for curve in seen.updates.values() if curve.known]
    if not updates:
        return None
    peak = median_high(known[-1] for known in updates)
    middle = median_high(known[len(known) // 2] for known in updates)
    source = f"{MAKEMORE}: about -3 over a long run; bounds {UPDATE_HIGH:g} and {_UPDATE_LOW:g}: {OWN}"
    usual = f"Usually a step moves the middle matrix by 10^{middle:.1f} of its size, at the most by 10^{peak:.1f}"
    if peak > UPDATE_HIGH:
        return Finding(
            Severity.WARNING,
            f"Steps too large: up to 10^{peak:.1f} of the weights",
            f"{usual}, {10**peak:.0%}: what was learned is overwritten. Lower the learning rate.",
            source,
        )
    if middle < _UPDATE_LOW:
        return Finding(
            Severity.WARNING,
            f"Steps too small: 10^{middle:.1f} of the weights",
            f"{usual}: it hardly moves. Raise the learning rate, or make the initial weights smaller.",
            source,
        )
    return Finding(
        Severity.OK,
        f"Steps of a good size: 10^{middle:.1f} of the weights",
        f"{usual}. A short run takes larger steps than the 10^-3 of a long one.",
        source,
    )


def first_loss(seen: Diagnostics, _: Reached) -> Finding | None:
    """Against guessing at even odds, which is all that an untrained network can know."""
    first = seen.train.values[0] if seen.train.values else None
    if first is None or seen.symbols < 2:
        return None
    even = math.log(seen.symbols)
    usual = f"log({seen.symbols}) = {even:.2f}; usual: up to {_FIRST_LOSS:g} times that"
    if first <= _FIRST_LOSS * even:
        return Finding(
            Severity.OK,
            f"The first guess is an even one: loss {first:.2f}",
            f"Guessing at even odds among {seen.symbols} symbols gives {even:.2f}.",
            f"{MAKEMORE}: {usual}",
        )
    return Finding(
        Severity.WARNING,
        f"The first guess is sure and wrong: loss {first:.2f}",
        f"Guessing at even odds among {seen.symbols} symbols gives {even:.2f}. The first steps only undo this: make "
        "the last layer's initial weights smaller.",
        f"{MAKEMORE}: {usual}",
    )


def learned(seen: Diagnostics, _: Reached) -> Finding | None:
    known = seen.train.known
    if len(known) < 2 or known[-1] <= known[0] - _LEARNED:
        return None
    return Finding(
        Severity.WARNING,
        f"The loss did not fall: {known[0]:.2f} to {known[-1]:.2f}",
        "The steps are far too small or far too large, or they are too few.",
        f"{OWN}: {_LEARNED:g} at least",
    )


def jumps(seen: Diagnostics, _: Reached) -> Finding | None:
    """The loss, each time against the least before it."""
    known = seen.train.known
    rise, i = max(((value - min(known[:i]), i) for i, value in enumerate(known) if i), default=(0.0, 0))
    if rise <= _JUMP:
        return None
    return Finding(
        Severity.WARNING,
        f"The loss jumps by {rise:.2f}",
        f"After {min(known[:i]):.2f} it was {known[i]:.2f} again: steps too large. Lower the learning rate.",
        f"{OWN}: {_JUMP:g} at the most",
    )


def overfitting(seen: Diagnostics, reached: Reached) -> Finding | None:
    """A dev loss that rises again, or that stays far above the train loss."""
    known = seen.dev.known
    if not known:
        return None
    least, last = min(known), known[-1]
    train, dev = reached.losses.get("train"), reached.losses.get("dev")
    gap = dev - train if train is not None and dev is not None else 0.0
    if seen.train.known[-1:] > [min(seen.train.known, default=0.0) + _JUMP]:
        return None  # then it is not learning that makes dev rise
    if last <= least + _RISE and gap <= _GAP:
        return Finding(
            Severity.OK,
            "The dev loss ends at its minimum",
            f"{last:.4f}; the minimum was {least:.4f}" + (f", {gap:.3f} over the train loss." if gap else "."),
            f"{OWN}: a rise of up to {_RISE:g}, a distance of up to {_GAP:g}",
        )
    step = seen.dev.steps[seen.dev.values.index(least)]
    rising = f"The dev loss is least at step {step:,} ({least:.4f}) and ends at {last:.4f}"
    return Finding(
        Severity.WARNING if last > least + 5 * _RISE else Severity.NOTE,
        "The network learns the list by heart" if last > least + _RISE else f"Dev is {gap:.2f} above train",
        f"{rising}, while the train loss goes on falling. Fewer steps, a smaller network, or more names would help.",
        f"{OWN}: a rise of up to {_RISE:g}, a distance of up to {_GAP:g}",
    )


def against_counting(_: Diagnostics, reached: Reached) -> Finding | None:
    """The dev loss beside what counting reaches on the same names."""
    dev, counted = reached.losses.get("dev"), reached.baselines.get("dev")
    if dev is None or not counted:
        return None
    way, best = min(counted.items(), key=lambda item: item[1])
    way = way.replace("_", "-").replace("kneser-ney", "Kneser-Ney")
    behind = dev - best
    severity = Severity.OK if behind <= _CLOSE else Severity.NOTE if behind <= _BEHIND else Severity.WARNING
    words = "Better than" if behind < 0 else _WORDS[severity]
    return Finding(
        severity,
        f"{words} counting: {dev:.4f} against {best:.4f}",
        f"Dev loss, and that of the best way to count ({way}) on the same names."
        + ("" if severity == Severity.OK else " There is more to be learned from this list."),
        f"{OWN}: a note over {_CLOSE:g} behind, a warning over {_BEHIND:g}",
    )


def still_falling(seen: Diagnostics, reached: Reached) -> Finding | None:
    known = seen.dev.known or seen.train.known
    if len(known) < 10 or seen.failure or jumps(seen, reached):
        return None
    before, fall = known[-1 - round(_LAST_PART * len(known))], known[0] - known[-1]
    if fall <= 0 or before - known[-1] <= _FALLING * fall:
        return None
    return Finding(
        Severity.NOTE,
        "The loss was still falling at the end",
        f"The last {_LAST_PART:.0%} of the run brought {before - known[-1]:.3f} of {fall:.3f}. More steps would help.",
        f"{OWN}: over {_FALLING:.0%} of the fall",
    )
