"""The whole graph in each format of `headwater export`."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

import orjson
import pytest

from consumer.graph import schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.query.traversal.traverse import resolve
from consumer.render import export_json, neptune_csv
from consumer.render.export_formats import FORMATS, short_names
from schemas.naming import DatasetName
from tests.support.graph.example_graphs import REDSHIFT, demo, graph, job, table

A, B, C = (table(name) for name in "abc")


@pytest.fixture(scope="module")
def imdb() -> SqliteStore:
    """The demo's graph; only read."""
    return demo()


def lineage_map(store: GraphStore) -> dict[str, list[str]]:
    """What stands under the one key of the lineage map."""
    document = orjson.loads(FORMATS["lineage-map"](store))
    assert list(document) == ["lineage_map"]
    found: dict[str, list[str]] = document["lineage_map"]
    return found


def test_json_is_the_designs_object(imdb: SqliteStore) -> None:
    """The export that the laws are about."""
    assert FORMATS["json"](imdb) == export_json.to_json(export_json.document(imdb))


def test_the_lineage_map_of_the_demo(imdb: SqliteStore) -> None:
    """Every dataset has its children by their short names, over both engines."""
    found = lineage_map(imdb)
    assert found["title_crew"] == ["stg_imdb__title_crews"]
    assert found["stg_imdb__title_crews"] == ["new_stg_imdb__title_crews"]
    assert found["titles"] == []
    assert {child for children in found.values() for child in children} <= found.keys(), "a child is no key"
    assert len(found) == sum(1 for _ in imdb.vertices(schema.NODE))


def test_the_lineage_map_keeps_apart_what_ends_alike() -> None:
    """Two tables `t` go by as many parts as tell them apart, and each such name finds its dataset."""
    one, other = table("t", "one"), table("t", "other")
    store = graph([job(one, A), job(other, one), job(other, A, name="again")])
    assert lineage_map(store) == {"a": ["one.t", "other.t"], "one.t": ["other.t"], "other.t": []}
    assert [resolve(store, name).dataset.name for name in ("one.t", "other.t")] == [one[1], other[1]]


def test_short_names_are_never_shared() -> None:
    """Not even where the whole names of two datasets read alike."""
    names = [
        *(DatasetName(namespace, "d.s.t") for namespace in (REDSHIFT, "redshift://other.us-east-1:5439")),
        DatasetName("kafka://k", "s.t"),
        DatasetName("odd:a", "b/c"),
        DatasetName("odd:a/b", "c"),
    ]
    found = short_names(names)
    assert len(set(found.values())) == len(names), f"two datasets go by one name: {found}"
    assert found[names[0]] == f"{REDSHIFT}/d.s.t"


def tables(text: str) -> list[list[dict[str, str]]]:
    """The tables of a text, rows by column; a strict reader, that a broken quote stops."""
    found: list[list[dict[str, str]]] = []
    header: list[str] = []
    for row in csv.reader(io.StringIO(text, newline=""), strict=True):
        if row and row[0] == "~id":
            header = row
            found.append([])
        elif row:
            assert len(row) == len(header), f"{len(row)} fields below {len(header)} columns: {row}"
            found[-1].append(dict(zip(header, row, strict=True)))
    return found


def test_neptune_csv_holds_the_graph(imdb: SqliteStore) -> None:
    """Every vertex and edge is there with its properties, and edges end at vertices."""
    vertices, edges = tables(FORMATS["neptune-csv"](imdb).decode())
    labels = Counter(row["~label"] for row in (*vertices, *edges))
    for element in schema.ELEMENTS:
        stored = imdb.vertices(element.label) if element.kind == "vertex" else imdb.edges(element.label)
        assert labels[element.label] == sum(1 for _ in stored), f"{element.label}: not all, or more"
    by_id = {row["~id"]: row for row in vertices}
    assert len(by_id) == len(vertices), "an id is there twice"
    assert all(row[end] in by_id for row in edges for end in ("~from", "~to")), "an edge ends at no vertex"
    for vertex in imdb.vertices(schema.NODE):
        row = by_id[vertex.id]
        said = {key.partition(":")[0]: value for key, value in row.items() if value and not key.startswith("~")}
        assert said == {key: str(value) for key, value in vertex.properties.items() if value != ""}


def test_neptune_csv_headers(imdb: SqliteStore) -> None:
    """System columns, then `name:Type`; one value for a vertex's property, which for an edge goes without saying."""
    files = neptune_csv.files(imdb)
    vertices, edges = (files[name].splitlines()[0].split(",") for name in ("vertices.csv", "edges.csv"))
    assert vertices[:2] == ["~id", "~label"]
    assert edges[:4] == ["~id", "~label", "~from", "~to"]
    assert all(re.fullmatch(r"\w+:(String|Int|Long|Bool)\(single\)", column) for column in vertices[2:])
    assert edges[4:] == ["edge_name:String", "job:String", "transformations:String"]
    assert {"node_name:String(single)", "in_schema:Bool(single)", "position:Int(single)"} <= set(vertices)


def test_neptune_csv_quotes() -> None:
    """Commas, quotes and line breaks in a value stay in it."""
    text = 'one, "two"\nthree;\r\nfour'
    store = graph([job(B, A, facets={"documentation": {"description": text}})])
    vertices, _ = tables(neptune_csv.text(store))
    assert text in {row["description:String(single)"] for row in vertices}


def test_an_empty_graph_has_every_format() -> None:
    """No format needs anything to be there."""
    store = graph([])
    found = {name: export_of(store).decode() for name, export_of in FORMATS.items()}
    assert orjson.loads(found["lineage-map"]) == {"lineage_map": {}}
    assert found["neptune-csv"] == "~id,~label\n\n~id,~label,~from,~to\n"
    assert found["dot"].startswith("digraph lineage {")
    assert found["mermaid"].startswith("flowchart LR\n")


def test_pictures_of_the_whole_graph(imdb: SqliteStore) -> None:
    """Every dataset is a box, also one without lineage, and every pair of linked ones an arrow."""
    datasets = sum(1 for _ in imdb.vertices(schema.NODE))
    links = len({(edge.source, edge.target) for edge in imdb.edges(schema.EDGE)})
    dot, mermaid = (FORMATS[name](imdb).decode() for name in ("dot", "mermaid"))
    assert len(re.findall(r"^    n\d+ \[label=", dot, flags=re.MULTILINE)) == datasets
    assert dot.count(" -> ") == links
    assert len(re.findall(r'^    n\d+\["', mermaid, flags=re.MULTILINE)) == datasets
    assert mermaid.count(" -->") == links
    assert "genre_labels" in dot, "a dataset that nothing is made from should be drawn too"


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "neptune-csv"])
def test_exports_do_not_depend_on_the_order_of_events(name: str) -> None:
    """The same events give the same bytes."""
    events = [job(B, A), job(C, B), job(C, A, name="again")]
    assert FORMATS[name](graph(events)) == FORMATS[name](graph(events[::-1])), f"{name} depends on the order"
