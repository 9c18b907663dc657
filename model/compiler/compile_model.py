"""From a network to the automaton that is served. Brings PyTorch."""

from collections.abc import Sequence

from model.compiler.dense_table import DEFAULT_BUDGET_BYTES, compile_table
from model.compiler.tree_compilation import compile_tree
from model.network.checkpoint import Checkpoint
from model.transitions.automaton import Floats, Transitions
from model.transitions.context_tree import DEFAULT_CONTEXTS

MAX_DENSE_CONTEXTS = 32_768
MAX_DENSE_NUMBERS = 4_000_000
"""Contexts times symbols, 32 MB: up to here all contexts of the network's length are kept."""


def compile_model(
    checkpoint: Checkpoint,
    names: Sequence[str] | None,
    contexts: int | None = None,
    weights: Floats | None = None,
) -> Transitions:
    """The automaton of a network: all contexts of its length where they are few, else a context tree of at most
    `contexts`. `names` are those that it was trained on, name i counted `weights[i]` times, and none that was held out;
    None where they are not known. Raises NamesmithError."""
    size, block_size = checkpoint.vocabulary.size, checkpoint.block_size
    if size**block_size <= MAX_DENSE_CONTEXTS and size ** (block_size + 1) <= MAX_DENSE_NUMBERS:
        return compile_table(checkpoint)
    return compile_tree(checkpoint, names, contexts or DEFAULT_CONTEXTS, weights).transitions()


def compile_older(checkpoint: Checkpoint) -> Transitions:
    """The same for a version that came without its automaton, as older programs published it: what they kept as a table
    of all contexts still is one, so that its seeds give the names that they gave."""
    size, block_size = checkpoint.vocabulary.size, checkpoint.block_size
    if size ** (block_size + 1) * 8 <= DEFAULT_BUDGET_BYTES:
        return compile_table(checkpoint)
    return compile_model(checkpoint, None)
