"""A list split, counted and ready: as the training loop and the losses need it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.network.stack import Stack
from model.sampling.language_model import LanguageModel
from model.text.names import Names
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Transitions
from training.data.evaluation import cross_entropy
from training.data.examples import Counts, Examples, Ngrams, count_names, make_examples, names_as_ngrams
from training.data.ngrams import Floats
from training.data.read_list import NameList
from training.data.splits import Indices, Split, SplitRule, split

MOST_SURPRISE = 32.0
"""Nats that a character counts at most: about what the least probability of a context tree costs. Without a bound one
held-out name against the list's own rules would make a loss infinite."""


@dataclass(frozen=True)
class Losses:
    """Nats a character; `dev` and `test` are None where nothing was held out."""

    train: float
    dev: float | None
    test: float | None

    def by_part(self) -> dict[str, float | None]:
        """As the facts of a checkpoint name them."""
        return {"train": self.train, "dev": self.dev, "test": self.test}

    def fields(self) -> dict[str, float | None]:
        """As the results of commands name them."""
        return {"train_loss": self.train, "dev_loss": self.dev, "test_loss": self.test}


@dataclass(frozen=True)
class CountedList:
    """A list as the loop and the losses need it; its parts are counted when they are first asked for."""

    names: NameList
    vocabulary: Vocabulary
    block_size: int
    parts: Split

    @cached_property
    def train(self) -> Counts:
        return self.counts_of(self.block_size)

    @cached_property
    def dev(self) -> Counts | None:
        return self._held_out(self.parts.dev)

    @cached_property
    def test(self) -> Counts | None:
        return self._held_out(self.parts.test)

    def _held_out(self, part: Indices) -> Counts | None:
        return count_names(*_chosen(self.names, part), self.vocabulary, self.block_size) if len(part) else None

    @property
    def examples(self) -> Examples:
        """Those to train on, made when asked for: mini-batches need them, and full batches do not."""
        return make_examples(*_chosen(self.names, self.parts.train), self.vocabulary, self.block_size)

    def counts_of(self, block_size: int) -> Counts:
        """The train part, with contexts of another length."""
        return count_names(*_chosen(self.names, self.parts.train), self.vocabulary, block_size)

    def ngrams(self, part: Indices, block_size: int) -> Ngrams:
        """A part of the list, with contexts of another length."""
        return names_as_ngrams(*_chosen(self.names, part), self.vocabulary, block_size)

    @property
    def training_names(self) -> tuple[list[str], Floats]:
        """Those of the train part, line by line, and how much each counts."""
        return _chosen(self.names, self.parts.train)

    def losses(self, stack: Stack) -> Losses:
        """Of a network."""
        dev, test = (None if part is None else cross_entropy(stack, part) for part in (self.dev, self.test))
        return Losses(cross_entropy(stack, self.train), dev, test)


def served_losses(transitions: Transitions, vocabulary: Vocabulary, names: NameList, rule: SplitRule) -> Losses:
    """Of what is served, on the parts of a list. A character that cannot follow counts `MOST_SURPRISE`."""
    parts = split(names.names, rule)

    def loss(part: Indices) -> float | None:
        if not len(part):
            return None
        texts, weights = _chosen(names, part)
        encoded, _ = Names.of_texts(texts, vocabulary)
        each = np.repeat(weights, encoded.lengths + 1)
        scores = np.maximum(LanguageModel(transitions).log_probs(encoded), -MOST_SURPRISE)
        return float(-(each @ scores) / each.sum())

    train, dev, test = (loss(part) for part in (parts.train, parts.dev, parts.test))
    return Losses(0.0 if train is None else train, dev, test)


def count_list(names: NameList, rule: SplitRule, vocabulary: Vocabulary, block_size: int) -> CountedList:
    return CountedList(names, vocabulary, block_size, split(names.names, rule))


def _chosen(names: NameList, indices: Indices) -> tuple[list[str], Floats]:
    """Some of the names, and their weights scaled to a mean of 1."""
    weights = names.weights[indices]
    return [names.names[i] for i in indices.tolist()], weights / weights.mean()
