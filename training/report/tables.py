"""The tables of a report: what stands beside the pictures, for those who want the numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from training.data.baselines import ORDERS
from training.diagnosis.diagnostics import Diagnostics, Look
from training.diagnosis.finding import Reached

_PARTS = ("train", "dev", "test")
_KINDS = ("length", "bigram", "trigram")
_WAYS = {
    "unigram": "counting single letters",
    "bigram": "counting pairs",
    "kneser_ney": "counting contexts (Kneser-Ney)",
    **{f"kneser_ney_{order}": f"Kneser-Ney of order {order}" for order in ORDERS},
}


@dataclass(frozen=True)
class Table:
    caption: str
    heads: list[str]
    rows: list[list[str]]
    text: bool = False
    """Whether cells hold words rather than numbers."""


def losses(reached: Reached) -> Table | None:
    """The network's losses above those of counting."""
    rows: dict[str, Mapping[str, float]] = {"this network": reached.losses}
    for part, ways in reached.baselines.items():
        for way, loss in ways.items():
            label = _WAYS.get(way, way)
            rows[label] = {**rows.get(label, {}), part: loss}
    shown = [[way, *(_number(known.get(part), ".4f") for part in _PARTS)] for way, known in rows.items() if known]
    return Table("Nats a character; less is better", ["", *_PARTS], shown) if shown else None


def quality(known: Mapping[str, Any]) -> Table:
    """Of generated names: shares, and distances to held-out names beside those between two sets of real ones."""
    distinct, distances, floor = (known.get(key) or {} for key in ("uniqueness", "distances", "noise_floor"))
    beside = {"novelty": known.get("held_out_novelty")}
    rows = [
        [key, _number(known.get(key), ".1%"), _number(beside.get(key), ".1%")]
        for key in ("validity", "novelty")
        if key in known
    ]
    for count, share in sorted(distinct.items(), key=lambda item: int(item[0])):
        rows.append([f"distinct among {int(count):,}", _number(share, ".1%"), ""])
    for kind in (kind for kind in _KINDS if kind in distances):
        rows.append([f"distance of {kind}s (bits)", _number(distances[kind], ".4f"), _number(floor.get(kind), ".4f")])
    return Table(f"Of {_number(known.get('count'), ',')} names", ["", "generated", "between real names"], rows)


def layers(seen: Diagnostics) -> Table:
    heads = ["layer", "step", "mean", "std", "saturated", "dead units", "gradient std"]
    return Table("Outputs of each layer", heads, [row for look in _ends(seen) for row in _layer_rows(seen, look)])


def _layer_rows(seen: Diagnostics, look: Look) -> list[list[str]]:
    return [
        [
            seen.layers[layer.index].label,
            f"{look.step:,}",
            f"{layer.outputs.mean:.3f}",
            f"{layer.outputs.std:.3f}",
            _number(layer.saturated, ".1%"),
            _number(layer.dead, ".1%"),
            _number(layer.gradients.std if layer.gradients else None, ".2e"),
        ]
        for layer in look.layers
    ]


def weights(seen: Diagnostics) -> Table:
    heads = ["weights", "step", "std", "x sqrt(fan-in)", "wanted", "gradient std", "gradient : weight", "log10 update"]
    middles = {name: median(curve.known) for name, curve in seen.updates.items() if curve.known}
    rows = [
        [
            seen.layers[weight.layer].label,
            f"{look.step:,}",
            f"{weight.std:.3f}",
            _number(weight.scale, ".2f"),
            _number(seen.layers[weight.layer].wanted_gain, ".2f"),
            f"{weight.gradients.std:.2e}",
            f"{weight.gradient_ratio:.2e}",
            _number(middles.get(weight.name), ".2f"),
        ]
        for look in _ends(seen)
        for weight in look.weights
    ]
    return Table("Matrices (log10 update: the middle step by the weights)", heads, rows)


def _ends(seen: Diagnostics) -> list[Look]:
    return [look for look in (seen.first, seen.last) if look][: len(seen.looks)]


def _number(value: Any, form: str) -> str:
    return f"{value:{form}}" if isinstance(value, float | int) else ""
