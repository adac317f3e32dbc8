"""Kubernetes takes the manifests: its own resources and those of KEDA and the Prometheus operator, by their schemas."""

from __future__ import annotations

import json
import subprocess

import kubernetes_validate
import pytest

from tests.support.deployments import ROOT, resources
from tests.support.process import missing, require

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
