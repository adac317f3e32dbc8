"""The vertices that show datasets: one for all names of a dataset, where it is shown now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from consumer.graph import ids, schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.projection import fingerprints
from consumer.query.catalog.describe import describe
from consumer.render import answers, documents
from schemas.naming import DatasetName
from tests.support.events.event_builders import (
    Json,
    columns,
    dataset,
    dataset_event,
    made_of,
    name,
    run_event,
)
from tests.support.graph.graph_of_events import write

GLUE = "arn:aws:glue:us-east-1:123456789012"
SHOWN = DatasetName(GLUE, "table/db/t")


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    """A graph in memory."""
    with closing(SqliteStore(Path(":memory:"))) as found:
        yield found


def linked(table: str, **facets: object) -> Json:
    """A table that is a Glue table."""
    return dataset(
        table, symlinks={"identifiers": [{"namespace": GLUE, "name": SHOWN.name, "type": "TABLE"}]}, **facets
    )


def unlinked(table: str) -> Json:
    """A table that is no Glue table any more."""
    return dataset(table, symlinks={"_deleted": True})


def columns_in(store: SqliteStore) -> set[tuple[str, ...]]:
    """All columns, by the name and the column."""
    return {ids.parse(vertex.id)[2:] for vertex in store.vertices(schema.COLUMN)}


def nodes(store: SqliteStore) -> set[str]:
    """The ids of all datasets' vertices."""
    return {vertex.id for vertex in store.vertices(schema.NODE)}


def test_names_that_are_linked_but_apart(store: SqliteStore) -> None:
    """A location that two tables claim: all three say so, for as long as both claim it."""
    location = {"namespace": "s3://lake", "name": "t"}
    tables = [{"namespace": GLUE, "name": f"table/db/{one}"} for one in "tu"]
    claims = [{**table, "facets": {"symlinks": {"identifiers": [{**location, "type": "PATH"}]}}} for table in tables]

    def apart() -> dict[str, list[str]]:
        vertices = (vertex.properties for vertex in store.vertices(schema.NODE))
        said = {str(one["name"]): orjson.loads(str(one.get("apart") or "[]")) for one in vertices}
        return {name: [other for _, other in others] for name, others in said.items() if others}

    write(store, [[dataset_event(1, claims[0])]])
    assert apart() == {}
    write(store, [[dataset_event(2, claims[1])]])
    assert apart() == {"t": ["table/db/t", "table/db/u"], "table/db/t": ["t"], "table/db/u": ["t"]}
    found = describe(store, DatasetName("s3://lake", "t"))
    assert "linked but apart" in answers.show(found)
    assert documents.description(found)["apart"] == tables
    write(store, [[dataset_event(3, {**tables[0], "facets": {"symlinks": {"_deleted": True}}})]])
    assert apart() == {}


def test_a_dataset_moves_with_its_columns(store: SqliteStore) -> None:
    """A link shows it under another name; nothing is left where it was, and it comes back without the link."""
    write(store, [[dataset_event(1, dataset("t", schema=columns("x", "y")))]])
    assert nodes(store) == {ids.dataset(name("t"))}
    write(store, [[dataset_event(2, linked("t"))]])
    assert nodes(store) == {ids.dataset(SHOWN)}
    assert columns_in(store) == {("table/db/t", "x"), ("table/db/t", "y")}
    write(store, [[dataset_event(3, unlinked("t"))]])
    assert nodes(store) == {ids.dataset(SHOWN), ids.dataset(name("t"))}
    assert columns_in(store) == {("dev.s.t", "x"), ("dev.s.t", "y")}
    assert sum(1 for _ in store.edges(schema.COLUMN_OF)) == 2


def test_the_name_says_where_it_is_shown(store: SqliteStore) -> None:
    """A job that comes later looks there, and the vertex under which it stands lists what was made."""
    write(store, [[dataset_event(1, linked("t", schema=columns("x")))]])
    vertices = store.read([ids.name(name("t")), ids.name(SHOWN)])
    assert [orjson.loads(str(found["shown"])) for found in vertices.values()] == [list(SHOWN)] * 2
    assert fingerprints.load(vertices[ids.name(SHOWN)]).keys() == {"x"}
    assert not vertices[ids.name(name("t"))].get("projected")


def test_what_is_no_more_becomes_empty(store: SqliteStore) -> None:
    """A property that was never set is not written; one that is deleted is emptied."""
    described = dataset("t", documentation={"description": "of t"}, schema=columns("x"))
    write(store, [[dataset_event(1, described)]])
    (before,) = store.vertices(schema.NODE)
    assert before.properties["description"] == "of t"
    assert "owners" not in before.properties
    gone = dataset("t", documentation={"_deleted": True}, schema={"_deleted": True})
    write(store, [[dataset_event(2, gone)]])
    (after,) = store.vertices(schema.NODE)
    assert (after.properties["description"], after.properties["columns"]) == ("", "")
    assert columns_in(store) == set()


def test_a_column_that_lineage_needs_stays(store: SqliteStore) -> None:
    """It goes when neither the schema nor an edge has it."""
    run = run_event("COMPLETE", 1, inputs=["a"], outputs=[dataset("t", columnLineage=made_of(x="a.x"))])
    write(store, [[dataset_event(1, dataset("a", schema=columns("x", "y")))], [run]])
    write(store, [[dataset_event(2, dataset("a", schema=columns("z")))]])
    assert columns_in(store) == {("dev.s.a", "x"), ("dev.s.a", "z"), ("dev.s.t", "x")}
    write(store, [[run_event("COMPLETE", 3, run="r2", inputs=["b"], outputs=["t"])]])
    assert columns_in(store) == {("dev.s.a", "z")}


def test_an_edge_finds_its_ends(store: SqliteStore) -> None:
    """Edges of jobs follow their datasets, column edges too."""
    run = run_event("COMPLETE", 1, inputs=["a"], outputs=[dataset("t", columnLineage=made_of(x="a.x"))])
    write(store, [[run], [dataset_event(2, linked("t"))]])
    (edge,) = store.edges(schema.EDGE)
    assert (edge.source, edge.target) == (ids.dataset(name("a")), ids.dataset(SHOWN))
    (column,) = store.edges(schema.COLUMN_EDGE)
    assert column.target == ids.column(SHOWN, "x")


def test_a_dataset_that_was_only_dropped(store: SqliteStore) -> None:
    """It has a name with its facts, and no vertex, until an event uses it."""
    drop = {"lifecycleStateChange": {"lifecycleStateChange": "DROP"}}
    write(store, [[run_event("COMPLETE", 1, outputs=[dataset("gone", **drop)])]])
    assert nodes(store) == set()
    assert [vertex.id for vertex in store.vertices(schema.NAME)] == [ids.name(name("gone"))]
    write(store, [[run_event("COMPLETE", 2, run="r2", job="k", inputs=["gone"], outputs=["t"])]])
    assert nodes(store) == {ids.dataset(name("gone")), ids.dataset(name("t"))}
