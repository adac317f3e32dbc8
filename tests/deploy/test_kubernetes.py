"""Kubernetes takes the manifests: its own resources and those of KEDA and the Prometheus operator, by their schemas."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.docs.code_in_docs import blocks
from tests.support.docs.deployments import KUBERNETES, ROOT, of_kind, resources
from tests.support.processes.server_process import missing, require

MODELS = ROOT / ".cache" / "models" / "node_modules"
OF_OTHERS = ("keda.sh/", "monitoring.coreos.com/")
OWN = [one for one in resources() if not one["apiVersion"].startswith(OF_OTHERS)]


@pytest.mark.parametrize("version", ["1.30", "1.37"])
@pytest.mark.parametrize("resource", OWN, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_kubernetes_schemas(resource: dict[str, object], version: str) -> None:
    """No field is unknown or of a wrong type, on the oldest and the newest version that we speak of."""
    kubernetes_validate.validate(resource, version, strict=True)


def test_other_schemas() -> None:
    """KEDA's and the Prometheus operator's resources are of their schemas, which let unknown fields pass."""
    require("node", "install Node.js 20 or newer")
    if not MODELS.exists():
        missing("the schemas of KEDA are not there", "`scripts/setup --deploy` with npm on PATH installs them")
    others = [one for one in resources() if one not in OWN]
    assert {one["kind"] for one in others} == {"ScaledObject", "TriggerAuthentication", "ServiceMonitor"}

    def judge(documents: list[dict[str, object]]) -> subprocess.CompletedProcess[str]:
        script = ROOT / "tests" / "deploy" / "models" / "validate.mjs"
        return subprocess.run(
            ["node", script, MODELS], input=json.dumps(documents), capture_output=True, text=True, check=False
        )

    done = judge(others)
    assert done.returncode == 0, done.stderr
    wrong: dict[str, object] = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "x"},
        "spec": {},
    }
    refused = judge([wrong])
    assert (refused.returncode, "ScaledObject x: " in refused.stderr) == (1, True), f"anything goes: {refused.stderr}"


def rendered(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What kubectl would apply, by kind and name; each of Kubernetes's own is of its schema."""
    require("kubectl", "install kubectl 1.27 or newer, such as Debian's kubernetes-client; it asks no cluster")
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = list(yaml.safe_load_all(done.stdout))
    for one in found:
        if not one["apiVersion"].startswith(OF_OTHERS):
            kubernetes_validate.validate(one, "1.37", strict=True)
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def test_kustomize_takes_the_base() -> None:
    """The graph's process and what belongs to it, in the namespace; DataZone's is not in it."""
    found = rendered(KUBERNETES)
    assert ("Deployment", "headwater-graph") in found
    assert [name for _, name in found if "datazone" in name] == [], "DataZone is not optional"
    assert {one["metadata"]["namespace"] for one in found.values()} == {"headwater"}
    (container,) = found["Deployment", "headwater-graph"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "headwater-consumer:0.1.0"


def test_kustomize_takes_the_documented_overlay(tmp_path: Path) -> None:
    """The overlay of docs/deploy.md: both processes, the registry's image, its addresses in settings and triggers."""
    (overlay,) = blocks(ROOT / "docs" / "deploy.md", "yml")
    # kustomize takes folders by relative paths only.
    text = overlay.replace("../headwater/deploy/kubernetes", os.path.relpath(KUBERNETES, tmp_path.resolve()))
    text = text.replace("boot-a1b2c3", "boot-mine").replace("cluster-a1b2c3", "cluster-mine")
    (tmp_path / "kustomization.yaml").write_text(text)
    found = rendered(tmp_path)
    assert {name for kind, name in found if kind == "Deployment"} == of_kind("Deployment").keys()
    assert {one["metadata"]["namespace"] for one in found.values()} == {"lineage"}
    assert "boot-a1b2c3" not in json.dumps(list(found.values())), "the example's Kafka is left somewhere"
    for kind, name in found:
        if kind == "Deployment":
            (container,) = found[kind, name]["spec"]["template"]["spec"]["containers"]
            assert container["image"].endswith(".amazonaws.com/headwater-consumer:0.1.0"), name
        if kind == "ScaledObject":
            (trigger,) = found[kind, name]["spec"]["triggers"]
            assert trigger["metadata"]["bootstrapServers"].startswith("boot-mine"), f"{name} asks another Kafka"
    settings = found["ConfigMap", "headwater"]["data"]
    assert "cluster-mine" in settings["HEADWATER_GRAPH"]
    assert settings["HEADWATER_KAFKA__AUTH"] == "iam", "the patch has taken the other settings away"
