"""One training run, from a list of names to a checkpoint: split, examples, loop, recalibration, losses."""

import math
import time
from dataclasses import dataclass, replace
from typing import Any

from model.compiler.compile_model import compile_model
from model.errors import StackError, UnknownCharacterError
from model.network import checkpoint, checkpoint_header
from model.network.checkpoint import Checkpoint
from model.network.layers import TANH_GAIN
from model.network.stack import Description, Stack
from model.text.descriptions import DESCRIPTION
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Transitions
from training.data.baselines import LEAST_CONTEXT, baseline_losses
from training.data.counted_list import CountedList, Losses, count_list, served_losses
from training.data.read_list import DataError, NameList
from training.data.splits import SplitRule
from training.diagnosis.recorder import Recorder
from training.learning.lessons import Lessons, observed, smoothed
from training.learning.loop import History, Progress, TrainingError, recalibrate, train
from training.learning.objectives import MiniBatches, Objective, SoftTargets
from training.learning.resumable_run import ResumableRun
from training.learning.teachers import taught
from training.recipe import large_alphabets
from training.recipe.presets import Preset
from training.run.result import Baselines
from training.run.result import Result as Result


@dataclass(frozen=True)
class Config:
    """Everything that decides a run's result besides the list; equal configurations give equal digests."""

    preset: Preset
    seed: int = 1
    split: SplitRule = SplitRule.NAMES
    block_size: int | None = None
    """Characters of context; None for the preset's."""
    layers: Description | None = None
    """The stack's description; None for the usual one."""
    gain: float = TANH_GAIN
    """What hidden weights are multiplied by at first, beyond 1 / sqrt(fan-in)."""
    device: str = "cpu"
    processes: int = 1
    """That compute each batch together (see `training/run/parallel.py`); equal but for rounding, whatever their
    number."""
    description: str | None = None
    """A line on what the model is good for."""
    contexts: int | None = None
    """At most so many in the context tree that is served; None for the preset's number."""

    @property
    def context(self) -> int:
        """Characters of it."""
        return self.preset.block_size if self.block_size is None else self.block_size

    @property
    def kept_contexts(self) -> int:
        return self.preset.contexts if self.contexts is None else self.contexts


def fit(
    names: NameList,
    config: Config,
    progress: Progress = lambda *_: None,
    recorder: Recorder | None = None,
    teaching_progress: Progress = lambda *_: None,
    course: ResumableRun | None = None,
) -> Result:
    """Trains a model on `names`, watched by `recorder`. `teaching_progress` is told of the networks that teach it,
    where the preset has such; a `course` that was begun before is gone on with. Raises StackError for a layer list that
    does not fit, TrainingError for a run that diverges, SnapshotError for a course that is not one of this run."""
    course = course or ResumableRun()
    began = time.perf_counter()
    vocabulary = Vocabulary.from_names(names.names, names.normalization)
    config = replace(config, preset=large_alphabets.suited(config.preset, vocabulary.size))
    stack = _new_stack(config, vocabulary.size)
    stack.reset_parameters(course.generator.manual_seed(config.seed), config.gain)
    stack = stack.to(device=config.device)
    data = count_list(names, config.split, vocabulary, config.context)
    course.clock.start()
    lessons = _lessons(data, config, course, teaching_progress)
    objective = _objective(data, lessons, config, course)
    stack.draw_from(course.generator, course.share)
    if recorder is not None:
        recorder.begin(stack, vocabulary.size, lessons.weights.float() if config.preset.batch_size is None else None)
    history = train(stack, objective, data.dev, config.preset, progress, recorder, course)
    recalibrate(stack, lessons.contexts, lessons.weights)
    result = concluded(names, config, data, stack, history)
    return replace(result, seconds=course.earlier + time.perf_counter() - began)


def concluded(names: NameList, config: Config, data: CountedList, stack: Stack, history: History) -> Result:
    """What a trained stack comes to: the automaton that is served, its losses, and the checkpoint. Raises TrainingError
    for a stack that gives no numbers."""
    own = data.losses(stack)
    if not all(loss is None or math.isfinite(loss) for loss in (own.train, own.dev, own.test)):
        raise TrainingError(f"training diverged (final train loss {own.train}): lower the learning rate")
    model = Checkpoint(stack.to(device="cpu"), config.context, data.vocabulary)
    texts, weights = data.training_names
    transitions = compile_model(model, texts, config.kept_contexts, weights)
    losses = served_losses(transitions, data.vocabulary, names, config.split)
    network_losses = None if transitions.tree is None else own
    content = checkpoint.dumps(replace(model, facts=_facts(names, data, config, losses, network_losses)))
    return Result(
        data=content,
        digest=checkpoint_header.digest(content),
        parameters=stack.parameter_count,
        losses=losses,
        network_losses=network_losses,
        transitions=transitions,
        baselines=_baselines(data),
        history=history,
        seconds=history.seconds,
    )


def measure(model: Checkpoint, transitions: Transitions, names: NameList, rule: SplitRule) -> tuple[Losses, Baselines]:
    """Losses of what is served for a model, `transitions`, on the three parts of a list, and on those held out what
    counting the first one reaches (see `training.data.baselines`). Raises DataError for a name it cannot spell."""
    for name in names.names:
        try:
            model.vocabulary.encode(name)
        except UnknownCharacterError as error:
            raise DataError(f"{names.source}: {name[:64]!r}: {error}") from None
    losses = served_losses(transitions, model.vocabulary, names, rule)
    return losses, _baselines(count_list(names, rule, model.vocabulary, model.block_size))


def _baselines(data: CountedList) -> Baselines:
    length = max(data.block_size, LEAST_CONTEXT)
    held_out = {"dev": data.parts.dev, "test": data.parts.test}
    parts = {name: data.ngrams(part, length) for name, part in held_out.items() if len(part)}
    return baseline_losses(data.ngrams(data.parts.train, length), parts, data.block_size) if parts else {}


def _objective(data: CountedList, lessons: Lessons, config: Config, course: ResumableRun) -> Objective:
    preset = config.preset
    where = (course.generator, config.device, course.share)
    if preset.targets == "examples":
        return MiniBatches(data.examples, preset.batch_size or len(data.examples), *where)
    return SoftTargets(lessons, preset.batch_size, *where)


def _lessons(data: CountedList, config: Config, course: ResumableRun, teaching_progress: Progress) -> Lessons:
    preset = config.preset
    if preset.teaching is not None:
        return taught(data, preset.teaching, course, config.device, teaching_progress)
    return smoothed(data.train) if preset.targets == "smoothed" else observed(data.train)


def _new_stack(config: Config, vocabulary_size: int) -> Stack:
    if not 1 <= config.context <= checkpoint_header.MAX_BLOCK_SIZE:
        raise StackError(
            f"the context must have 1 to {checkpoint_header.MAX_BLOCK_SIZE} characters, not {config.context}"
        )
    layers = config.layers
    if layers is None:
        layers = config.preset.layers(vocabulary_size, config.context)
    stack = Stack.build(layers, device="meta")
    stack.check_shapes(config.context, vocabulary_size)
    if not stack.parameters():
        raise StackError("the layer list has no parameters to train; add a Linear or an Embedding")
    return Stack.build(layers)


def _facts(
    names: NameList, data: CountedList, config: Config, losses: Losses, network_losses: Losses | None
) -> dict[str, Any]:
    """Facts of the run that are the same each time: they are part of the digest."""
    return {
        "data": {
            "source": names.source,
            **({} if names.where is None else {"where": str(names.where)}),
            "fingerprint": names.fingerprint(),
            "names": len(names.names),
            "distinct_names": len(names.distinct),
            "weighted": names.weighted,
            "train": len(data.parts.train),
            "dev": len(data.parts.dev),
            "test": len(data.parts.test),
        },
        "config": {
            **config.preset.facts(),
            "gain": round(config.gain, 6),
            "seed": config.seed,
            "split": config.split.value,
            **({} if network_losses is None else {"contexts": config.kept_contexts}),
        },
        "losses": losses.by_part(),
        **({} if network_losses is None else {"network_losses": network_losses.by_part()}),
        **({} if config.description is None else {DESCRIPTION: config.description}),
    }
