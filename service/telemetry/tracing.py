"""OpenTelemetry traces, where NAMESMITH_OTLP_ENDPOINT says where they go. Their packages are an optional extra."""

from collections.abc import Callable

from starlette.types import ASGIApp

from model.errors import NamesmithError

_UNTRACED = "livez,readyz,metrics"


class TracingError(NamesmithError):
    """Traces are asked for, and the packages that make them are not there."""


def traced(app: ASGIApp, endpoint: str, version: str) -> tuple[ASGIApp, Callable[[], None]]:
    """`app` with a span for each request, sent to `endpoint` (OTLP over HTTP) as part of the client's trace where it
    names one; and what ends it, which sends the last ones. Raises TracingError."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingError(
            f"NAMESMITH_OTLP_ENDPOINT is set, but {error.name} is not installed: "
            "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation-asgi"
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "namesmith", "service.version": version}))
    exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    layer = OpenTelemetryMiddleware(
        app, excluded_urls=_UNTRACED, tracer_provider=provider, exclude_spans=["receive", "send"]
    )
    return layer, provider.shutdown
