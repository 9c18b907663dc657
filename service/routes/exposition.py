"""GET /metrics: the counts of all workers, and what this one serves."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from service.admission.flights import Flights
from service.catalog.catalog import Catalog
from service.http.problems import documented
from service.telemetry.metric_files import directory
from service.telemetry.metrics import REGISTRY, flush

router = APIRouter()
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Prometheus' text format, or OpenMetrics where Accept asks for it.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


@router.get("/metrics", tags=["health"], responses=_TEXT | documented(401, 429, 500), response_class=Response)
async def get_metrics(request: Request) -> Response:
    """Counts for Prometheus, of all workers together. Those who ask at once share one answer, as it takes
    milliseconds."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))

    def written() -> bytes:
        flush()
        return encode(_registry(request.app.state.catalog))

    body = await _flights(request).join(media_type, partial(run_in_threadpool, written))
    return Response(body, media_type=media_type)


def _flights(request: Request) -> Flights:
    flights: Flights = request.app.state.metrics_flights
    return flights


def _registry(catalog: Catalog) -> CollectorRegistry:
    registry = CollectorRegistry()
    files = directory()
    if files is None:
        registry.register(_Counted())
    else:
        MultiProcessCollector(registry, str(files))  # type: ignore[no-untyped-call]
    registry.register(_Served(catalog))
    return registry


class _Counted:
    """What this process counts."""

    def collect(self) -> Iterable[Metric]:
        return REGISTRY.collect()


class _Served:
    """The models, as the worker that is asked has them; all agree within two seconds of a change."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def collect(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("namesmith_model_info", "Models that are served.", labels=["model", "digest"])
        parameters = GaugeMetricFamily("namesmith_model_parameters", "Numbers that were learned.", labels=["model"])
        for model in self._catalog.models:
            info.add_metric([model.name, model.digest], 1)
            parameters.add_metric([model.name], model.parameters)
        rejected = GaugeMetricFamily(
            "namesmith_model_rejected",
            "Models whose current version is not served; /readyz says why.",
            labels=["model"],
        )
        for name in self._catalog.rejected:
            rejected.add_metric([name], 1)
        yield from (info, parameters, rejected)
