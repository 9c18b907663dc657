"""Traces, where the packages that make them are installed."""

import builtins
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.telemetry.tracing import TracingError
from tests.running import BUNDLED

Serve = Callable[..., TestClient]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_request_is_a_span_of_the_client_s_trace(serve: Serve) -> None:
    proto = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    pytest.importorskip("opentelemetry.instrumentation.asgi")
    sent: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = proto.ExportTraceServiceRequest()
            message.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            sent.append((self.path, message))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    collector = HTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=collector.serve_forever, daemon=True).start()
    client = serve(bundled_store=BUNDLED, otlp_endpoint=f"http://127.0.0.1:{collector.server_port}")
    client.get("/sample?n=1", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    client.get("/livez")
    client.__exit__(None, None, None)  # what was not sent yet is sent at the end
    collector.shutdown()
    collector.server_close()
    spans = [span for _, m in sent for r in m.resource_spans for s in r.scope_spans for span in s.spans]
    assert [path for path, _ in sent] == ["/v1/traces"] * len(sent)
    assert [span.trace_id.hex() for span in spans] == [TRACE]
    assert spans[0].name.startswith("GET")
    attributes = {a.key: a.value for r in sent[0][1].resource_spans for a in r.resource.attributes}
    assert attributes["service.name"].string_value == "namesmith"


def test_without_the_packages_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name=name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TracingError, match=r"opentelemetry.* is not installed"):
        create_app(Settings(otlp_endpoint="http://127.0.0.1:1"))
