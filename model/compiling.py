"""From a network to the automaton that is served. Brings PyTorch."""

from collections.abc import Sequence

from model.checkpoint import Checkpoint
from model.tabulation import compile_table
from model.transitions import Transitions


def compile_model(
    checkpoint: Checkpoint,
    names: Sequence[str] | None,  # noqa: ARG001
    contexts: int | None = None,  # noqa: ARG001
) -> Transitions:
    """The automaton of a network. Raises NamesmithError."""
    return compile_table(checkpoint)


def compile_older(checkpoint: Checkpoint) -> Transitions:
    """The same for a version that came without its automaton, as older programs published it."""
    return compile_table(checkpoint)
