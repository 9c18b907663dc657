"""What the service serves, in this process: the one place here that knows how the service makes its samplers."""

from collections.abc import Callable
from typing import Any

from model.constraints.compile_constraints import Constraints
from model.sampling.sampler import Sampler
from model.text.names import Names
from model.text.spelling import Form
from model.transitions.shaping import ShapeSettings
from service import settings
from service.catalog.hot_swap import load_catalog

_LENGTHS = ("min_length", "max_length")


class Served:
    """The default model under the service's own settings (NAMESMITH_...), block list included."""

    def __init__(self) -> None:
        self._catalog = load_catalog(settings.Settings())
        self.model = self._catalog.published(None)

    def sampler(self, novel: bool = False, **asked: Any) -> Sampler:
        """For the fields of a request to /sample, kept as the service keeps it. Raises ConstraintError."""
        shape = ShapeSettings(**{key: value for key, value in asked.items() if key in _LENGTHS})
        texts = {key: value for key, value in asked.items() if key not in _LENGTHS}
        return self._catalog.samplers.get(self.model, shape, Constraints(**texts), novel)

    @property
    def training_names(self) -> list[str]:
        return sorted(self.model.version.training_names or ())

    @property
    def render(self) -> Callable[[Names], bytes]:
        """Names as the bytes of a JSON answer."""
        return self.model.spelling("title", Form.JSON).write
