"""A run as TensorBoard shows it: losses over steps, and the settings beside what they reached."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from model.errors import NamesmithError
from training.recipe.presets import Preset
from training.run.run import Config, Result


class Log(Protocol):
    """What a run tells of itself."""

    def step(self, step: int, train_loss: float, dev_loss: float | None) -> None:
        """As the training loop calls it."""

    def result(self, result: Result) -> None:
        """The run is over."""


class _Silence:
    def step(self, step: int, train_loss: float, dev_loss: float | None) -> None:
        """Says nothing."""

    def result(self, result: Result) -> None:
        """Says nothing."""


class _Events:
    def __init__(self, writer: Any, config: Config) -> None:
        self._writer = writer
        self._config = config

    def step(self, step: int, train_loss: float, dev_loss: float | None) -> None:
        """Train loss each time it is called, dev loss where it was measured just now."""
        self._writer.add_scalar("loss/train", train_loss, step)
        preset = self._config.preset
        if dev_loss is not None and (step % preset.evaluate_every == 0 or step == preset.steps):
            self._writer.add_scalar("loss/dev", dev_loss, step)

    def result(self, result: Result) -> None:
        settings = {**_settings(self._config.preset), "seed": self._config.seed, "block_size": self._config.context}
        reached = {f"final/{name}": loss for name, loss in result.losses.fields().items() if loss is not None}
        self._writer.add_hparams(settings, reached, run_name=".")


@contextmanager
def logging_to(directory: Path | None, name: str, config: Config) -> Iterator[Log]:
    """Logs into a directory of its own for each run, under `directory`; None logs nothing. Raises NamesmithError where
    TensorBoard is not installed, or where the directory cannot be written."""
    if directory is None:
        yield _Silence()
        return
    run = directory / f"{name}-{datetime.now():%Y%m%d-%H%M%S-%f}"
    writer = _writer(run)
    try:
        yield _Events(writer, config)
    finally:
        writer.close()


def _writer(directory: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise NamesmithError("--tensorboard needs the package tensorboard: pip install tensorboard") from None
    try:
        return SummaryWriter(directory)
    except OSError as error:
        raise NamesmithError(f"cannot write TensorBoard logs to {directory}: {error.strerror}") from None


def _settings(preset: Preset) -> dict[str, Any]:
    """Values that TensorBoard can show: text and numbers."""
    shown = {name: getattr(preset, name) for name in ("optimizer", "schedule", "learning_rate", "steps")}
    return {"preset": preset.name, **shown, "batch_size": str(preset.batch_size or "all contexts")}
