"""The settings in deploy/ are those that there are, and images, Compose and Kubernetes agree with each other."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer import wiring
from consumer.cli.command_group import all_commands, subcommands
from consumer.cli.main import cli
from consumer.config.loader import all_settings, load
from emitter.spool.layout import VARIABLE as SPOOL_DIR
from tests.support.docs.deployments import (
    COMPONENTS,
    DEPLOY,
    ROOT,
    compose,
    container,
    given,
    kustomization,
    of_kind,
    resources,
)

REQUIRED = {"HEADWATER_GRAPH", "HEADWATER_KAFKA__BOOTSTRAP_SERVERS"}
"""Their defaults are for one machine: a file, and a broker on it."""
OBSERVED = {"HEADWATER_HTTP__HOST", "HEADWATER_HTTP__PORT"}
"""Without these nothing can ask how the service is."""
DOCKERFILES = {path.stem.removesuffix(".Dockerfile"): path.read_text() for path in DEPLOY.glob("images/*.Dockerfile")}
NOT_OURS = {"node_modules", "__pycache__"}
FILES = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and NOT_OURS.isdisjoint(path.parts)]
DEPLOYMENTS = of_kind("Deployment")
every_deployment = pytest.mark.parametrize("name", DEPLOYMENTS)


def known() -> set[str]:
    """All variables: of settings, of commands' options, of the emitter."""
    options = {option.envvar for command in all_commands(cli) for option in command.params}
    parts = re.findall(r"\{PREFIX\}(__[A-Z_]+)", (ROOT / "emitter" / "refine" / "refine_options.py").read_text("utf-8"))
    emitters = {SPOOL_DIR, "HEADWATER_REFINE", *(f"HEADWATER_REFINE{name}" for name in parts)}
    return {setting.env for setting in all_settings()} | {name for name in options if isinstance(name, str)} | emitters


def of_the_image(image: str) -> dict[str, str]:
    """The Headwater variables that an image sets."""
    return dict(re.findall(r"\b(HEADWATER_\w+)=(\S+)", DOCKERFILES[image]))


def says(image: str, instruction: str) -> str:
    """What the last such instruction of a Dockerfile says."""
    return str(re.findall(rf"^{instruction} (.+)$", DOCKERFILES[image], re.MULTILINE)[-1])


def settings_of(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The settings that a process with these variables has; wrong ones are a UsageError."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load({})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_variable_exists(path: Path) -> None:
    """Every HEADWATER_ variable in every file of deploy/ is one that a program reads."""
    unknown = set(re.findall(r"\bHEADWATER_[A-Z][A-Z_]*", path.read_text(encoding="utf-8"))) - known()
    assert not unknown, f"{path.relative_to(ROOT)}: nothing reads {unknown}"


@pytest.mark.parametrize("service", ["topics", "consumer", "alerts", "serve"])
def test_composes_settings(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is required is set, and the program takes it."""
    own = compose()["services"][service]["environment"]
    assert own.keys() >= REQUIRED, f"the service {service} does not say {REQUIRED - own.keys()}"
    settings = settings_of(of_the_image("consumer") | own, monkeypatch)
    wiring.identity_rules(settings)
    assert (settings.http.host, settings.log.format) == ("0.0.0.0", "json")  # noqa: S104 -- in a container


@every_deployment
def test_kubernetes_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is required is set for every process, and the program takes it."""
    variables = given(DEPLOYMENTS[name])
    assert variables.keys() >= REQUIRED | OBSERVED, f"{name} does not say {(REQUIRED | OBSERVED) - variables.keys()}"
    if name.endswith("datazone"):
        assert "HEADWATER_DATAZONE__DOMAIN_ID" in variables, "without a domain nothing is forwarded"
    wiring.identity_rules(settings_of(variables, monkeypatch))


def test_compose_reaches_what_it_names() -> None:
    """Addresses name services and the ports that they listen on; the health check's port is the published one."""
    services = compose()["services"]
    environment = services["consumer"]["environment"]
    assert re.fullmatch(r"ws://gremlin:(\d+)/gremlin", environment["HEADWATER_GRAPH"])
    broker = environment["HEADWATER_KAFKA__BOOTSTRAP_SERVERS"]
    assert f"INTERNAL://{broker}" in services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert yaml.safe_load((DEPLOY / "compose/gremlin/server.yaml").read_text())["port"] == 8182
    (scraped,) = yaml.safe_load((DEPLOY / "compose/prometheus.yml").read_text())["scrape_configs"]
    port = of_the_image("consumer")["HEADWATER_HTTP__PORT"]
    assert scraped["static_configs"] == [{"targets": [f"consumer:{port}", f"alerts:{port}"]}]
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in ports), "a port is open to other machines"


def test_compose_mounts_what_there_is() -> None:
    """Every file that is mounted is in the tree: rules, dashboard, configurations; every dependency is a service."""
    services = compose()["services"]
    mounts = [volume.split(":")[0] for one in services.values() for volume in one.get("volumes", ())]
    assert {"./monitoring/alerts.yaml", "./monitoring/dashboard.json"} <= set(mounts)
    missing = [mount for mount in mounts if mount.startswith(".") and not (DEPLOY / mount).exists()]
    assert not missing, "Docker would make empty folders of these"
    assert {name for one in services.values() for name in one.get("depends_on", ())} <= services.keys()
    assert (DEPLOY / services["consumer"]["build"]["context"] / services["consumer"]["build"]["dockerfile"]).exists()


def test_commands_are_commands() -> None:
    """What containers are told to do, the command line takes."""
    lines = [compose()["services"][name]["command"] for name in ("topics", "consumer", "alerts", "serve")]
    lines += [container(one)["args"] for one in DEPLOYMENTS.values()]
    lines.append(yaml.safe_load(says("consumer", "CMD")))
    for name, *arguments in lines:
        assert name in subcommands(cli), f"there is no headwater {name}"
        flags = {flag for option in subcommands(cli)[name].params for flag in option.opts}
        unknown = {one for one in arguments if one.startswith("--")} - flags
        assert not unknown, f"headwater {name} has no {unknown}"


def test_one_version_one_port_one_user() -> None:
    """Images, Compose and Kubernetes agree on the version, the port, the user and the time to end."""
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert {found for text in DOCKERFILES.values() for found in re.findall(r"ARG VERSION=(\S+)", text)} == {version[1]}
    assert compose()["services"]["consumer"]["image"] == f"headwater-consumer:{version[1]}"
    assert kustomization()["images"] == [{"name": "headwater-consumer", "newTag": version[1]}]
    port = says("consumer", "EXPOSE")
    assert of_the_image("consumer")["HEADWATER_HTTP__PORT"] == port
    assert compose()["services"]["consumer"]["stop_grace_period"] == "60s"
    for name, one in DEPLOYMENTS.items():
        pod = one["spec"]["template"]["spec"]
        user = f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
        assert user == says("consumer", "USER"), f"{name} runs as another user than the image"
        assert pod["terminationGracePeriodSeconds"] == 60, name
        assert container(one)["image"] == "headwater-consumer", name
        assert [str(each["containerPort"]) for each in container(one)["ports"]] == [port], name
        assert given(one)["HEADWATER_HTTP__PORT"] == port, name


def test_what_a_review_asks_for() -> None:
    """Every process of ours: a read-only root, no privilege, no token of the cluster."""
    for name in ("topics", "consumer", "alerts", "serve"):
        service = compose()["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    for name, one in DEPLOYMENTS.items():
        pod = one["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container(one)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
    assert not of_kind("Secret"), "a secret in the tree"


@every_deployment
def test_each_process_has_what_keeps_it_up(name: str) -> None:
    """Probes at the paths that are served, and a budget."""
    probes = container(DEPLOYMENTS[name])
    assert probes["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert probes["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    labels = DEPLOYMENTS[name]["spec"]["template"]["metadata"]["labels"]
    assert DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"] == labels
    assert of_kind("PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"] == labels


def test_what_consumes_is_scaled_and_the_rest_has_a_number() -> None:
    """KEDA sets the number of members of a group; alerts have one that works and one that stands by."""
    assert of_kind("ScaledObject").keys() == {name for name, one in DEPLOYMENTS.items() if is_member(one)}
    assert {name for name, one in DEPLOYMENTS.items() if "replicas" in one["spec"]} == {"headwater-alerts"}


def is_member(deployment: dict[str, Any]) -> bool:
    """True for a process that is a member of a consumer group."""
    return bool(container(deployment)["args"][0] == "consume")


@pytest.mark.parametrize("name", of_kind("ScaledObject"))
def test_each_member_is_scaled_by_its_lag(name: str) -> None:
    """By that of its own group and topic."""
    scaling = of_kind("ScaledObject")[name]["spec"]
    assert scaling["scaleTargetRef"]["name"] == name
    (trigger,) = (one["metadata"] for one in scaling["triggers"])
    variables = given(DEPLOYMENTS[name])
    defaults = {setting.env: str(setting.default) for setting in all_settings()}
    sink = container(DEPLOYMENTS[name])["args"][-1]
    group = "HEADWATER_DATAZONE__GROUP_ID" if sink == "datazone" else "HEADWATER_KAFKA__GROUP_ID"
    assert trigger["consumerGroup"] == variables.get(group, defaults[group]), "KEDA looks at another group"
    assert trigger["topic"] == variables["HEADWATER_KAFKA__TOPIC"]
    assert trigger["bootstrapServers"] == variables["HEADWATER_KAFKA__BOOTSTRAP_SERVERS"]
    assert scaling["maxReplicaCount"] <= int(defaults["HEADWATER_KAFKA__PARTITIONS"]), "more would be idle"


def test_the_api_is_reached_through_its_ingress_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Access control and TLS; no health checks and metrics for others; a role, a number and a limit of its own."""
    found = DEPLOYMENTS["headwater-serve"]
    settings = settings_of(given(found), monkeypatch).serve
    assert (settings.access, settings.ingest, settings.host) == ("oidc", "kafka", "0.0.0.0")  # noqa: S104
    mounts = {mount["mountPath"] for mount in container(found)["volumeMounts"]}
    assert str(settings.keys_file.parent) in mounts, "the keys are not mounted"
    ingress = of_kind("Ingress")["headwater-serve"]["spec"]
    (rule,) = ingress["rules"]
    assert ingress["tls"][0]["hosts"] == [rule["host"]]
    assert {path["path"] for path in rule["http"]["paths"]} == {"/api", "/mcp"}
    (way,) = of_kind("NetworkPolicy")["headwater-serve"]["spec"]["ingress"]
    assert way["ports"] == [{"protocol": "TCP", "port": settings.port}]
    labels = found["spec"]["template"]["metadata"]["labels"]
    assert of_kind("Service")["headwater-serve"]["spec"]["selector"] == labels
    assert found["spec"]["template"]["spec"]["serviceAccountName"] == "headwater-serve"
    scaling = of_kind("HorizontalPodAutoscaler")["headwater-serve"]["spec"]
    assert (scaling["scaleTargetRef"]["name"], scaling["minReplicas"]) == ("headwater-serve", 2)


def test_the_network_lets_through_what_is_needed() -> None:
    """The policy has the ports of the settings' addresses, and selects every process, as the Service does."""
    policy = of_kind("NetworkPolicy")["headwater"]
    out = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    addresses = [given(DEPLOYMENTS["headwater-graph"])[name] for name in sorted(REQUIRED)]
    wanted = {int(port) for address in addresses for port in re.findall(r":(\d+)", address)}
    assert wanted <= out, "the graph or Kafka can't be reached"
    selectors = [policy["spec"]["podSelector"]["matchLabels"], of_kind("Service")["headwater"]["spec"]["selector"]]
    for one in DEPLOYMENTS.values():
        labels = one["spec"]["template"]["metadata"]["labels"].items()
        assert all(selector.items() <= labels for selector in selectors)
    (monitor,) = of_kind("ServiceMonitor").values()
    assert monitor["spec"]["selector"]["matchLabels"] == of_kind("Service")["headwater"]["metadata"]["labels"]


def test_no_resource_is_left_out() -> None:
    """Every manifest is in a kustomization, and nothing is there twice."""
    names = [(one["kind"], one["metadata"]["name"]) for one in resources()]
    assert len(set(names)) == len(names)
    listed = {
        "kustomization.yaml",
        *kustomization()["resources"],
        *(name for folder in COMPONENTS for name in kustomization(folder)["resources"]),
    }
    assert {path.name for path in DEPLOY.glob("kubernetes/**/*.yaml")} <= listed


def test_dockerfiles_install_what_there_is() -> None:
    """Extras and groups that the images install are in pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text()
    for image, dockerfile in DOCKERFILES.items():
        words = shlex.split(" ".join(re.findall(r"uv sync (.+)", dockerfile)))
        parts = {after for flag, after in pairwise(words) if flag in {"--extra", "--group"}}
        missing = {part for part in parts if not re.search(rf"^{part} = \[", text, re.MULTILINE)}
        assert not missing, f"the {image} image installs {missing}"
