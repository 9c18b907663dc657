"""From a network to the automaton that is served for it. Brings PyTorch."""

from collections.abc import Sequence

from model.checkpoint import Checkpoint
from model.tabulation import compile_table
from model.transitions import Transitions


def compile_model(
    checkpoint: Checkpoint,
    names: Sequence[str] | None,  # noqa: ARG001
    contexts: int | None = None,  # noqa: ARG001
) -> Transitions:
    """The same arguments give the same numbers. `names` are the distinct names of the training list, in order, where it
    is known; `contexts` is how many states there may be. Raises NamesmithError for a network that cannot be compiled.
    """
    return compile_table(checkpoint)
