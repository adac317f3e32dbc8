"""The whole way to the catalog: dbt-ol on both engines, Kafka, `headwater consume --sink datazone`, and its report."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.brokers.consuming_processes import HEADWATER, consume_all
from tests.support.datazone.fake_datazone import ACCOUNT, DOMAIN, GLUE, SERVERLESS, DataZoneServer
from tests.support.dbt.imdb_builds import ImdbBuilds
from tests.support.processes.servers import DbtEngines, KafkaBroker

pytestmark = pytest.mark.timeout(900)

PATIENCE_S = 180
WORKGROUP = f"arn:aws:redshift-serverless:us-east-1:{ACCOUNT}:table/imdb-wg"


@dataclass
class Way:
    """What was forwarded.

    Attributes:
        environment: For further `headwater` commands.
        assets: The identifiers of all tables of both projects, as data sources would give them.
        dead: The dead-letter topic.
    """

    environment: dict[str, str]
    assets: set[str]
    dead: str


def _tables(project: Path) -> Iterator[tuple[str, ...]]:
    """Database, schema and table of all that has lineage in a project: dbt-ol tells of a seed when it is read."""
    manifest = json.loads((project / "target" / "manifest.json").read_text())
    nodes = manifest["nodes"].values()
    read = {above for n in nodes if n["resource_type"] == "model" for above in n["depends_on"]["nodes"]}
    made = [n for n in nodes if n["resource_type"] in {"model", "snapshot"}]
    made += [n for n in nodes if n["resource_type"] == "seed" and n["unique_id"] in read]
    stored = [(n, n["alias"]) for n in made if n["config"]["materialized"] != "ephemeral"]
    stored += [(source, source["identifier"]) for source in manifest["sources"].values()]
    for node, name in stored:
        yield tuple(part.lower() for part in (node["database"], node["schema"], name))


@pytest.fixture(scope="module")
def way(
    kafka_broker: KafkaBroker,
    dbt_engines: DbtEngines,
    datazone_server: DataZoneServer,
    imdb_builds: ImdbBuilds,
    tmp_path_factory: pytest.TempPathFactory,
) -> Way:
    """Forwards the events of both projects, as dbt-ol sent them, to an empty domain with all assets."""
    topic, dead = imdb_builds.topic, kafka_broker.create_topic()
    assets: set[str] = set()
    for name, project in imdb_builds.projects.items():
        prefix = GLUE if name == "imdb_athena" else WORKGROUP
        assets |= {"/".join((prefix, *parts[name == "imdb_athena" :])) for parts in _tables(project)}
    datazone_server.reset()
    datazone_server.assets(sorted(assets))
    athena = imdb_builds.projects["imdb_athena"]
    environment = dbt_engines.environment_of(athena) | datazone_server.environment_for()
    environment |= {
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": kafka_broker.bootstrap,
        "HEADWATER_KAFKA__TOPIC": topic,
        "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": dead,
        "HEADWATER_DATAZONE__DOMAIN_ID": DOMAIN,
        "HEADWATER_DATAZONE__ACCOUNT_ID": ACCOUNT,
        "HEADWATER_DATAZONE__GROUP_ID": f"datazone-of-{topic}",
        # The projects' Redshift is on loopback; which endpoint it stands for is said as an NLB's would be.
        "HEADWATER_IDENTITY__SAME": json.dumps([{"prefixes": [SERVERLESS, dbt_engines.redshift_namespace]}]),
    }
    group, log = environment["HEADWATER_DATAZONE__GROUP_ID"], tmp_path_factory.mktemp("datazone") / "consume.log"
    options = ("--sink", "datazone")
    consume_all(kafka_broker, topic, group, environment, log, *options, patience_s=PATIENCE_S, end_s=60)
    return Way(environment, assets, dead)


def _headwater(*arguments: str, environment: dict[str, str]) -> tuple[int, list[dict[str, Any]]]:
    command = [str(HEADWATER), "datazone", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode in {0, 1}, done.stderr.decode()
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_all_tables_are_linked(way: Way) -> None:
    """The report knows the asset of each table of both projects, and finds no dataset without one."""
    code, rows = _headwater("link-report", environment=way.environment)
    unlinked = [row for row in rows if not row["linked"]]
    assert not unlinked, f"{len(unlinked)} of {len(rows)} datasets have no asset, such as {unlinked[0]}"
    missing = way.assets - {row["source_identifier"] for row in rows}
    assert not missing, f"of these tables there is no lineage: {sorted(missing)}"
    assert code == 0


def test_all_events_are_processed(way: Way, datazone_server: DataZoneServer, kafka_broker: KafkaBroker) -> None:
    """None has failed, none was refused, and none is stored twice."""
    code, rows = _headwater("status", environment=way.environment)
    stored = datazone_server.events()
    assert (code, rows[0]["counts"], rows[0]["failed"]) == (0, {"SUCCESS": len(stored)}, [])
    runs = [event["event"]["run"]["runId"] for event in stored]
    assert len(runs) == len(set(runs)), "each run is told once"
    assert not kafka_broker.records(way.dead)


def test_column_lineage_leads_across_tables(way: Way, datazone_server: DataZoneServer) -> None:
    """Each column that has origins has them in tables that are there, also through CTEs and stars."""
    graph = datazone_server.graph()
    assert datazone_server.stats()["dangling_column_inputs"] == 0
    assert way.assets <= graph.keys()
    titles = graph[f"{WORKGROUP}/dev/imdb/titles"]["columns"]
    assert titles, "the mart has column lineage"
    origins = {entry["sourceIdentifier"] for entries in titles.values() for entry in entries}
    assert f"{WORKGROUP}/dev/imdb/new_stg_imdb__title_ratings" in origins
