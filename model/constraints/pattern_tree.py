"""The tree of a parsed pattern."""

from dataclasses import dataclass
from typing import TypeAlias

from model.constraints.letter_sets import Ids


@dataclass(frozen=True)
class Letters:
    """Any one of these letters."""

    ids: Ids


@dataclass(frozen=True)
class Chain:
    """All parts, in order; with none, the empty text."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Choice:
    """Any one of the options."""

    options: tuple["Node", ...]


@dataclass(frozen=True)
class Repeat:
    """The item `least` to `most` times; without `most`, any number of times from `least`."""

    item: "Node"
    least: int
    most: int | None


Node: TypeAlias = Letters | Chain | Choice | Repeat


def written_out(node: Node) -> int:
    """How many letters a tree has once its counted repeats are written out; an empty part counts as one,
    so that this bounds the work."""
    if isinstance(node, Letters):
        return 1
    if isinstance(node, Repeat):
        return written_out(node.item) * (max(node.least, 1) if node.most is None else node.most)
    return max(1, sum(map(written_out, node.parts if isinstance(node, Chain) else node.options)))
