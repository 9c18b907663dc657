"""Findings about what became of the layers of a network. No layer is known by its type."""

from statistics import median

from training.diagnosis.diagnostics import Diagnostics, Statistics
from training.diagnosis.finding import IOFFE, MAKEMORE, OWN, Finding, Reached, Severity

_SATURATED, SATURATED_MUCH = 0.40, 0.60
_GROWN = 20.0
_DEAD_FEW, DEAD_MANY = 0.01, 0.10
_SHIFT, _STRETCH = 0.5, 1.5


def last_saturation(seen: Diagnostics, _: Reached) -> Finding | None:
    found = seen.most_saturated(-1) if len(seen.looks) > 1 else None
    if found is None or seen.last is None or found[0] <= _SATURATED:
        return None
    share, layer = found
    much = share > SATURATED_MUCH
    return Finding(
        Severity.WARNING if much else Severity.NOTE,
        f"Layer {layer.label} saturated {share:.0%} at step {seen.last.step:,}",
        f"This share of its outputs lies beyond {layer.saturates_at}. "
        + (
            "The weights have grown past what they can be trained with: steps too large, or weights too large at first."
            if much
            else "Long training often brings a layer close to its limits; this one still learns."
        ),
        f"{OWN}: a note over {_SATURATED:.0%}, a warning over {SATURATED_MUCH:.0%}",
    )


def growth(seen: Diagnostics, _: Reached) -> Finding | None:
    """Of weights that lead to a nonlinearity, over the run."""
    if seen.first is None or seen.last is None:
        return None
    ends = {look.name: look.std for look in seen.last.weights}
    grown = [
        (ends[look.name] / look.std, seen.layers[look.layer])
        for look in seen.first.weights
        if look.std and seen.layers[look.layer].wanted_gain
    ]
    times, layer = max(grown, key=lambda item: item[0], default=(0.0, None))
    if layer is None or times <= _GROWN:
        return None
    return Finding(
        Severity.WARNING,
        f"Weights grew {times:,.0f}-fold: steps too large",
        f"The weights of layer {layer.label}, from the first look to step "
        f"{seen.last.step:,}. Steps that overshoot add up to "
        "weights that fit nothing. Lower the learning rate.",
        f"{OWN}: {_GROWN:g} times",
    )


def dead_units(seen: Diagnostics, _: Reached) -> Finding | None:
    shares = [(look.dead, seen.layers[look.index]) for look in seen.bounded(-1) if look.dead is not None]
    if not shares or seen.last is None:
        return None
    share, layer = max(shares, key=lambda item: item[0])
    if share <= _DEAD_FEW:
        return Finding(
            Severity.OK, "No dead units", f"Every unit learns from some example at step {seen.last.step:,}.", MAKEMORE
        )
    return Finding(
        Severity.WARNING if share > DEAD_MANY else Severity.NOTE,
        f"Layer {layer.label}: {share:.0%} of its units are dead",
        f"At step {seen.last.step:,} no example sends a gradient back through them, "
        "so they stay as they are. The steps "
        "or initial weights are too large.",
        f"{MAKEMORE}; a note over {_DEAD_FEW:.0%}, a warning over {DEAD_MANY:.0%} ({OWN})",
    )


def statistics(seen: Diagnostics, _: Reached) -> Finding | None:
    """Running statistics against those of the last batch that was looked at."""
    if seen.last is None or len(seen.looks) == 1:
        return None
    found = [(look.index, look.statistics) for look in seen.last.layers if look.statistics]
    if not found:
        return None
    index, shift, stretch = max(((index, *_apart(s)) for index, s in found), key=lambda item: max(item[1], item[2] - 1))
    apart = f"the middle unit of layer {seen.layers[index].label} is {shift:.2f} standard deviations off, its spread "
    apart += f"{stretch:.2f} times apart"
    if shift <= _SHIFT and stretch <= _STRETCH:
        return Finding(
            Severity.OK, "Running statistics agree with the batch's", f"At most, {apart}.", f"{IOFFE}; {OWN}"
        )
    return Finding(
        Severity.WARNING,
        "Running statistics differ from the batch's",
        f"At step {seen.last.step:,} {apart}. In evaluation the network would see other inputs than it was trained on: "
        "too few steps for the running averages, or weights that move too fast for them. (They are measured anew at "
        "the end of training, so the published model does not suffer.)",
        f"{IOFFE}; {OWN}: {_SHIFT:g} standard deviations, {_STRETCH:g} times",
    )


def _apart(statistics: Statistics) -> tuple[float, float]:
    """Of the middle unit: distance of the means in standard deviations, ratio of the standard deviations (over 1)."""
    spreads = [max(std, 1e-9) for std in statistics.batch_std]
    means = zip(statistics.batch_mean, statistics.running_mean, spreads, strict=True)
    ratios = [max(running, 1e-9) / std for running, std in zip(statistics.running_std, spreads, strict=True)]
    return (
        median(abs(batch - running) / std for batch, running, std in means),
        median(max(ratio, 1 / ratio) for ratio in ratios),
    )
