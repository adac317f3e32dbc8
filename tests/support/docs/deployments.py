"""What deploy/ says, read: Compose's services, Kubernetes's resources, and the variables that each process is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[3]
DEPLOY: Final = ROOT / "deploy"
COMPOSE: Final = DEPLOY / "compose.yaml"
KUBERNETES: Final = DEPLOY / "kubernetes"
COMPONENTS: Final = (KUBERNETES / "datazone", KUBERNETES / "serve", KUBERNETES / "alerts")


def compose() -> dict[str, Any]:
    """The Compose file, its anchors and merges resolved."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return found


def kustomization(folder: Path = KUBERNETES) -> dict[str, Any]:
    """A folder's kustomization."""
    found: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    return found


def resources() -> list[dict[str, Any]]:
    """All resources of Kubernetes, those of the optional components too."""
    files = [folder / name for folder in (KUBERNETES, *COMPONENTS) for name in kustomization(folder)["resources"]]
    return [one for file in files for one in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a kind by name."""
    return {one["metadata"]["name"]: one for one in resources() if one["kind"] == kind}


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    """The one container of a Deployment."""
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    one: dict[str, Any] = found
    return one


def given(deployment: dict[str, Any]) -> dict[str, str]:
    """The variables that a Deployment's ConfigMaps give its process."""
    maps = of_kind("ConfigMap")
    names = [source["configMapRef"]["name"] for source in container(deployment)["envFrom"]]
    return {name: text for one in names for name, text in maps[one]["data"].items()}
