"""What deploy/kubernetes renders to: objects, and the templates of pods in them."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DIRECTORY = Path(__file__).resolve().parent.parent / "deploy" / "kubernetes"
OVERLAYS = ["base", "overlays/single-node", "overlays/ray"]
_HOME = Path(sys.executable).parent

Manifest = dict[str, Any]


def kubectl(*arguments: str | Path, given: str | None = None) -> str:
    """What the locked kubectl prints, without a cluster."""
    program = shutil.which("kubectl", path=str(_HOME))
    assert program, f"kubectl is not in {_HOME}: scripts/venv dev"
    done = subprocess.run([program, *arguments], input=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def render(overlay: str) -> list[Manifest]:
    return [each for each in yaml.safe_load_all(kubectl("kustomize", DIRECTORY / overlay)) if each]


def of_kind(kind: str, overlay: str = "base") -> list[Manifest]:
    return [each for each in render(overlay) if each["kind"] == kind]


def pod_templates(value: Any) -> Iterator[Manifest]:
    """Every `template` that holds containers, at any depth: of a Deployment, a job, a Ray cluster."""
    if isinstance(value, dict):
        template = value.get("template")
        if isinstance(template, dict) and "containers" in template.get("spec", {}):
            yield template
        for inner in value.values():
            yield from pod_templates(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pod_templates(inner)


def containers(template: Manifest) -> list[Manifest]:
    spec = template["spec"]
    return [*spec["containers"], *spec.get("initContainers", [])]


def selects(labels: Manifest, template: Manifest) -> bool:
    return bool(labels) and labels.items() <= template["metadata"]["labels"].items()
