"""Stand-in until the compiler is merged."""
from collections.abc import Sequence

from model.checkpoint import Checkpoint
from model.context_tree import ContextTree

DEFAULT_CONTEXTS = 32_768


def compile_tree(checkpoint: Checkpoint, names: Sequence[str] | None, contexts: int = DEFAULT_CONTEXTS) -> ContextTree:
    raise NotImplementedError
