"""What commands fall back on, known without PyTorch: it is imported only when a list has been read."""

from pathlib import Path

GAIN = 5 / 3
"""Of the first hidden weights: that of tanh, `model.network.layers.TANH_GAIN`."""
MARGIN = 0.01
"""Nats a character that a new version may be worse than the current one: about the standard error of a loss measured on
3,200 names."""
SNAPSHOT_DIRECTORY = Path(__file__).resolve().parents[2] / "var" / "runs"
"""Where snapshots go unless told otherwise."""
SNAPSHOT_SECONDS = 10.0
"""Between two snapshots."""
