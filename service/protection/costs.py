"""What requests cost, in milliseconds of one processor: rough, and rather too much. `benchmarks` measures some."""

from service.catalog import Catalog
from service.conditions import prepare_kept
from service.schemas import Conditions, LossRequest, NextQuery, SampleRequest, TopQuery

PLAN = 30.0
"""Making a sampler for new constraints."""
_NETWORK = 20.0
"""How much slower a model without a table is."""


def of_plan(catalog: Catalog, asked: Conditions) -> float:
    """Raises what `prepare_kept` raises."""
    return PLAN if prepare_kept(catalog, asked) is None else 0.0


def of_sample(catalog: Catalog, asked: SampleRequest) -> float:
    each = 0.0005 + 0.002 * asked.unique + 0.006 * asked.details
    slow = 1.0 if catalog.get(asked.model).has_table else _NETWORK
    return 0.2 + asked.n * each * slow + of_plan(catalog, asked)


def of_loss(catalog: Catalog, asked: LossRequest) -> float:
    slow = 1.0 if catalog.get(asked.model).has_table else _NETWORK
    return 0.2 + len(asked.names) * (0.025 if asked.details else 0.003) * slow


def of_top(catalog: Catalog, asked: TopQuery) -> float:
    return 10.0 + 0.02 * asked.k + of_plan(catalog, asked)


def of_begun_stream(catalog: Catalog, asked: SampleRequest) -> float:
    """Until the answer begins: what follows is made as it is read."""
    return 5.0 + 0.002 * asked.n * asked.unique + of_plan(catalog, asked)


def of_next(catalog: Catalog, asked: NextQuery) -> float:
    return 0.2 if catalog.get(asked.model).has_table else _NETWORK
