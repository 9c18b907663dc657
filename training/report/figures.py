"""The pictures of a report. Axes that are worth comparing between runs are the same in all of them."""

from training.diagnosis.diagnostics import Diagnostics
from training.diagnosis.finding import Reached
from training.report import layer_figures, run_figures, weight_figures
from training.report.drawing import Picture


def pictures(seen: Diagnostics, reached: Reached) -> list[Picture]:
    """Those for which something was seen."""
    made = (
        run_figures.losses(seen, reached),
        layer_figures.activations(seen),
        weight_figures.scales(seen),
        run_figures.updates(seen),
        layer_figures.shares(seen),
        layer_figures.gradients(seen),
        weight_figures.gradients(seen),
        layer_figures.statistics(seen),
    )
    return [picture for picture in made if picture]
