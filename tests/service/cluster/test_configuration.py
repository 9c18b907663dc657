"""deploy/ray/serve.yaml is what Ray Serve takes, and starts what there is."""

import asyncio
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from ray.serve.deployment import Application
from ray.serve.schema import ServeDeploySchema

from service.catalog.catalog import Catalog
from service.cluster.serving import application
from service.http.problems import ProblemError
from service.settings import Settings
from tests.running import ROOT

FILE = ROOT / "deploy" / "ray" / "serve.yaml"


def configured() -> Any:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def test_ray_takes_the_file() -> None:
    schema = ServeDeploySchema.model_validate(configured())
    (application,) = schema.applications
    module, _, name = application.import_path.partition(":")
    built = getattr(import_module(module), name)
    assert isinstance(built, Application)
    assert [each.name for each in application.deployments] == [built._bound_deployment.name]


def test_every_setting_of_the_file_exists() -> None:
    (application,) = configured()["applications"]
    every = {f"NAMESMITH_{name.upper()}" for name in Settings.model_fields}
    commented = [line.strip(" #").partition(":")[0] for line in FILE.read_text().splitlines() if "# NAMESMITH" in line]
    assert {*application["runtime_env"]["env_vars"], *commented} <= every


def test_a_drain_ends_before_ray_kills() -> None:
    """The answers that are due have as long as the service alone gives them."""
    (deployment,) = configured()["applications"][0]["deployments"]
    assert deployment["graceful_shutdown_timeout_s"] >= Settings.model_fields["drain_seconds"].default


def health(catalog: Catalog) -> None:
    """What Ray asks of a replica with this catalog."""
    replica = SimpleNamespace(_service=SimpleNamespace(state=SimpleNamespace(catalog=catalog)))
    asyncio.run(application._bound_deployment.func_or_class.check_health(replica))


def test_healthy_is_what_can_generate(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = client.app.state.catalog  # type: ignore[attr-defined]
    health(catalog)
    with pytest.raises(RuntimeError, match="no model is loaded"):
        health(Catalog("none", 1 << 20))

    def broken(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr("service.routes.readiness.resolve", broken)
    with pytest.raises(ProblemError, match="gives no name"):
        health(catalog)
