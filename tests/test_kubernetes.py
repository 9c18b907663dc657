"""deploy/kubernetes: rendered by kubectl, held against the schemas of Kubernetes, hardened, and true to the image."""

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.manifests import DIRECTORY, OVERLAYS, Manifest, containers, of_kind, pod_templates, render, selects

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "kubernetes.md"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
API = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["api"]
VERSIONS = ["1.30", kubernetes_validate.latest_version()]
"""The oldest that has all that is used (`preStop.sleep`), and the newest whose schemas are there."""
TEMPLATES = [(overlay, template) for overlay in OVERLAYS for template in pod_templates(render(overlay))]
(DEPLOYMENT,) = of_kind("Deployment")
(POD,) = pod_templates(DEPLOYMENT)
(CONTAINER,) = POD["spec"]["containers"]
(CRON_JOB,) = of_kind("CronJob")
(TRAINING,) = pod_templates(CRON_JOB)
KEYS = yaml.safe_load((DIRECTORY / "components" / "keys" / "kustomization.yaml").read_text(encoding="utf-8"))

every_pod = pytest.mark.parametrize(("overlay", "template"), TEMPLATES, ids=lambda value: value if value else "")


def check(manifest: Manifest, version: str) -> None:
    """Strictly: a field that is not in the schema is an error."""
    if manifest["apiVersion"].startswith("ray.io/"):  # the schema is KubeRay's; what it says of pods is Kubernetes'
        for template in pod_templates(manifest):
            pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "ray"}, "template": template}
            kubernetes_validate.validate(pod, version, strict=True)
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_as_the_schemas_ask(overlay: str, version: str) -> None:
    assert render(overlay)
    for manifest in render(overlay):
        check(manifest, version)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["spec", "template", "spec", "containers", 0, "readOnlyRootFilesystem"], True),  # of another place
        (["spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"], "8000"),
        (["spec", "template", "spec", "containers", 0, "name"], None),
        (["spec", "selector"], None),
        (["spec", "strategy", "rollingUpdates"], {"maxUnavailable": 0}),
    ],
)
def test_a_broken_object_is_refused(path: list[Any], value: Any) -> None:
    manifest = copy.deepcopy(DEPLOYMENT)
    place: Any = manifest
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    with pytest.raises(kubernetes_validate.ValidationError):
        check(manifest, VERSIONS[0])


@every_pod
def test_every_pod_is_hardened_as_with_compose(overlay: str, template: Manifest) -> None:
    (user, group) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)[0]
    spec, security = template["spec"], template["spec"]["securityContext"]
    assert security["runAsNonRoot"] is True
    assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (int(user), int(group), int(group))
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] in {each["metadata"]["name"] for each in of_kind("ServiceAccount", overlay)}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    for container in containers(template):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
        assert mounts["tmp"]["mountPath"] == "/tmp"
        assert ("readOnly" in mounts["models"]) is (container["name"] != "train")
        assert re.search(rf"NAMESMITH_STORE={mounts['models']['mountPath']}/store\b", DOCKERFILE)
    (scratch,) = [volume for volume in spec["volumes"] if volume["name"] == "tmp"]
    assert scratch["emptyDir"]["sizeLimit"]


@every_pod
def test_images_have_the_version_of_the_project(overlay: str, template: Manifest) -> None:
    for container in containers(template):
        name, _, tag = container["image"].partition(":")
        assert tag == PROJECT["version"], overlay
        assert name in ({"namesmith", "namesmith-ray"} if "ray" in overlay else {"namesmith"})


def test_ports_and_memory_are_those_of_the_image_and_of_compose() -> None:
    (port,) = CONTAINER["ports"]
    assert port["containerPort"] == int(re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)[0])
    assert POD["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])
    assert API["mem_limit"] == "${NAMESMITH_MEMORY:-2g}"
    assert CONTAINER["resources"]["limits"]["memory"] == "2Gi"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_find_pods_and_ports(overlay: str) -> None:
    templates = list(pod_templates(render(overlay)))
    ports = {port["name"] for template in templates for each in containers(template) for port in each.get("ports", [])}
    for manifest in render(overlay):
        spec, kind = manifest.get("spec", {}), manifest["kind"]
        if kind == "Service":
            assert any(selects(spec["selector"], template) for template in templates)
            assert {port["targetPort"] for port in spec["ports"]} <= ports
        elif kind in ("PodDisruptionBudget", "Deployment"):
            assert [selects(spec["selector"]["matchLabels"], each) for each in templates].count(True) == 1
        elif kind == "NetworkPolicy":
            assert any(selects(spec["podSelector"]["matchLabels"], each) for each in templates)
            asked = {port["port"] for rule in spec.get("ingress", []) for port in rule.get("ports", [])}
            assert asked <= ports
        elif kind == "HorizontalPodAutoscaler":
            assert of_kind(spec["scaleTargetRef"]["kind"], overlay)[0]["metadata"]["name"] == "namesmith"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_gets_in_but_where_a_policy_says_so_and_out_to_names_alone(overlay: str) -> None:
    (everyone,) = [
        each["spec"] for each in of_kind("NetworkPolicy", overlay) if each["metadata"]["name"] == "namesmith"
    ]
    assert all(selects(everyone["podSelector"]["matchLabels"], each) for each in pod_templates(render(overlay)))
    assert everyone["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in everyone
    assert {port["port"] for rule in everyone["egress"] for port in rule["ports"]} == {53}
