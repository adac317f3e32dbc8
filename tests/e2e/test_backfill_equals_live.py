"""Law 5: the graph from the artifacts that dbt leaves is the graph from the events of its run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.lineage.identity import IdentityRules
from emitter.refine import RefineOptions, Refiner
from tests.support.dbt.dbt_engines import GLUE_NAMESPACE, DbtEngines
from tests.support.dbt.imdb_builds import NODES, ImdbBuilds
from tests.support.graph.graph_of_events import embedded
from tests.support.processes.command_line import headwater

pytestmark = pytest.mark.timeout(900)

PARTS = ("datasets", "dataset_edges", "column_edges")
UNREAD_SEED = "table/imdb_stg/genre_labels"


def live(builds: ImdbBuilds, name: str) -> Sequence[Any]:
    """The events of a project's run, with what dbt-ol gets wrong put right by the same means as in backfill."""
    manifest = orjson.loads((builds.projects[name] / "target" / "manifest.json").read_bytes())
    refiner = Refiner(manifest, None, RefineOptions(account_id="123456789012", region="us-east-1"))
    return [refiner.refine(event) for event in map(orjson.loads, builds.events[name])]


def differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, list[str]]:
    """By part what one graph has and the other has not."""
    shown = {part: ({json.dumps(x) for x in found[part]}, {json.dumps(x) for x in expected[part]}) for part in PARTS}
    return {part: sorted(one ^ other) for part, (one, other) in shown.items() if one != other}


@pytest.mark.parametrize("name", NODES)
def test_dbt_ol_sends_a_start_and_an_end(imdb_builds: ImdbBuilds, name: str) -> None:
    """Every node of the stand-ins' projects has passed, and no run of dbt-ol has failed."""
    kinds = {orjson.loads(event)["eventType"] for event in imdb_builds.events[name]}
    assert kinds == {"START", "COMPLETE"}, f"unexpected events: {kinds}"


def test_backfill_equals_live(imdb_builds: ImdbBuilds, dbt_engines: DbtEngines, tmp_path: Path) -> None:
    """Datasets, edges and column edges of both projects are the same, joined across the engines.

    But for a seed that nothing reads: dbt-ol tells of seeds only where it reads dbt's log, and not its results.
    """
    same = [f"{GLUE_NAMESPACE}/imdb_stg", f"{dbt_engines.redshift_namespace}/dev.imdb_stg"]
    variables = dbt_engines.env_redshift | {
        "HEADWATER_GRAPH": f"sqlite:///{tmp_path / 'graph.db'}",
        "HEADWATER_IDENTITY__SAME": json.dumps([{"prefixes": same}]),
    }
    for project in imdb_builds.projects.values():
        done = headwater("backfill", project, "--profiles", project, "--glue", GLUE_NAMESPACE, env=variables)
        assert done.exit_code == 0, done.stderr
    found = json.loads(headwater("export", env=variables).stdout)
    events = [event for name in NODES for event in live(imdb_builds, name)]
    expected = json.loads(embedded([events], IdentityRules.of([same])))
    found["datasets"] = [one for one in found["datasets"] if one["name"] != UNREAD_SEED]
    assert not (differing := differences(found, expected)), f"backfill and the live events differ: {differing}"
    assert all(len(found[part]) > minimum for part, minimum in zip(PARTS, (30, 30, 100), strict=True)), "too little"
