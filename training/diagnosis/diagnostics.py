"""What a network looked like while it was trained: plain data, kept with the version; the report is drawn from it."""

from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from model.errors import NamesmithError
from training.diagnosis.spread import Spread


@dataclass(frozen=True)
class LayerTraits:
    """What findings and pictures need to know of a layer, without its type."""

    index: int
    label: str
    """Place and type, such as `4 Tanh`."""
    saturates_at: float | None
    silent_at: float | None
    wanted_gain: float | None
    """What its weights should be scaled by, beyond 1 / sqrt(fan-in), for the nonlinearity they lead to."""
    normalised: bool
    """Whether a normalisation stands between its weights and that nonlinearity."""


@dataclass(frozen=True)
class Statistics:
    """A normalisation's mean and standard deviation of each input: of the batch, and as evaluation will use them."""

    batch_mean: list[float]
    running_mean: list[float]
    batch_std: list[float]
    running_std: list[float]


@dataclass(frozen=True)
class LayerLook:
    """A layer's outputs, and the gradients of an example's loss with respect to them."""

    index: int
    outputs: Spread
    gradients: Spread | None
    saturated: float | None
    """The share of outputs beyond `saturates_at`; None where the layer has no such bound."""
    dead: float | None
    """The share of units that no example sends a gradient back through; None where the layer lets them all back."""
    statistics: Statistics | None


@dataclass(frozen=True)
class WeightLook:
    """A matrix of weights, and the gradients of the batch's loss with respect to them."""

    name: str
    """As in the checkpoint: `LAYER_INDEX.NAME`."""
    layer: int
    std: float
    scale: float | None
    """Root mean square times sqrt(fan-in): the factor by which it spreads what comes in; None without a fan-in."""
    gradients: Spread

    @property
    def gradient_ratio(self) -> float:
        """The gradients' standard deviation by that of the weights."""
        return self.gradients.std / self.std if self.std else 0.0


@dataclass(frozen=True)
class Look:
    """The network in one step, before its update."""

    step: int
    rows: int
    """Examples that were looked at."""
    layers: list[LayerLook]
    weights: list[WeightLook]


@dataclass(frozen=True)
class Curve:
    """A number over steps; None where it was not finite."""

    steps: list[int]
    values: list[float | None]

    @property
    def known(self) -> list[float]:
        return [value for value in self.values if value is not None]


@dataclass(frozen=True)
class Diagnostics:
    steps: int
    """Steps that the run was to have."""
    symbols: int
    """Of the vocabulary: the outputs of the last layer."""
    layers: list[LayerTraits]
    looks: list[Look]
    train: Curve
    """The loss that was lowered (nats)."""
    dev: Curve
    updates: dict[str, Curve]
    """log10 of each update of a matrix by the matrix, both as root mean squares, by the name of the matrix."""
    failure: str | None = None
    """Why the run came to no model."""

    @property
    def first(self) -> Look | None:
        return self.looks[0] if self.looks else None

    @property
    def last(self) -> Look | None:
        return self.looks[-1] if self.looks else None

    def bounded(self, look: int) -> list[LayerLook]:
        """In a look, the layers that block gradients somewhere: the nonlinearities."""
        layers = self.looks[look].layers if self.looks else []
        return [layer for layer in layers if layer.dead is not None]

    def most_saturated(self, look: int) -> tuple[float, LayerTraits] | None:
        """Share and layer; None where no layer saturates."""
        shares = [(layer.saturated, layer.index) for layer in self.bounded(look) if layer.saturated is not None]
        if not shares:
            return None
        share, index = max(shares, key=lambda item: item[0])
        return share, self.layers[index]


_JSON = TypeAdapter(Diagnostics)


def dumps(diagnostics: Diagnostics) -> bytes:
    return _JSON.dump_json(diagnostics)


def loads(data: bytes) -> Diagnostics:
    """What `dumps` wrote. Raises NamesmithError."""
    try:
        return _JSON.validate_json(data)
    except ValidationError as error:
        raise NamesmithError(f"these are not diagnostics: {error.errors()[0]['msg']}") from None
