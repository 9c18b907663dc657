"""Pictures of a run as a whole: its losses, and the ratios of its updates to the weights."""

import math

from matplotlib.axes import Axes

from training.diagnosis.diagnostics import Diagnostics
from training.diagnosis.finding import Reached
from training.diagnosis.run_checks import UPDATE_HIGH
from training.report.drawing import BESIDE, COLOURS, INK, Picture, draw, evenly, gaps

_GUIDE = -3.0


def losses(seen: Diagnostics, reached: Reached) -> Picture | None:
    if not seen.train.steps:
        return None

    def paint(panels: list[Axes]) -> None:
        axes = panels[0]
        axes.plot(seen.train.steps, gaps(seen.train.values), color=COLOURS[0], label="train (the loss minimised)")
        if seen.dev.steps:
            axes.plot(seen.dev.steps, gaps(seen.dev.values), color=COLOURS[4], marker=".", label="dev")
        lines = {"even odds": math.log(seen.symbols)} if seen.symbols else {}
        for way, loss in {**lines, **_counted(reached)}.items():
            axes.axhline(loss, color=INK, linewidth=0.7, linestyle="dashed", alpha=0.6)
            _beside(axes, loss, way.replace("_", "-"))
        axes.set(xlabel="step", ylabel="nats a character", xlim=(0, seen.steps), ylim=_loss_range(seen, reached))
        axes.legend(loc="upper right", bbox_to_anchor=(1, 0.9))

    return draw(
        "losses", "Over the steps", "Train and dev loss, with what counting reaches on dev.", 1, paint, right=BESIDE
    )


def _counted(reached: Reached) -> dict[str, float]:
    """What counting reaches on dev; of the orders of Kneser-Ney the best one."""
    ways = dict(reached.baselines.get("dev", {}))
    orders = [way for way in ways if way.removeprefix("kneser_ney_").isdigit()]
    return {way: loss for way, loss in ways.items() if way not in orders or way == min(orders, key=ways.__getitem__)}


def _beside(axes: Axes, height: float, text: str) -> None:
    axes.annotate(text, (1.01, height), xycoords=("axes fraction", "data"), va="center", fontsize=8)


def _loss_range(seen: Diagnostics, reached: Reached) -> tuple[float, float]:
    """Room for all losses, up to twice the one of even odds: what is above is off the picture."""
    most = 2 * math.log(max(2, seen.symbols))
    shown = [*seen.train.known, *seen.dev.known, *reached.baselines.get("dev", {}).values(), math.log(seen.symbols)]
    low, high = min(shown), min(most, max(shown))
    return low - 0.1, high + 0.1


def updates(seen: Diagnostics) -> Picture | None:
    named = {name: curve for name, curve in seen.updates.items() if curve.known}
    if not named:
        return None

    def paint(panels: list[Axes]) -> None:
        axes = panels[0]
        axes.axhspan(UPDATE_HIGH, 3, color=COLOURS[5], alpha=0.15, linewidth=0)
        axes.axhline(_GUIDE, color=INK, linestyle="dashed", linewidth=0.9)
        names = [list(named)[i] for i in evenly(range(len(named)))]
        for colour, name in zip(COLOURS, names, strict=False):
            label = seen.layers[int(name.partition(".")[0])].label
            axes.plot(named[name].steps, gaps(named[name].values), color=colour, label=label, linewidth=1)
        axes.set(xlabel="step", ylabel="log10 update : weights", xlim=(0, seen.steps), ylim=(-6.5, 1.5))
        _beside(axes, _GUIDE, "guide: -3")
        _beside(axes, 0, "too large")
        axes.legend(loc="lower left", ncols=4)

    text = "log10 of each update by the weights it changes. The guide for long runs is -3; the shade is too large."
    return draw("updates", "Updates", text, 1, paint, right=BESIDE)
