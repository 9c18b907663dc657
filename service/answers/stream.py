"""Names as they come about, character by character: the events of /sample/stream."""

from collections.abc import Iterator

import numpy as np
from fastapi.sse import format_sse_event
from pydantic import BaseModel

from model.errors import ConstraintError
from model.text.names import Names
from model.transitions.automaton import Floats
from service.answers.resolve import constraint_problem
from service.answers.sample import Draw
from service.http.responses import FollowedCharacter, FollowedName, NextCharacter, StreamDone, StreamStart

_RUNNERS_UP = 5


class FollowedDraw:
    """A draw whose every step is told. Raises ProblemError where that takes too much memory."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        try:
            self._steps = draw.sampler.stepper()
        except ConstraintError as error:
            raise constraint_problem(error) from None

    def events(self) -> Iterator[bytes]:
        """Server-sent events: `start`, then for each name its `character`s and the `name`, then `done`."""
        draw = self.draw
        yield _event(
            "start", StreamStart(model=draw.model.reference, seed=draw.seed, probability=draw.sampler.probability)
        )
        index = 0
        for names in draw.names():
            log_probs = draw.sampler.log_probs(names).tolist()
            novel = draw.model.novel(names)
            for place, (symbols, shown) in enumerate(
                zip(names.rows(), draw.model.texts(names, draw.request.case), strict=True)
            ):
                yield from self._characters(index, symbols)
                new = None if novel is None else bool(novel[place])
                yield _event("name", FollowedName(index=index, name=shown, log_prob=log_probs[place], novel=new))
                index += 1
        exhausted = index < draw.request.n
        yield _event("done", StreamDone(names=index, exhausted=exhausted))

    def _characters(self, index: int, symbols: list[int]) -> Iterator[bytes]:
        model, case = self.draw.model, self.draw.request.case
        vocabulary = model.vocabulary
        written = ""
        for position, (symbol, distribution) in enumerate(zip((*symbols, 0), self._steps(symbols), strict=True)):
            shown = model.texts(Names.of([symbols[: position + 1]]), case)[0]
            char, written = shown[len(written) :], shown
            yield _event(
                "character",
                FollowedCharacter(
                    index=index,
                    position=position,
                    char=char,
                    prob=float(distribution[symbol]),
                    runners_up=[
                        NextCharacter(char=vocabulary.symbol(other), prob=float(distribution[other]))
                        for other in _runners_up(distribution, symbol)
                    ],
                ),
            )


def _runners_up(distribution: Floats, drawn: int) -> list[int]:
    """The most probable symbols besides the one drawn."""
    order = np.argsort(-distribution, kind="stable").tolist()
    return [symbol for symbol in order if symbol != drawn and distribution[symbol] > 0][:_RUNNERS_UP]


def _event(name: str, data: BaseModel) -> bytes:
    return format_sse_event(event=name, data_str=data.model_dump_json())
