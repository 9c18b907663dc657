"""Pictures of matrices: how large their numbers are, and how large their gradients."""

import math

from matplotlib.axes import Axes

from training.diagnosis.diagnostics import Diagnostics, WeightLook
from training.diagnosis.start_checks import SCALE_HIGH, SCALE_LOW
from training.report.drawing import BESIDE, COLOURS, Picture, draw, evenly, gaps, histograms, logarithmic

_SHOWN_SCALES = (0.07, 60.0)


def scales(seen: Diagnostics) -> Picture | None:
    if not (seen.first and seen.last):
        return None
    first, last = seen.first, seen.last
    shown = [(weight, end) for weight, end in zip(first.weights, last.weights, strict=True) if weight.scale]

    def paint(panels: list[Axes]) -> None:
        axes = panels[0]
        for place, (weight, _) in enumerate(shown):
            _gain(axes, place, seen.layers[weight.layer].wanted_gain)
        before, after = gaps(weight.scale for weight, _ in shown), gaps(end.scale for _, end in shown)
        axes.plot(before, "o", color=COLOURS[0], markersize=8, fillstyle="none", label="step 1")
        axes.plot(after, "o", color=COLOURS[4], label=f"step {last.step:,}")
        axes.set_xticks(range(len(shown)), _labels(seen, [weight for weight, _ in shown]))
        low, high = _SHOWN_SCALES
        axes.set(yscale="log", ylabel="weights x sqrt(fan-in)", ylim=(low, max(high, *(2 * end for end in after))))
        logarithmic(axes.yaxis)
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))

    text = "Weights times the root of their fan-in, beside the gain that the nonlinearity after them needs (green)."
    return draw("weight-scales", "Size of the weights", text, 1, paint, right=BESIDE) if shown else None


def _gain(axes: Axes, place: int, gain: float | None) -> None:
    """What is usual where a gain is wanted."""
    if gain:
        ends = [place - 0.4, place + 0.4]
        axes.fill_between(ends, SCALE_LOW * gain, SCALE_HIGH * gain, color=COLOURS[2], alpha=0.3, linewidth=0)
        axes.plot(ends, [gain, gain], color=COLOURS[2])


def gradients(seen: Diagnostics) -> Picture | None:
    if not (seen.first and seen.last):
        return None
    first, last = seen.first, seen.last

    def paint(panels: list[Axes]) -> None:
        left, right = panels
        histograms(left, [(seen.layers[weight.layer].label, weight.gradients) for weight in evenly(last.weights)])
        left.set(title=f"step {last.step:,}", xlabel="gradient of the batch's loss", ylabel="density")
        left.legend(loc="upper right")
        for look, colour, fill in ((first, COLOURS[0], "none"), (last, COLOURS[4], "full")):
            ratios = [weight.gradient_ratio or math.nan for weight in look.weights]
            right.plot(ratios, "o", color=colour, fillstyle=fill, markersize=6, label=f"step {look.step:,}")
        right.set_xticks(range(len(first.weights)), _labels(seen, first.weights))
        right.set(yscale="log", title="gradient : weight (standard deviations)")
        logarithmic(right.yaxis)
        right.legend(loc="best")

    text = "Gradients of the matrices at the last look, and their size for that of the weights at both ends of the run."
    return draw("weight-gradients", "Gradients of the weights", text, 2, paint, height=3.1)


def _labels(seen: Diagnostics, weights: list[WeightLook]) -> list[str]:
    """Of layers, in two lines; the place alone where there are many."""
    labels = [seen.layers[weight.layer].label for weight in weights]
    return [label.split()[0] if len(labels) > 10 else label.replace(" ", "\n") for label in labels]
