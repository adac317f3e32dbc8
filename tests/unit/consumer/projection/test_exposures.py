"""Exposures of dbt in the graph: what people use tables for, as leaves of the lineage."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.graph import ids, schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, DropEdges, Edge, NotExists, PropertyEquals, Vertex
from consumer.lineage.identity import NO_RULES
from consumer.maintenance.reconcile import Reconcile
from consumer.query.resolve import LineageNode, resolve
from consumer.query.traversal.traverse import lineage
from consumer.render import export_formats, export_json, lineage_formats
from schemas.naming import DatasetName
from tests.support.events.event_builders import REDSHIFT, dataset, dataset_event, job_event, name, run_event
from tests.support.graph.graph_of_events import embedded_whole, exposed, shuffled, whole, write

Json = dict[str, Any]
BOARD = {"unique_id": "exposure.p.board", "name": "board", "type": "dashboard", "url": "https://b.example"}
REPORT = {"unique_id": "exposure.p.report", "name": "report", "owner": "ana"}
EXPOSED = LineageNode(DatasetName("dbt", "exposure.p.board"), None, "exposure")


def table(called: str, *exposures: Json, **facets: object) -> Json:
    """A table in an event of dbt, with the exposures that use it."""
    shown = {"dbt_exposures": {"exposures": list(exposures)}} if exposures else {}
    return dataset(called, dataSource={"uri": REDSHIFT}, **shown, **facets)


def node(
    second: int,
    *,
    inputs: Sequence[Json] = (),
    outputs: Sequence[Json] = (),
    kind: str = "COMPLETE",
    project: str = "p",
    run: str = "r1",
) -> Json:
    """A run of a model."""
    facets = {"jobType": {"integration": "DBT", "jobType": "MODEL"}, "dbt_node": {"unique_id": "model.p.m"}}
    of_run = {"dbt_run": {"invocation_id": "i", "project_name": project}}
    return run_event(
        kind, second, run=run, inputs=inputs, outputs=outputs, job="m", job_facets=facets, run_facets=of_run
    )


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    """An empty graph."""
    with closing(SqliteStore(Path(":memory:"))) as found:
        yield found


def uses(documents: Sequence[Json]) -> list[tuple[str, str]]:
    """The edges to exposures that events make, in any order and with repetitions."""
    found = orjson.loads(embedded_whole([documents]))
    for seed in range(3):
        assert orjson.loads(embedded_whole(shuffled(documents, seed, 2))) == found
    assert sorted({tuple(edge[1]) for edge in found["exposure_edges"]}) == sorted(map(tuple, found["exposures"]))
    return [(source[1].rpartition(".")[2], target[1]) for source, target, *_ in found["exposure_edges"]]


def test_an_exposure_is_a_leaf(store: SqliteStore) -> None:
    """A vertex of its own kind, with an edge from each table that it uses."""
    write(store, [[node(1, inputs=[table("a")], outputs=[table("t", BOARD)])]])
    (vertex,) = (found for found in store.vertices(schema.NODE) if found.properties.get("kind"))
    assert vertex == (
        "exposure/dbt/exposure.p.board",
        schema.NODE,
        {"kind": "exposure", "namespace": "dbt", "name": "exposure.p.board", "node_name": "board"},
    )
    (edge,) = store.edges_at([vertex.id], schema.EDGE, "in")
    assert edge.source == ids.dataset(name("t"))
    assert edge.properties == {
        "edge_name": "DBT/exposure",
        "type": "dashboard",
        "url": "https://b.example",
        "owner": "",
    }


def test_a_table_may_have_none_any_more() -> None:
    """A run of the table without the facet takes them away; one that failed, or of another table, does not."""
    first = node(1, outputs=[table("t", BOARD, REPORT)])
    assert uses([first]) == [("t", "exposure.p.board"), ("t", "exposure.p.report")]
    assert uses([first, node(3, outputs=[table("t", REPORT)], run="r2")]) == [("t", "exposure.p.report")]
    assert uses([first, node(3, outputs=[table("t")], run="r2")]) == []
    assert len(uses([first, node(3, outputs=[table("t")], run="r2", kind="FAIL")])) == 2
    assert len(uses([first, node(3, outputs=[table("u")], run="r2")])) == 2
    declared = job_event(3, outputs=[table("t")], job_facets=first["job"]["facets"])
    assert uses([first, declared]) == [], "so does a manifest"


def test_a_source_is_read_alone() -> None:
    """Its exposures come with the nodes that read it; a bare name, as of another environment, says nothing."""
    first = node(1, inputs=[table("raw", BOARD)])
    assert uses([first]) == [("raw", "exposure.p.board")]
    assert uses([first, node(3, inputs=[table("raw")], run="r2")]) == []
    assert len(uses([first, node(3, inputs=[dataset("raw")], run="r2")])) == 1


def test_each_project_knows_its_own() -> None:
    """Two projects read one table: what one of them says takes nothing of the other's away."""
    other = {"unique_id": "exposure.q.board", "name": "board"}
    events = [node(1, outputs=[table("t", BOARD)]), node(3, inputs=[table("t", other)], project="q", run="r2")]
    assert uses(events) == [("t", "exposure.p.board"), ("t", "exposure.q.board")]
    assert uses([*events, node(5, inputs=[table("t")], project="q", run="r3")]) == [("t", "exposure.p.board")]
    package = {"unique_id": "exposure.lib.board", "name": "board"}
    twice = [node(1, inputs=[table("t", package)]), node(3, inputs=[table("t", package)], project="q", run="r2")]
    assert uses(twice) == [("t", "p/exposure.lib.board"), ("t", "q/exposure.lib.board")]


def test_an_event_without_a_project() -> None:
    """It has no node, so what it says is said by none."""
    assert uses([dataset_event(1, dataset("t", dbt_exposures={"exposures": [BOARD]}))]) == [("t", "exposure.p.board")]
    assert uses([dataset_event(1, dataset("t", dbt_exposures={"exposures": [{"name": "x"}]}))]) == [
        ("t", "exposure.dbt.x")
    ]


def test_an_exposure_goes_with_its_last_table() -> None:
    """Of two tables that it uses one may be left; a dropped table is used by none."""
    both = [node(1, outputs=[table("t", BOARD)]), node(2, inputs=[table("raw", BOARD)], run="r2")]
    assert len(uses(both)) == 2
    dropped = dataset_event(4, dataset("t", lifecycleStateChange={"lifecycleStateChange": "DROP"}))
    assert uses([*both, dropped]) == [("raw", "exposure.p.board")]
    again = node(6, outputs=[table("t", BOARD)], run="r3")
    assert len(uses([*both, dropped, again])) == 2


def test_two_names_of_one_table(store: SqliteStore) -> None:
    """The edges are those of the name that is shown, also where another one was shown before."""
    link = {"identifiers": [{"namespace": "arn:aws:glue:us-east-1:123456789012", "name": "table/s/t", "type": "TABLE"}]}
    documents = [node(1, outputs=[table("t", BOARD)]), node(3, outputs=[table("t", BOARD, symlinks=link)], run="r2")]
    write(store, [documents[:1]])
    write(store, [documents[1:]])
    assert whole(store) == embedded_whole([documents])
    (edge,) = exposed(store)["exposure_edges"]
    assert edge[0] == ("arn:aws:glue:us-east-1:123456789012", "table/s/t")


def test_readers_show_it(store: SqliteStore) -> None:
    """By name, downstream of its tables, in each format; the export of data sets has none."""
    events = [node(1, inputs=[table("a")], outputs=[table("t", BOARD)])]
    write(store, [events])
    assert resolve(store, "board") == EXPOSED
    down = lineage(store, resolve(store, "a"), 0, 9)
    assert [(node.target.kind, node.target.dataset.name) for node in down.nodes if node.target.kind != "dataset"] == [
        ("exposure", "exposure.p.board")
    ]
    assert "board  exposure of dbt  DBT/exposure" in lineage_formats.tree(down).replace("\x1b[2m", "").replace(
        "\x1b[0m", ""
    )
    shown = json.loads(lineage_formats.json(lineage(store, EXPOSED, 9, 9)))
    assert shown["root"] == {**EXPOSED.dataset._asdict(), "node_name": "board", "kind": "exposure"}
    assert [node["node_name"] for node in shown["nodes"] if node["direction"] == "upstream"] == ["a", "t"]
    assert json.loads(export_formats.lineage_map(store))["lineage_map"]["t"] == ["exposure.p.board"]
    for draw in (export_formats.mermaid, export_formats.dot):
        assert b"exposure of dbt" in draw(store)
    assert b"board" not in export_json.to_json(export_json.document(store))


def test_a_column_leads_to_it_by_table(store: SqliteStore) -> None:
    """Which columns an exposure uses is not known, which is not none."""
    columns = {"fields": [{"name": "x", "type": "int"}]}
    write(store, [[node(1, outputs=[table("t", BOARD, schema=columns)])]])
    found = lineage(store, resolve(store, "t.x"), 0, 9)
    assert [node.target for node in found.unknown.nodes if node.target.kind == "exposure"] == [EXPOSED]


def test_a_dataset_goes_before_an_exposure_of_its_name(store: SqliteStore) -> None:
    """A name that meant a table before there was a dashboard means it still."""
    write(store, [[node(1, outputs=[table("board", BOARD), table("u")])]])
    assert resolve(store, "board") == LineageNode(name("board"))
    assert resolve(store, "exposure.p.board") == EXPOSED
    assert set(json.loads(export_formats.lineage_map(store))["lineage_map"]) == {"board", "u", "exposure.p.board"}


def reconciled(store: SqliteStore) -> int:
    """How many vertices a reconcile has written."""
    chore, place = Reconcile(store, NO_RULES, 3), ""
    while (following := chore.step(place)) is not None:
        place = following
    return chore.result.repaired


def test_reconcile_finds_what_is_damaged(store: SqliteStore) -> None:
    """Nothing on a graph that is right; an edge that is gone, and one that nobody has drawn."""
    write(store, [[node(1, outputs=[table("t", BOARD, REPORT)])]])
    expected = whole(store)
    assert reconciled(store) == 0
    (edge, *_) = (found for found in store.edges(schema.EDGE) if "job" not in found.properties)
    stray = Edge("exposed/x", schema.EDGE, edge.source, "exposure/dbt/exposure.p.stray", edge.properties)
    stray = stray._replace(id=ids.make("exposed", *name("t"), "dbt", "exposure.p.stray"))
    lost = Vertex(stray.target, schema.NODE, {"kind": "exposure", "rev": "1"})
    store.write([Change(lost, NotExists(), PropertyEquals("rev", "1"), (stray, DropEdges((edge.id,))))])
    assert whole(store) != expected
    assert reconciled(store) > 0
    assert whole(store) == expected
    assert reconciled(store) == 0


def test_tags_of_columns_are_shown(store: SqliteStore) -> None:
    """On the column, and gone with the facet."""
    columns = {"fields": [{"name": "Email", "type": "text"}, {"name": "id", "type": "int"}]}
    tags = {"tags": [{"key": "pii", "value": "true", "source": "DBT", "field": "email"}, {"key": "gold", "value": "1"}]}
    write(store, [[node(1, outputs=[table("t", schema=columns, tags=tags)])]])
    found = store.read([ids.column(name("t"), column) for column in ("Email", "id")])
    assert json.loads(str(found[ids.column(name("t"), "Email")]["tags"])) == [
        {"key": "pii", "source": "DBT", "value": "true"}
    ]
    assert "tags" not in found[ids.column(name("t"), "id")]
    later = node(5, outputs=[table("t", schema=columns, tags={"_deleted": True})], run="r2")
    write(store, [[later]])
    assert not store.read([ids.column(name("t"), "Email")])[ids.column(name("t"), "Email")].get("tags")
