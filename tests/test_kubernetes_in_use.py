"""deploy/kubernetes beside the code that it runs: settings, probes, ends, commands, and what its page tells."""

import json
import re
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
import typer.main
import yaml

import service.cli
import training.cli
from service.app import create_app
from service.settings import Settings
from tests.documentation import blocks
from tests.manifests import DIRECTORY, Manifest, containers, kubectl, of_kind, pod_templates, render

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "kubernetes.md"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROBE = (ROOT / "service" / "server" / "probe.py").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
(DEPLOYMENT,) = of_kind("Deployment")
(POD,) = pod_templates(DEPLOYMENT)
(CONTAINER,) = POD["spec"]["containers"]
(CRON_JOB,) = of_kind("CronJob")
(TRAINING,) = pod_templates(CRON_JOB)
KEYS = yaml.safe_load((DIRECTORY / "components" / "keys" / "kustomization.yaml").read_text(encoding="utf-8"))


def arguments_of(template: Manifest) -> list[str]:
    (container,) = template["spec"]["containers"]
    arguments: list[str] = container["args"]
    return arguments


def parse(app: typer.Typer, command: str, *arguments: str) -> None:
    """Raises what a person would be told on the terminal; nothing runs."""
    getattr(typer.main.get_command(app), "commands", {})[command].make_context(command, [*arguments])


def test_settings_exist_and_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    (settings,) = of_kind("ConfigMap")
    (patch,) = [yaml.safe_load(each["patch"]) for each in KEYS["patches"]]
    own = [
        pair for template in [POD, TRAINING, *pod_templates(patch)] for pair in containers(template)[0].get("env", [])
    ]
    names = [*settings["data"], *(pair["name"] for pair in own if pair["name"].startswith("NAMESMITH_"))]
    assert "NAMESMITH_KEYS_FILE" in names
    assert {name.removeprefix("NAMESMITH_").lower() for name in names} <= set(Settings.model_fields)
    for name, value in settings["data"].items():
        monkeypatch.setenv(name, value)
    Settings()


def test_probes_ask_paths_that_exist_and_wait_as_long_as_a_supervisor_would() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert "get" in paths[CONTAINER[name]["httpGet"]["path"]]
    assert "service.server.probe" in DOCKERFILE
    assert f'"{CONTAINER["readinessProbe"]["httpGet"]["path"]}"' in PROBE
    liveness = CONTAINER["livenessProbe"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= Settings.model_fields["health_seconds"].default


def test_a_rollout_takes_nobody_away_before_another_is_ready_and_leaves_time_to_drain() -> None:
    assert DEPLOYMENT["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in DEPLOYMENT["spec"], "applying it again would undo the autoscaler's"
    (settings,) = of_kind("ConfigMap")
    first = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = float(settings["data"]["NAMESMITH_DRAIN_SECONDS"])
    assert POD["spec"]["terminationGracePeriodSeconds"] > first + drain + 5
    (budget,), (scaler,) = of_kind("PodDisruptionBudget"), of_kind("HorizontalPodAutoscaler")
    assert budget["spec"]["maxUnavailable"] < scaler["spec"]["minReplicas"]


def test_the_commands_are_those_of_the_packages() -> None:
    assert re.search(r'^ENTRYPOINT \["python", "-m"\]$', DOCKERFILE, re.MULTILINE)
    for package, app, words in [
        ("service", service.cli.app, CONTAINER["args"]),
        ("training", training.cli.app, [*TRAINING["spec"]["containers"][0]["command"][2:], *arguments_of(TRAINING)]),
    ]:
        module, command, *rest = words
        assert module == package
        parse(app, command, *rest)
    assert "--resume" in arguments_of(TRAINING)
    assert CRON_JOB["spec"]["concurrencyPolicy"] == "Forbid"
    fatal = CRON_JOB["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"]
    assert fatal == [service.cli.BAD_USAGE, training.cli.REFUSED]


def test_what_is_not_rendered_is_made_by_a_command_of_the_page() -> None:
    """Lists and keys are whoever's who runs it; everything else that a pod names is there."""
    page = "\n".join(blocks(PAGE, "sh"))
    (patch,) = [yaml.safe_load(each["patch"]) for each in KEYS["patches"]]
    rendered = {(each["kind"], each["metadata"]["name"]) for each in render("base")}
    for template in [POD, TRAINING, *pod_templates(patch)]:
        for volume in template["spec"]["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in rendered
            if "configMap" in volume:
                assert f"kubectl create configmap {volume['configMap']['name']} --from-file=towns.txt" in page
                assert "/lists/towns.txt" in arguments_of(template)
            if "secret" in volume:
                assert f"kubectl create secret generic {volume['secret']['secretName']} --from-file=keys" in page
        for source in template["spec"]["containers"][0].get("envFrom", []):
            assert ("ConfigMap", source["configMapRef"]["name"]) in rendered


def test_the_job_that_the_page_makes_to_roll_back_runs_a_command_that_exists() -> None:
    (block,) = [block for block in blocks(PAGE, "sh") if "kubectl patch --local" in block]
    (patch,) = re.findall(r"-p '(.*?)'", block)
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "rollback"}}
    job |= {"spec": CRON_JOB["spec"]["jobTemplate"]["spec"]}
    options = ["--local", "-f", "-", "--type", "json", "-o", "yaml"]
    assert f"kubectl patch {' '.join(options)}" in block
    made = yaml.safe_load(kubectl("patch", *options, "-p", patch, given=json.dumps(job)))
    kubernetes_validate.validate(made, kubernetes_validate.latest_version(), strict=True)
    parse(training.cli.app, *arguments_of(made["spec"]["template"]))


def test_ray_serves_the_application_with_the_version_that_is_locked() -> None:
    (ray,) = of_kind("RayService", "overlays/ray")
    served = yaml.safe_load(ray["spec"]["serveConfigV2"])
    (pin,) = re.findall(r"==([\d.]+)", PROJECT["optional-dependencies"]["ray"][0])
    assert ray["spec"]["rayClusterConfig"]["rayVersion"] == pin
    (application,) = served["applications"]
    assert application["import_path"] == "service.cluster.serving:application"
    (replicas,) = (each.pop("num_replicas") for each in application["deployments"])
    (workers,) = ray["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    assert workers["replicas"] == workers["minReplicas"] == workers["maxReplicas"] > replicas
    for template in pod_templates(ray):
        (deployment,) = application["deployments"]
        assert template["spec"]["terminationGracePeriodSeconds"] > deployment["graceful_shutdown_timeout_s"] + 5
    alone = yaml.safe_load((ROOT / "deploy" / "ray" / "serve.yaml").read_text(encoding="utf-8"))
    del alone["applications"][0]["runtime_env"], alone["applications"][0]["deployments"][0]["autoscaling_config"]
    assert served == alone
