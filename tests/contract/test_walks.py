"""Walks on every store: what a form for walks reads, and the lineage that it gives."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from consumer.graph import ids, schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Direction, GraphStore
from consumer.graph.walks.id_graph import for_walks
from consumer.graph.walks.keyed_graph import MAKING, Along
from consumer.query.traversal.traverse import lineage
from schemas.naming import DatasetName
from tests.support.graph.example_graphs import demo_events, fill, job, table
from tests.support.graph.walk_forms import check_forms, targets_in

A, B, C = table("a"), table("b/c"), ("s3://lake", "files/of 100%")
EVENTS = (
    job(B, A, columns={"x/y": [(A, "p"), (A, "50%")], "q": [(A, "*")], "*": [(A, "filter")]}),
    job(C, B, A, columns={"z": [(B, "x/y")]}),
    job(A, C),
)


@pytest.fixture
def walked(store: GraphStore) -> GraphStore:
    """A store with a small graph: names with slashes, `*` on both sides, a cycle, and tables without columns."""
    fill(store, EVENTS)
    return store


@pytest.mark.parametrize("direction", ["in", "out"])
@pytest.mark.parametrize(
    ("label", "detail"), [(schema.EDGE, "edge_name"), (schema.COLUMN_EDGE, "transformations"), (schema.COLUMN_OF, "")]
)
def test_edges_of_a_walk_are_those_of_the_graph(
    walked: GraphStore, label: str, detail: str, direction: Direction
) -> None:
    """Ends, jobs and details are those of `edges_at`; an id that no vertex has leads nowhere."""
    vertices = [*walked.vertices(schema.NODE), *walked.vertices(schema.COLUMN)]
    at = [*(vertex.id for vertex in vertices), ids.dataset(DatasetName("none", "none"))]
    along = Along(label, direction, detail)
    with for_walks(walked) as graph:
        hops = graph.hops(graph.keys(at).values(), along)
        id_of = {
            key: f"{stem}{tail}"
            for stem, tails in graph.ids({end for hop in hops for end in hop[:2]}).items()
            for tail, key in tails
        }
        made = graph.made(set(map(MAKING, hops)), along)
        found = [(id_of[hop[0]], id_of[hop[1]], *made[MAKING(hop)]) for hop in hops]
        assert graph.hops([], along) == []
    expected = [
        (
            edge.source,
            edge.target,
            str(edge.properties.get("job", "")),
            str(edge.properties.get(detail, "")),
        )
        for edge in walked.edges_at(at, label, direction)
    ]
    assert found
    assert sorted(found) == sorted(expected)


def test_keys_are_of_ids_that_are_there_or_not(walked: GraphStore) -> None:
    """An id has one key, and the key is of that id alone."""
    at = [*(vertex.id for vertex in walked.vertices(schema.COLUMN)), "column/none/none/a%2Fb", "column/none/none/c"]
    with for_walks(walked) as graph:
        keys = graph.keys(at)
        assert graph.keys(at) == keys
        assert sorted(
            f"{stem}{tail}" for stem, tails in graph.ids(keys.values()).items() for tail, _ in tails
        ) == sorted(at)
        assert len(set(keys.values())) == len(at)


def test_the_whole_of_columns(walked: GraphStore) -> None:
    """Each column has the `*` of its dataset, if that is there; `*` is its own."""
    name = DatasetName(*B)
    whole, there, missing = (ids.column(name, column) for column in ("*", "x/y", "no such column"))
    with for_walks(walked) as graph:
        keys = graph.keys([whole, there, missing])
        assert graph.wholes(keys.values()) == dict.fromkeys(keys.values(), keys[whole])


def test_lineage_is_that_of_every_form(walked: GraphStore) -> None:
    """By table, by column and by values, of all that is there, and of what is not."""
    check_forms(walked, 4, 4)


def test_lineage_of_recorded_runs_is_that_of_sqlite(store: GraphStore) -> None:
    """The demo's graph, asked in the store's own form, gives what SQLite gives when it is asked for edges with ids."""
    events = list(demo_events())
    fill(store, events)
    with closing(SqliteStore(Path(":memory:"))) as other:
        fill(other, events)
        for target in list(targets_in(other))[::5]:
            for columns in (False, True):
                expected = lineage(other, target, 20, 20, columns=columns)
                assert lineage(store, target, 20, 20, columns=columns) == expected, f"{target}, by columns: {columns}"
