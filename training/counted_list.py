"""A list split, counted and ready: as the training loop and the losses need it."""

from dataclasses import dataclass

from model.stack import Stack
from model.vocabulary import Vocabulary
from training.dataset import NameList
from training.evaluation import cross_entropy
from training.examples import Counts, Examples, count_examples, make_examples
from training.splits import Split, SplitRule, split


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
    """A list as the loop and the losses need it."""

    parts: Split
    examples: Examples
    train: Counts
    dev: Counts | None
    test: Counts | None

    def losses(self, stack: Stack) -> Losses:
        dev, test = (None if part is None else cross_entropy(stack, part) for part in (self.dev, self.test))
        return Losses(cross_entropy(stack, self.train), dev, test)


def count_list(names: NameList, rule: SplitRule, vocabulary: Vocabulary, block_size: int) -> CountedList:
    def examples(indices: list[int]) -> Examples:
        chosen = [names.names[i] for i in indices]
        weights = names.weights[indices]
        return make_examples(chosen, (weights / weights.mean()).tolist(), vocabulary, block_size)

    def counts(indices: list[int]) -> Counts | None:
        return count_examples(examples(indices), vocabulary.size) if indices else None

    parts = split(names.names, rule)
    train_examples = examples(parts.train)
    train_counts = count_examples(train_examples, vocabulary.size)
    return CountedList(parts, train_examples, train_counts, counts(parts.dev), counts(parts.test))
