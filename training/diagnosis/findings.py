"""What diagnostics mean, in words: one finding for each thing that was looked at."""

from training.diagnosis import layer_checks, run_checks, start_checks
from training.diagnosis.diagnostics import Diagnostics
from training.diagnosis.finding import Finding, Reached, Severity

_CHECKS = (
    run_checks.failure,
    start_checks.weight_scale,
    start_checks.first_saturation,
    layer_checks.last_saturation,
    start_checks.narrowing,
    start_checks.gradient_flow,
    layer_checks.growth,
    layer_checks.dead_units,
    layer_checks.statistics,
    run_checks.update_size,
    run_checks.first_loss,
    run_checks.learned,
    run_checks.jumps,
    run_checks.overfitting,
    run_checks.against_counting,
    run_checks.still_falling,
)


def findings(diagnostics: Diagnostics, reached: Reached | None = None) -> list[Finding]:
    """The most serious first. What was not seen, as in a run that failed at once, gives no finding."""
    made = (check(diagnostics, reached or Reached()) for check in _CHECKS)
    order = list(Severity)
    return sorted((finding for finding in made if finding), key=lambda finding: order.index(finding.severity))
