"""What requests cost, in milliseconds of one processor: rough, measured with the bundled model, and rather too much."""

from service.catalog import Catalog
from service.conditions import prepare_kept
from service.schemas import Conditions, LossRequest, NextQuery, SampleRequest, TopQuery

_PLAN, _SUFFIX, _CONTAINS, _PATTERN, _EXCLUDE = 15.0, 40.0, 120.0, 60.0, 60.0
"""Making a sampler, and what each kind of constraint adds to that."""
_NEAR = {1: 20.0, 2: 40.0, 3: 250.0}
"""The same by distance."""
_NAME, _UNIQUE, _FACTS = 0.002, 0.012, 0.002
"""Drawing and writing a name, and what it costs more."""
_BLEND = 20.0
"""Making the table of a blend."""
_RANKING, _RANKED = 40.0, 0.3
_SCORED, _SCORED_LETTERS = 0.002, 0.005


def of_plan(catalog: Catalog, asked: Conditions) -> float:
    """Nothing where the sampler is kept. Raises what `prepare_kept` raises."""
    if prepare_kept(catalog, asked) is not None:
        return 0.0
    parts = (
        (asked.suffix, _SUFFIX),
        (asked.contains, _CONTAINS),
        (asked.pattern, _PATTERN),
        (asked.near, _NEAR[asked.distance]),
        (asked.exclude, _EXCLUDE),
    )
    return _PLAN + _blending(catalog, asked.model) + sum(cost for constraint, cost in parts if constraint is not None)


def of_sample(catalog: Catalog, asked: SampleRequest) -> float:
    each = _NAME + _UNIQUE * asked.unique + _FACTS * asked.details
    return 0.2 + asked.n * each + of_plan(catalog, asked)


def of_begun_stream(catalog: Catalog, asked: SampleRequest) -> float:
    """Until the answer begins: what follows is made as it is read."""
    return 5.0 + _UNIQUE * asked.n * asked.unique + of_plan(catalog, asked)


def of_top(catalog: Catalog, asked: TopQuery) -> float:
    return _RANKING + _RANKED * asked.k + of_plan(catalog, asked)


def of_loss(catalog: Catalog, asked: LossRequest) -> float:
    each = _SCORED + _SCORED_LETTERS * asked.details
    return 0.2 + len(asked.names) * each + _blending(catalog, asked.model)


def of_next(catalog: Catalog, asked: NextQuery) -> float:
    return 0.2 + _blending(catalog, asked.model)


def _blending(catalog: Catalog, model: str | None) -> float:
    return 0.0 if catalog.kept(model) is not None else _BLEND
