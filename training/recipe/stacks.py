"""The layer lists that presets train, one line a layer. Edit a line, or pass another list as JSON with `--layers`:
training, checkpoint and service follow."""

from typing import Any


def tanh_stack(vocabulary_size: int, block_size: int, dim: int = 10, width: int = 100) -> list[dict[str, Any]]:
    """Embedding, five hidden layers of Linear + BatchNorm1d + Tanh, and the output layer."""
    return [
        {"type": "Embedding", "num_embeddings": vocabulary_size, "embedding_dim": dim},
        {"type": "Flatten"},
        {"type": "Linear", "in_features": block_size * dim, "out_features": width, "bias": False},
        {"type": "BatchNorm1d", "num_features": width},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": width, "bias": False},
        {"type": "BatchNorm1d", "num_features": width},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": width, "bias": False},
        {"type": "BatchNorm1d", "num_features": width},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": width, "bias": False},
        {"type": "BatchNorm1d", "num_features": width},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": width, "bias": False},
        {"type": "BatchNorm1d", "num_features": width},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": vocabulary_size, "bias": False},
        {"type": "BatchNorm1d", "num_features": vocabulary_size},
    ]


def wide_stack(vocabulary_size: int, block_size: int, dim: int = 24, width: int = 400) -> list[dict[str, Any]]:
    """Two hidden layers, wider, for longer contexts."""
    return [
        {"type": "Embedding", "num_embeddings": vocabulary_size, "embedding_dim": dim},
        {"type": "Flatten"},
        *_normalized(block_size * dim, width),
        {"type": "Tanh"},
        *_normalized(width, width),
        {"type": "Tanh"},
        *_normalized(width, vocabulary_size),
    ]


def forgetful_stack(vocabulary_size: int, block_size: int, dim: int = 16, width: int = 200) -> list[dict[str, Any]]:
    """A teacher for short contexts: it forgets symbols while it learns, and so learns what each alone tells."""
    return [
        {"type": "Embedding", "num_embeddings": vocabulary_size, "embedding_dim": dim},
        {"type": "SymbolDropout", "p": 0.1},
        {"type": "Flatten"},
        {"type": "Linear", "in_features": block_size * dim, "out_features": width, "bias": True},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": width, "bias": True},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": width, "out_features": vocabulary_size, "bias": True},
    ]


def forgetful_wide_stack(
    vocabulary_size: int, block_size: int, dim: int = 24, width: int = 400
) -> list[dict[str, Any]]:
    """A teacher for longer contexts, which are rarer: units drop out, too."""
    return [
        {"type": "Embedding", "num_embeddings": vocabulary_size, "embedding_dim": dim},
        {"type": "SymbolDropout", "p": 0.1},
        {"type": "Flatten"},
        *_normalized(block_size * dim, width),
        {"type": "Tanh"},
        {"type": "Dropout", "p": 0.2},
        *_normalized(width, width),
        {"type": "Tanh"},
        {"type": "Dropout", "p": 0.2},
        *_normalized(width, vocabulary_size),
    ]


def _normalized(in_features: int, out_features: int) -> list[dict[str, Any]]:
    return [
        {"type": "Linear", "in_features": in_features, "out_features": out_features, "bias": False},
        {"type": "BatchNorm1d", "num_features": out_features},
    ]
