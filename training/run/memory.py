"""What a run says where memory is short."""

from collections.abc import Iterator
from contextlib import contextmanager

from model.errors import NamesmithError

_TORCH_SAYS = "can't allocate memory"


class ShortOfMemoryError(NamesmithError):
    """A run that needs more memory than there is."""


@contextmanager
def enough_memory() -> Iterator[None]:
    """Raises ShortOfMemoryError where what is done meanwhile gets too little memory, of this machine or of its GPU."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or _is_of_torch(error)):
            raise
        raise ShortOfMemoryError(
            "not enough memory for this run; nothing was published. "
            "Use a smaller --batch-size or --block-size, or a shorter list"
        ) from None


def _is_of_torch(error: RuntimeError) -> bool:
    import torch  # commands read lists without it

    return isinstance(error, torch.OutOfMemoryError) or _TORCH_SAYS in str(error)
