"""The surroundings of a dataset: nearest first, bounded, with counts of the rest."""

from __future__ import annotations

import pytest

from consumer.query.resolve import LineageNode, resolve
from consumer.query.traversal.neighbourhood import Neighbourhood, neighbourhood
from consumer.render import documents
from schemas.naming import DatasetName, last_part
from tests.support.graph.example_graphs import demo, graph, job, table

FAN = [job(table("b"), table("a")), *(job(table(f"c{n}"), table("b")) for n in range(5)), job(table("d"), table("c0"))]


def asked(name: str, up: int, down: int, limit: int = 100) -> Neighbourhood:
    """The surroundings of a table of the fan a > b > c0 .. c4, c0 > d."""
    return neighbourhood(graph(FAN), LineageNode(DatasetName(*table(name))), up, down, limit)


def names(found: Neighbourhood) -> list[str]:
    """The names in an answer, in its order."""
    return [last_part(one.node.target.dataset) for one in found.cards]


def test_nearest_first() -> None:
    """The root is first, then what is one step away, by name."""
    found = asked("b", 1, 2)
    assert names(found) == ["b", "a", "c0", "c1", "c2", "c3", "c4", "d"]
    assert (found.upstream, found.downstream, found.total) == ((1,), (5, 1), 8)


def test_the_rest_is_counted() -> None:
    """With a limit the answer has the nearest, links between these alone, and counts of all."""
    found = asked("b", 1, 2, limit=3)
    assert names(found) == ["b", "a", "c0"]
    assert len(found.links) == 2
    assert (found.upstream, found.downstream, found.total) == ((1,), (5, 1), 8)
    assert [(one.sources, one.uses) for one in found.cards] == [(1, 5), (0, 1), (1, 1)]


def test_neighbours_beyond_the_steps_are_counted() -> None:
    """A dataset at the edge of the answer knows how many neighbours it has in the whole graph."""
    found = asked("c0", 1, 0)
    assert [(last_part(one.node.target.dataset), one.uses) for one in found.cards] == [("c0", 1), ("b", 5)]


def test_states_only_where_asked() -> None:
    """The latest run of each dataset is read if it is asked for."""
    store = demo()
    titles = resolve(store, "titles")
    plain = neighbourhood(store, titles, 1, 0, 100)
    known = neighbourhood(store, titles, 1, 0, 100, states=True)
    assert {one.last_run for one in plain.cards} == {None}
    assert {one.last_run.state for one in known.cards if one.last_run} == {"COMPLETE"}
    assert [one.columns for one in known.cards if last_part(one.summary.dataset) == "titles"] == [11]


def test_the_document_names_links_by_place() -> None:
    """Links of the document are places in its list of nodes."""
    document = documents.neighbourhood(asked("b", 1, 1))
    nodes = [node["node_name"] for node in document["nodes"]]
    assert {(nodes[source], nodes[target]) for source, target, _ in document["links"]} == {
        ("a", "b"),
        *(("b", f"c{n}") for n in range(5)),
    }
    assert document["levels"] == {"upstream": [1], "downstream": [5]}


@pytest.mark.parametrize("column", ["x", "*"])
def test_of_a_column_its_dataset_is_asked(column: str) -> None:
    """The surroundings of a column are those of its dataset; the answer names the column."""
    found = neighbourhood(graph(FAN), LineageNode(DatasetName(*table("b")), column), 1, 0, 10)
    assert found.root.column == column
    assert names(found) == ["b", "a"]
