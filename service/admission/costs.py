"""What answers cost once their sampler is at hand, in milliseconds of one processor: rough, measured with the bundled
model, and rather too much."""

from service.http.requests import LossRequest, SampleRequest, TopQuery

_NAME, _UNIQUE, _FACTS = 0.002, 0.012, 0.002
"""Drawing and writing a name, and what it costs more."""
_RANKING, _RANKED = 40.0, 0.3
_SCORED, _SCORED_LETTERS = 0.002, 0.005
OF_NEXT = 0.2


def of_sample(asked: SampleRequest) -> float:
    return 0.2 + asked.n * (_NAME + _UNIQUE * asked.unique + _FACTS * asked.details)


def of_begun_stream(asked: SampleRequest) -> float:
    """Until the answer begins: what follows is made as it is read."""
    return 5.0 + _UNIQUE * asked.n * asked.unique


def of_top(asked: TopQuery) -> float:
    return _RANKING + _RANKED * asked.k


def of_loss(asked: LossRequest) -> float:
    return 0.2 + len(asked.names) * (_SCORED + _SCORED_LETTERS * asked.details)
