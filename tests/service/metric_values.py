"""Every value of /metrics, read by Prometheus's own parser."""

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def series(client: TestClient) -> Series:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def value(found: Series, name: str, **labels: str) -> float:
    return found.get((f"namesmith_{name}", frozenset(labels.items())), 0.0)
