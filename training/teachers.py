"""An ensemble that teaches one network (Hinton, Vinyals & Dean 2015): it is more accurate than any network trained on
the list directly, and serving what it taught costs no more than serving any network of that size."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model.stack import Stack
from training.counted_list import CountedList
from training.course import Course
from training.evaluation import probabilities
from training.lessons import Lessons, counting, observed
from training.loop import Progress, recalibrate, train
from training.objectives import SoftTargets
from training.presets import Teaching
from training.smoothing import KneserNey

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
        guessed = torch.stack([probabilities(network, contexts) for network in self.networks]).mean(0)
        counted = torch.from_numpy(self.counts(contexts[:, -self.counting_block_size :].numpy()))
        return (1 - self.counting_share) * guessed + self.counting_share * counted


def taught(data: CountedList, teaching: Teaching, course: Course, device: str, progress: Progress) -> Lessons:
    """Trains the ensemble, each network a stage of `course`, on the train part alone. Its lessons are about the
    contexts of that part and, where the teaching asks for it, about those of names that the ensemble makes up."""
    ensemble = _trained(data, teaching, course, device, progress)
    lessons = observed(data.train)
    weights = lessons.weights**teaching.weight_power
    lessons = Lessons(
        lessons.contexts, ensemble(lessons.contexts).float(), weights * lessons.weights.sum() / weights.sum()
    )
    if teaching.invented:
        lessons = _together(
            lessons, _invented(ensemble, teaching, data.block_size, course.generator), teaching.invented_share
        )
    return lessons


def _trained(data: CountedList, teaching: Teaching, course: Course, device: str, progress: Progress) -> Ensemble:
    preset = teaching.preset
    symbols = data.train.counts.shape[1]
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


def _invented(ensemble: Ensemble, teaching: Teaching, block_size: int, generator: torch.Generator) -> Lessons:
    """What the ensemble says about each context of names that it makes up, as often as the context came up."""
    contexts = torch.zeros(teaching.invented, block_size, dtype=torch.long)  # all begin with boundaries
    parts: list[Lessons] = []
    for _ in range(MAX_LETTERS):
        distinct, rows, times = torch.unique(contexts, dim=0, return_inverse=True, return_counts=True)
        targets = ensemble(distinct)
        parts.append(Lessons(distinct, targets.float(), times.double()))
        symbols = torch.multinomial(targets[rows], 1, generator=generator)
        contexts = torch.cat([contexts[:, 1:], symbols], 1)[symbols[:, 0] != 0]
        if not len(contexts):
            break
    return Lessons(*(torch.cat([getattr(part, name) for part in parts]) for name in ("contexts", "targets", "weights")))


def _together(first: Lessons, second: Lessons, share: float) -> Lessons:
    """Both, the second with `share` of the weight."""
    total = first.weights.sum()
    return Lessons(
        torch.cat([first.contexts.long(), second.contexts]),
        torch.cat([first.targets, second.targets]),
        torch.cat([first.weights * (1 - share), second.weights * (share * total / second.weights.sum())]),
    )
