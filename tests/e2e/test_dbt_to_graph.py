"""The whole way with nothing faked on it: dbt-ol, Kafka, `headwater consume`, Gremlin Server, a notebook's queries."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gremlin_python.driver.client import Client

from tests.support.brokers.consuming_processes import HEADWATER, consume_all
from tests.support.dbt.imdb_builds import ImdbBuilds
from tests.support.processes.servers import (
    ATHENA_NAMESPACE,
    GLUE_NAMESPACE,
    DbtEngines,
    GremlinServer,
    KafkaBroker,
)

pytestmark = pytest.mark.timeout(900)

SHARED_TABLES = {
    "stg_imdb__name_basics",
    "stg_imdb__title_akas",
    "stg_imdb__title_basics",
    "stg_imdb__title_crews",
    "stg_imdb__title_episodes",
    "stg_imdb__title_principals",
    "stg_imdb__title_ratings",
}
MARTS = {"names", "genre_titles", "titles"}

# As people keep them in notebooks; the magic line above them is Jupyter's.
ALL_EDGES = """
g.V().hasLabel('lineage_node').outE('lineage_edge').inV().hasLabel('lineage_node').path().by(elementMap())
"""
FROM_TITLE_CREW = """
g.V().has('lineage_node', 'node_name', 'title_crew')
  .repeat(union(__.inE('lineage_edge').outV(), __.outE('lineage_edge').inV()))
  .until(__.has('node_name', within('names', 'genre_titles', 'titles')).or().loops().is(gt(10)))
  .path().by(elementMap())
"""

Name = tuple[str, str]


@dataclass
class Way:
    """What was sent, and what came of it.

    Attributes:
        topic: Where dbt-ol's events are.
        environment: For further `headwater` commands.
        exported: The graph, as `export --format json` wrote it.
        edges: What the two manifests demand, as pairs of OpenLineage names.
        relations: The OpenLineage names of all models, snapshots and sources.
    """

    topic: str
    environment: dict[str, str]
    exported: bytes
    edges: set[tuple[Name, Name]]
    relations: set[Name]

    @property
    def graph(self) -> dict[str, Any]:
        """The exported graph."""
        return dict(json.loads(self.exported))

    @property
    def shown(self) -> dict[Name, Name]:
        """The name that is shown, by any name of a dataset."""
        found = {}
        for dataset in self.graph["datasets"]:
            name = (dataset["namespace"], dataset["name"])
            found[name] = name
            found |= dict.fromkeys(map(tuple, dataset["aliases"]), name)
        return found


def _headwater(*arguments: str, environment: dict[str, str]) -> bytes:
    done = subprocess.run([HEADWATER, *arguments], env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, f"headwater {arguments} ended with {done.returncode}\n{done.stderr.decode()}"
    return done.stdout


def _relations(manifest: dict[str, Any], namespace: str) -> dict[str, Name]:
    """OpenLineage names of what a project reads and writes, by dbt's unique id; seeds are left out."""
    nodes = [n for n in manifest["nodes"].values() if n["resource_type"] in {"model", "snapshot"}]
    stored = [(n, n["alias"]) for n in nodes if n["config"]["materialized"] != "ephemeral"]
    stored += [(source, source["identifier"]) for source in manifest["sources"].values()]
    return {
        node["unique_id"]: (namespace, f"{node['database']}.{node['schema']}.{name}".lower()) for node, name in stored
    }


def _parents(manifest: dict[str, Any], unique_id: str) -> Iterator[str]:
    """What a node reads, through ephemeral models."""
    for parent in manifest["nodes"][unique_id]["depends_on"]["nodes"]:
        if manifest["nodes"].get(parent, {"config": {}})["config"].get("materialized") == "ephemeral":
            yield from _parents(manifest, parent)
        else:
            yield parent


def _expected(project: Path, namespace: str) -> tuple[set[tuple[Name, Name]], set[Name]]:
    manifest = json.loads((project / "target" / "manifest.json").read_text())
    names = _relations(manifest, namespace)
    edges = {
        (names[parent], name)
        for unique_id, name in names.items()
        if unique_id in manifest["nodes"]
        for parent in _parents(manifest, unique_id)
        if parent in names
    }
    return edges, set(names.values())


@pytest.fixture(scope="module")
def way(
    kafka_broker: KafkaBroker,
    gremlin_server: GremlinServer,
    dbt_engines: DbtEngines,
    imdb_builds: ImdbBuilds,
    tmp_path_factory: pytest.TempPathFactory,
) -> Way:
    """Folds the events of both projects, as dbt-ol sent them, into an empty graph."""
    topic = imdb_builds.topic
    edges: set[tuple[Name, Name]] = set()
    relations: set[Name] = set()
    for name, namespace in (("imdb_athena", ATHENA_NAMESPACE), ("imdb_redshift", dbt_engines.redshift_namespace)):
        more_edges, more_relations = _expected(imdb_builds.projects[name], namespace)
        edges |= more_edges
        relations |= more_relations

    prefixes = [f"{GLUE_NAMESPACE}/imdb_stg", f"{dbt_engines.redshift_namespace}/dev.imdb_stg"]
    environment = dbt_engines.environment_of(imdb_builds.projects["imdb_athena"]) | {
        "HEADWATER_GRAPH": gremlin_server.url,
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": kafka_broker.bootstrap,
        "HEADWATER_KAFKA__TOPIC": topic,
        "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": kafka_broker.create_topic(),
        "HEADWATER_KAFKA__GROUP_ID": f"group-of-{topic}",
        "HEADWATER_IDENTITY__SAME": json.dumps([{"prefixes": prefixes}]),
    }
    gremlin_server.clear()
    group, log = environment["HEADWATER_KAFKA__GROUP_ID"], tmp_path_factory.mktemp("way") / "consume.log"
    consume_all(kafka_broker, topic, group, environment, log, patience_s=240, end_s=60)
    assert not kafka_broker.records(environment["HEADWATER_KAFKA__DEAD_LETTER_TOPIC"]), "no event is rejected"
    exported = _headwater("export", "--graph", gremlin_server.url, "--format", "json", environment=environment)
    return Way(topic, environment, exported, edges, relations)


def test_a_table_of_both_engines_is_one_vertex(way: Way, dbt_engines: DbtEngines) -> None:
    """The seven tables that Athena writes and Redshift reads are seven vertices, which both engines' names find."""
    vertices = {d["node_name"] for d in way.graph["datasets"] if d["node_name"] in SHARED_TABLES}
    count = sum(d["node_name"] in SHARED_TABLES for d in way.graph["datasets"])
    assert (vertices, count) == (SHARED_TABLES, 7), "one vertex for each of the seven tables"
    for table in SHARED_TABLES:
        names = [
            (GLUE_NAMESPACE, f"table/imdb_stg/{table}"),
            (ATHENA_NAMESPACE, f"awsdatacatalog.imdb_stg.{table}"),
            (dbt_engines.redshift_namespace, f"dev.imdb_stg.{table}"),
        ]
        found = {way.shown.get(name) for name in names}
        assert found == {names[0]}, f"all names of {table} lead to its Glue name, not to {found}"


def test_the_edges_are_those_of_the_manifests(way: Way) -> None:
    """Each dependency of a model, snapshot or source is an edge, and there is no other edge between them."""
    lost = way.relations - way.shown.keys()
    assert not lost, f"relations that are not in the graph: {sorted(lost)}"
    relations = {way.shown[name] for name in way.relations}
    expected = {(way.shown[source], way.shown[target]) for source, target in way.edges}
    everything = {(tuple(source), tuple(target)) for source, target, _ in way.graph["dataset_edges"]}
    found = {edge for edge in everything if relations.issuperset(edge)}
    assert not expected - found, f"edges that are missing: {sorted(expected - found)}"
    assert not found - expected, f"edges that no manifest has: {sorted(found - expected)}"


def _paths(server: GremlinServer, query: str) -> list[list[dict[Any, Any]]]:
    """A query's paths, as a notebook gets them: a script without any option."""
    client = Client(server.url, "g", pool_size=1)
    try:
        paths = [path.objects for path in client.submit(query).all().result(60)]
    finally:
        client.close()
    assert len(server.query(query.strip())) == len(paths), "Neptune's grammar takes the query too"
    return paths


def test_a_notebook_draws_the_merged_graph(way: Way, gremlin_server: GremlinServer, dbt_engines: DbtEngines) -> None:
    """The first notebook query gives each current edge once, across both engines."""
    paths = _paths(gremlin_server, ALL_EDGES)
    drawn = sorted((path[0]["node_name"], path[2]["node_name"]) for path in paths)
    names = {(d["namespace"], d["name"]): d["node_name"] for d in way.graph["datasets"]}
    edges = [(names[tuple(source)], names[tuple(target)]) for source, target, _ in way.graph["dataset_edges"]]
    assert drawn == sorted(edges), "the edges that are exported"
    assert {path[1]["edge_name"] for path in paths} == {"DBT/Athena", "DBT/Redshift"}, "each edge tells its tool"
    crossing = {(path[0]["namespace"], path[2]["namespace"]) for path in paths}
    assert (GLUE_NAMESPACE, dbt_engines.redshift_namespace) in crossing, f"no edge from Athena to Redshift: {crossing}"


def test_a_notebook_walks_from_a_source_to_the_marts(way: Way, gremlin_server: GremlinServer) -> None:
    """The second notebook query leads from Athena's title_crew to a mart of Redshift."""
    assert way.exported, "the graph is there"
    # Vertices and edges take turns on a path.
    reached = [[vertex["node_name"] for vertex in path[::2]] for path in _paths(gremlin_server, FROM_TITLE_CREW)]
    short = min((path for path in reached if path[-1] in MARTS), key=len, default=[])
    assert {"title_crew", "stg_imdb__title_crews", "new_stg_imdb__title_crews"} <= set(short), f"the way is {short}"
    assert short[-1] in MARTS, f"no mart is reached by any of {len(reached)} paths"


def test_a_file_gives_the_same_graph(way: Way, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """The topic's events, ingested from a file into the embedded store, export the same bytes."""
    events = tmp_path / "events.jsonl"
    lines = [record.value for record in kafka_broker.records(way.topic) if record.value is not None]
    events.write_bytes(b"\n".join(lines) + os.linesep.encode())
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    _headwater("ingest", str(events), "--graph", url, environment=way.environment)
    exported = _headwater("export", "--graph", url, "--format", "json", environment=way.environment)
    assert exported == way.exported, "Gremlin Server by Kafka and SQLite by a file hold the same graph"
