"""Dashboard and alerts: they ask for metrics that there are, and Prometheus's own tool takes them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from consumer.telemetry.metrics import CATALOGUE, Metrics
from tests.support.processes.server_process import require

FOLDER: Final = Path(__file__).parents[3] / "deploy" / "monitoring"
ALERTS: Final = FOLDER / "alerts.yaml"
DASHBOARD: Final = FOLDER / "dashboard.json"
OF_TARGETS: Final = {"job", "instance"}
"""Labels that Prometheus adds to everything that it reads."""

SERIES: Final[Mapping[str, set[str]]] = {
    name: set(metric.labels) | ({"le"} if name.endswith("_bucket") else set())
    for metric in CATALOGUE
    for name in metric.series
}
"""Labels of each series, of our own ones."""


def of_the_process() -> set[str]:
    """The library's series."""
    families = text_string_to_metric_families(generate_latest(Metrics().registry).decode())
    return {sample.name for family in families for sample in family.samples if sample.name.startswith("process_")}


def rules() -> list[dict[str, Any]]:
    """All alert rules."""
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """All panels that show something."""
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Every PromQL expression with where it stands; the dashboard's variables as Grafana would put them in."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$job", "headwater|other")


QUERIES: Final = [pytest.param(query, id=f"{place} {number}") for number, (place, query) in enumerate(queries())]


@pytest.mark.parametrize("query", QUERIES)
def test_queries_ask_for_what_there_is(query: str) -> None:
    """Each name is a series of the catalogue or of the library; each label is one that the series have."""
    bare = re.sub(r'"[^"]*"', '""', query)
    names = set(re.findall(r"\b(?:headwater|process)_\w+", bare))
    assert names, "it asks for nothing of ours"
    assert names <= SERIES.keys() | of_the_process(), "there is no such metric"
    labels = OF_TARGETS.union(*(SERIES.get(name, set()) for name in names))
    matched = {label for group in re.findall(r"\{([^}]*)\}", bare) for label in re.findall(r"(\w+)\s*[=!]", group)}
    grouped = re.findall(r"\b(?:by|on|without|ignoring) \(([^)]*)\)", bare)
    asked = matched | {label.strip() for group in grouped for label in group.split(",")}
    assert asked <= labels, "the series have no such label"


def promtool(*arguments: str | Path, folder: Path) -> None:
    """Runs Prometheus's tool; what it says is the failure."""
    require("promtool", "install Debian's prometheus (apt-get install prometheus), which need not run")
    done = subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"promtool {' '.join(map(str, arguments))}:\n{done.stdout}\n{done.stderr}"


def test_promtool_takes_the_rules() -> None:
    """Their syntax is Prometheus's."""
    promtool("check", "rules", ALERTS, folder=FOLDER)


def test_alerts_fire_when_they_should() -> None:
    """Each one in its case, and none while all is well."""
    promtool("test", "rules", "alerts_test.yaml", folder=FOLDER)


def test_every_alert_is_tested() -> None:
    """Once that it fires, and once that it does not."""
    tests = yaml.safe_load((FOLDER / "alerts_test.yaml").read_text(encoding="utf-8"))["tests"]
    names = {rule["alert"] for rule in rules()}
    fires = re.findall(
        r'alertname="(\w+)"', json.dumps([test.get("promql_expr_test") for test in tests]).replace("\\", "")
    )
    quiet = [
        case["alertname"] for test in tests for case in test.get("alert_rule_test", ()) if not case.get("exp_alerts")
    ]
    assert set(fires) == names, "of these it is not shown that they fire"
    assert set(quiet) == names, "of these it is not shown that they don't"


def test_promtool_takes_the_dashboards_queries(tmp_path: Path) -> None:
    """Grafana's file has no checker of its own, but its queries are PromQL: as recording rules they are checked."""
    recorded = [{"record": f"panel:query:{number}", "expr": query} for number, (_, query) in enumerate(queries())]
    file = tmp_path / "dashboard.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))
    promtool("check", "rules", file, folder=tmp_path)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_alerts_say_what_to_do(rule: dict[str, Any]) -> None:
    """A severity, what it means, and what to do."""
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"].keys() == {"summary", "action"}
    assert all(text.endswith(".") for text in rule["annotations"].values()), "no sentence"


def test_the_dashboard_can_be_imported() -> None:
    """A schema version, ids of its own, a data source to choose, and a grid without overlaps."""
    dashboard = json.loads(DASHBOARD.read_text())
    assert dashboard["schemaVersion"] >= 36
    assert dashboard["uid"] == "headwater-consume"
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    asked = re.findall(r"label_values\((\w+), (\w+)\)", variables["job"]["definition"])
    assert asked == [("headwater_build_info", "job")]
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids), "ids come twice"
    cells = [
        (x, y)
        for grid in (panel["gridPos"] for panel in dashboard["panels"])
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len(set(cells)) == len(cells), "panels overlap"
    assert max(x for x, _ in cells) < 24, "a panel is out of the grid"


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_panels(panel: dict[str, Any]) -> None:
    """A title, words on what it shows, a unit, and queries to the chosen data source and jobs."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references)
    for part in (panel, *panel["targets"]):
        assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in panel["targets"]:
        assert 'job=~"$job"' in target["expr"], "it shows every job"
        assert target["legendFormat"]


def test_every_metric_is_shown_or_alerts() -> None:
    """What nobody looks at need not be measured."""
    asked = {name for _, query in queries() for name in re.findall(r"\bheadwater_\w+", query)}
    assert [metric.name for metric in CATALOGUE if asked.isdisjoint(metric.series)] == []
