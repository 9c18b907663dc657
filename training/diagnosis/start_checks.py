"""Findings about how the layers of a network began. No layer is known by its type."""

from training.diagnosis.diagnostics import Diagnostics, LayerTraits, WeightLook
from training.diagnosis.finding import GLOROT, HE, MAKEMORE, Finding, Reached, Severity

SCALE_LOW, SCALE_HIGH = 0.75, 2.0
_SATURATED = 0.30
_NARROW = 0.65
_GRADIENT_FALL = 10.0


def weight_scale(seen: Diagnostics, _: Reached) -> Finding | None:
    """Initial weights against the gain of the nonlinearity they lead to."""
    weights = [] if seen.first is None else [(look, seen.layers[look.layer]) for look in seen.first.weights]
    scaled = [
        (look, layer, look.scale / layer.wanted_gain) for look, layer in weights if look.scale and layer.wanted_gain
    ]
    if not scaled:
        return None
    look, layer, ratio = max(scaled, key=lambda item: max(item[2], 1 / item[2]) if item[2] else float("inf"))
    if SCALE_LOW <= ratio <= SCALE_HIGH:
        return Finding(
            Severity.OK,
            "The first weights have the right size",
            "Scaled by the root of their fan-in, the weights spread by "
            f"{_range([look.scale or 0 for look, *_ in scaled])}; "
            f"the nonlinearities after them need {_range([layer.wanted_gain or 0 for _, layer, _ in scaled])}.",
            f"{GLOROT}; {HE}",
        )
    return _off_scale(look, layer, ratio)


def _off_scale(look: WeightLook, layer: LayerTraits, ratio: float) -> Finding:
    small = ratio < 1
    how = f"{1 / ratio:.1f} times too small" if small else f"{ratio:.1f} times too large"
    so = "each layer passes on less than it received" if small else "the outputs saturate"
    if layer.normalised:
        so = (
            "The normalisation behind them makes up for it in the forward pass: activations look as they should. It "
            f"does not in training: their gradients are {1 / ratio:.2g} times as large as they would be, and a "
            f"step moves them {'more' if small else 'less'} for their size. Without that normalisation {so}"
        )
    else:
        so = f"Nothing normalises what comes out, so {so}"
    return Finding(
        Severity.NOTE if layer.normalised and small else Severity.WARNING,
        f"Initial weights {how}" + (" (the gain is missing)" if small and look.scale and look.scale < 1.1 else ""),
        f"Layer {layer.label}: scaled by the root of their fan-in, the weights spread "
        f"by {look.scale:.2f}; the nonlinearity "
        f"after them needs {layer.wanted_gain:.2f}. {so}. Multiply the initial weights by {1 / ratio:.2g}.",
        f"{GLOROT}; {HE}; usual: {SCALE_LOW} to {SCALE_HIGH:g} times the gain",
    )


def first_saturation(seen: Diagnostics, _: Reached) -> Finding | None:
    found = seen.most_saturated(0)
    if found is None:
        return None
    share, layer = found
    if share <= _SATURATED:
        return Finding(
            Severity.OK,
            f"Activations start in range: at most {share:.0%} saturated",
            f"Layer {layer.label} has the most outputs beyond {layer.saturates_at} at the first step.",
            f"{MAKEMORE}; usual: up to {_SATURATED:.0%}",
        )
    return Finding(
        Severity.WARNING,
        f"Layer {layer.label} saturated {share:.0%} at the first step: initial weights too large",
        f"So many of its outputs are beyond {layer.saturates_at}, where next to no gradient comes back, before "
        "anything was learned. Make the weights before it smaller, or normalise between.",
        f"{MAKEMORE}; usual: up to {_SATURATED:.0%}",
    )


def narrowing(seen: Diagnostics, _: Reached) -> Finding | None:
    """Outputs of the nonlinearities at the first step: as spread in the last layer as in the first one?"""
    looks = seen.bounded(0)
    if len(looks) < 2 or not looks[0].outputs.std:
        return None
    first, last = looks[0].outputs.std, looks[-1].outputs.std
    if last >= _NARROW * first:
        return None
    return Finding(
        Severity.WARNING,
        f"Activations narrow from layer to layer: {first:.2f} down to {last:.2f}",
        f"Standard deviation of the outputs of layer {seen.layers[looks[0].index].label} and layer "
        f"{seen.layers[looks[-1].index].label} at the first step. Each layer passes "
        "on less than it received: the gain is "
        "missing from the initial weights.",
        f"{MAKEMORE}; {GLOROT}; usual: at least {_NARROW:.0%} of the first layer's",
    )


def gradient_flow(seen: Diagnostics, _: Reached) -> Finding | None:
    looks = seen.bounded(0)
    stds = [look.gradients.std for look in looks if look.gradients]
    if len(stds) < 2 or not all(stds):
        return None
    ratio = stds[0] / stds[-1]
    if 1 / _GRADIENT_FALL <= ratio <= _GRADIENT_FALL:
        return Finding(
            Severity.OK,
            f"Gradients reach the first layer: {ratio:.1f} times as large as at the last",
            "Standard deviations behind the first and the last nonlinearity at the first step.",
            f"{GLOROT}; usual: within {_GRADIENT_FALL:g} times",
        )
    return Finding(
        Severity.WARNING,
        f"Gradients {'explode' if ratio > 1 else 'vanish'} on their way back",
        f"At the first layer they are {ratio:.2g} times as large as at the last one, at the first step. The initial "
        f"weights are too {'large' if ratio > 1 else 'small'}, or units are blocked.",
        f"{GLOROT}; usual: within {_GRADIENT_FALL:g} times",
    )


def _range(numbers: list[float]) -> str:
    low, high = f"{min(numbers):.2f}", f"{max(numbers):.2f}"
    return low if low == high else f"{low} to {high}"
