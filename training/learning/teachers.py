"""An ensemble that teaches one network (Hinton, Vinyals & Dean 2015): it is more accurate than any network trained on
the list directly, and serving what it taught costs no more than serving any network of that size."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model.network.stack import Stack
from training.data.counted_list import CountedList
from training.data.evaluation import probabilities, rows_at_once
from training.data.smoothing import KneserNey
from training.learning.lessons import Lessons, counting, lessons_of, observed
from training.learning.loop import Progress, recalibrate, train
from training.learning.objectives import SoftTargets
from training.learning.resumable_run import ResumableRun
from training.recipe.presets import Teaching

MAX_LETTERS = 64
"""Of a name that is made up."""


@dataclass(frozen=True)
class Ensemble:
    """Networks that forget, each trained from other weights, and Kneser-Ney counts. They err differently: what counting
    does not know about a rare context, networks guess from similar ones, and what they blur counting has seen."""

    networks: list[Stack]
    counts: KneserNey
    counting_block_size: int
    counting_share: float

    def __call__(self, contexts: Tensor) -> Tensor:
        """Probabilities (n, symbols) float64 after `contexts` (n, block_size): the weighted mean of what each says."""
        said = torch.from_numpy(self.counts(contexts[:, -self.counting_block_size :].numpy())) * self.counting_share
        for network in self.networks:
            said += probabilities(network, contexts) * ((1 - self.counting_share) / len(self.networks))
        return said

    @property
    def symbols(self) -> int:
        return self.counts.symbols


def taught(data: CountedList, teaching: Teaching, course: ResumableRun, device: str, progress: Progress) -> Lessons:
    """Trains the ensemble, each network a stage of `course`, on the train part alone. Its lessons are about the
    contexts of that part and, where the teaching asks for it, about those of names that the ensemble makes up."""
    ensemble = _trained(data, teaching, course, device, progress)
    contexts, weights = data.train.contexts, data.train.weights**teaching.weight_power
    weights = weights * data.train.weights.sum() / weights.sum()
    if teaching.invented:
        made_up, times = _invented(ensemble, teaching, data.block_size, course.generator)
        contexts = torch.cat([contexts, made_up])
        weights = _together(weights, times, teaching.invented_share)
    return lessons_of(contexts, weights, lambda numbers: ensemble(contexts[numbers]), ensemble.symbols)


def _trained(data: CountedList, teaching: Teaching, course: ResumableRun, device: str, progress: Progress) -> Ensemble:
    preset = teaching.preset
    symbols = data.train.symbols
    lessons = observed(data.train)
    networks = []
    for number in range(teaching.networks):
        stack = Stack.build(preset.layers(symbols, data.block_size))
        stack.reset_parameters(course.generator)
        stack = stack.to(device=device).draw_from(course.generator, course.share)
        objective = SoftTargets(lessons, preset.batch_size, course.generator, device, course.share)
        train(stack, objective, None, preset, _continued(progress, number * preset.steps), course=course)
        recalibrate(stack, lessons.contexts, lessons.weights)
        networks.append(stack)
    length = min(teaching.counting_block_size, data.block_size)
    return Ensemble(networks, counting(data.counts_of(length)), length, teaching.counting_share)


def _continued(progress: Progress, steps: int) -> Progress:
    """`progress`, told of steps after so many others."""
    return lambda step, train_loss, dev_loss: progress(steps + step, train_loss, dev_loss)


def _invented(
    ensemble: Ensemble, teaching: Teaching, block_size: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The contexts (n, block_size) of names that the ensemble makes up, and how often each came up (n,)."""
    contexts = torch.zeros(teaching.invented, block_size, dtype=torch.int32)  # all begin with boundaries
    parts: list[tuple[Tensor, Tensor]] = []
    for _ in range(MAX_LETTERS):
        distinct, times = torch.unique(contexts, dim=0, return_counts=True)
        parts.append((distinct, times.double()))
        symbols = torch.cat(
            [_drawn(ensemble, some, generator) for some in torch.split(contexts, rows_at_once(ensemble.symbols))]
        )
        contexts = torch.cat([contexts[:, 1:], symbols], 1)[symbols[:, 0] != 0]
        if not len(contexts):
            break
    made_up, times = zip(*parts, strict=True)
    return torch.cat(made_up), torch.cat(times)


def _drawn(ensemble: Ensemble, contexts: Tensor, generator: torch.Generator) -> Tensor:
    """A symbol (n, 1) after each of `contexts` (n, block_size)."""
    distinct, rows = torch.unique(contexts, dim=0, return_inverse=True)
    return torch.multinomial(ensemble(distinct)[rows], 1, generator=generator).int()


def _together(first: Tensor, second: Tensor, share: float) -> Tensor:
    """The weights of both, of which the second have this `share`; as much in all as the first."""
    total = first.sum()
    return torch.cat([first * (1 - share), second * (share * total / second.sum())])
