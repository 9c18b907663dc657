"""Pictures of what layers give and get back, the nonlinearities above all."""

from matplotlib.axes import Axes

from training.diagnosis.diagnostics import Diagnostics, LayerLook, Look
from training.diagnosis.layer_checks import DEAD_MANY, SATURATED_MUCH
from training.report.drawing import COLOURS, INK, Picture, draw, evenly, histograms, logarithmic


def activations(seen: Diagnostics) -> Picture | None:
    def paint(panels: list[Axes]) -> None:
        for axes, look in zip(panels, _ends(seen), strict=False):
            bounds = [seen.layers[layer.index].saturates_at for layer in seen.bounded(seen.looks.index(look))]
            for bound in {bound for bound in bounds if bound}:
                for low, high in ((-1.0, -bound), (bound, 1.0)):
                    axes.axvspan(low, high, color=COLOURS[5], alpha=0.25, linewidth=0)
            lines = [
                (f"{seen.layers[layer.index].label}: {_share(layer)}", layer.outputs) for layer in _chosen(seen, look)
            ]
            histograms(axes, lines)
            axes.set(title=f"step {look.step:,}", xlabel="output", xlim=(-1, 1) if all(bounds) else None)
            axes.legend(loc="upper center", ncols=2)
        panels[0].set_ylabel("density")

    if not seen.bounded(0):
        return None
    text = "Outputs of the nonlinearities at the first and the last look; the shaded ends are where they saturate."
    return draw("activations", "Activations", text, 2, paint, height=3.1)


def gradients(seen: Diagnostics) -> Picture | None:
    def paint(panels: list[Axes]) -> None:
        for axes, look in zip(panels, _ends(seen), strict=False):
            histograms(
                axes,
                [
                    (f"{seen.layers[layer.index].label}: {layer.gradients.std:.1e}", layer.gradients)
                    for layer in _chosen(seen, look)
                    if layer.gradients
                ],
            )
            axes.set(title=f"step {look.step:,}", xlabel="gradient of an example's loss")
            axes.legend(loc="upper right", title="standard deviation", title_fontsize=8)
        panels[0].set_ylabel("density")

    if not seen.bounded(0):
        return None
    text = "Gradients with respect to the same outputs. Equal widths mean that every layer hears of its mistakes."
    return draw("gradients", "Gradients of the outputs", text, 2, paint, height=3.1)


def shares(seen: Diagnostics) -> Picture | None:
    bounded = seen.bounded(0)
    if not bounded:
        return None

    def paint(panels: list[Axes]) -> None:
        for axes, field, limit in zip(panels, ("saturated", "dead"), (SATURATED_MUCH, DEAD_MANY), strict=True):
            axes.axhspan(limit, 1, color=COLOURS[5], alpha=0.15, linewidth=0)
            for colour, layer in zip(COLOURS, evenly(bounded), strict=False):
                values = [getattr(look.layers[layer.index], field) for look in seen.looks]
                if None not in values:
                    label = seen.layers[layer.index].label
                    axes.plot([look.step for look in seen.looks], values, "o-", color=colour, label=label)
            axes.set(xscale="log", xlabel="step", ylim=(-0.02, 1.02), title=f"share {field}")
            logarithmic(axes.xaxis)
        panels[1].legend(loc="upper left")

    text = "Share of outputs that are saturated, and of units that no example sends a gradient through, at each look."
    return draw("shares", "Saturated outputs and dead units", text, 2, paint)


def statistics(seen: Diagnostics) -> Picture | None:
    found = [] if seen.last is None else [layer for layer in seen.last.layers if layer.statistics]
    if not found or seen.last is None:
        return None
    step = seen.last.step

    def paint(panels: list[Axes]) -> None:
        for axes, field in zip(panels, ("mean", "std"), strict=True):
            ends: list[float] = []
            for colour, layer in zip(COLOURS, evenly(found), strict=False):
                batch = getattr(layer.statistics, f"batch_{field}")
                running = getattr(layer.statistics, f"running_{field}")
                axes.plot(batch, running, ".", color=colour, label=seen.layers[layer.index].label, alpha=0.7)
                ends += [*batch, *running]
            axes.plot([min(ends), max(ends)], [min(ends), max(ends)], color=INK, linewidth=0.7, zorder=0)
            axes.set(xlabel=f"{field} of the batch", ylabel=f"running {field}")
        panels[0].legend(loc="upper left")

    text = f"Each unit's running statistics over those of the batch, at step {step:,}. On the line they agree."
    return draw("statistics", "Running and batch statistics", text, 2, paint, height=3.1)


def _ends(seen: Diagnostics) -> list[Look]:
    """The first look and the last."""
    return [seen.looks[0], seen.looks[-1]]


def _chosen(seen: Diagnostics, look: Look) -> list[LayerLook]:
    return evenly(seen.bounded(seen.looks.index(look)))


def _share(layer: LayerLook) -> str:
    return f"{layer.dead or 0:.0%} dead" if layer.saturated is None else f"{layer.saturated:.0%} saturated"
