"""SVG pictures of lineage."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from consumer.query.resolve import resolve
from consumer.query.traversal.traverse import lineage
from consumer.render.lineage_formats import svg
from tests.support.graph.example_graphs import graph, job, table

SVG = "{http://www.w3.org/2000/svg}"
A, B, C = (table(name) for name in "abc")


def parsed(text: str) -> ET.Element:
    """The picture as XML."""
    return ET.fromstring(text)  # noqa: S314 -- our own


def texts(picture: ET.Element) -> set[str]:
    """All visible texts."""
    return {text.text or "" for text in picture.iter(f"{SVG}text")}


def test_tables_and_edges_are_drawn() -> None:
    """A box for each table, a curve and an arrowhead for each edge."""
    store = graph([job(B, A), job(C, B)])
    picture = parsed(svg(lineage(store, resolve(store, "b"), 5, 5)))
    assert {"a", "b", "c"} <= texts(picture)
    assert len(picture.findall(f"{SVG}g")) == 3
    assert len([path for path in picture.findall(f"{SVG}path") if path.get("class")]) == 2


def test_an_exposure_says_what_it_is() -> None:
    """As in the other formats."""
    use = {"dbt_exposures": {"exposures": [{"unique_id": "exposure.p.weekly", "name": "weekly"}]}}
    store = graph([job(B, A, facets=use)])
    assert {"weekly", "exposure of dbt"} <= texts(parsed(svg(lineage(store, resolve(store, "b"), 0, 5))))


def test_columns_are_rows_and_indirect_edges_dashed() -> None:
    """A column has a row in its table's box; an edge that only decides rows is drawn dashed."""
    indirect = {
        "columnLineage": {
            "fields": {
                "y": {
                    "inputFields": [
                        {
                            "namespace": A[0],
                            "name": A[1],
                            "field": "x",
                            "transformations": [{"type": "INDIRECT", "subtype": "CONDITIONAL"}],
                        }
                    ]
                }
            }
        }
    }
    store = graph([job(B, A, facets=indirect)])
    picture = parsed(svg(lineage(store, resolve(store, "b.y"), 5, 0)))
    assert {"x", "y"} <= texts(picture)
    assert [path.get("class") for path in picture.findall(f"{SVG}path") if path.get("class")] == ["edge indirect"]


def test_names_are_escaped() -> None:
    """A name may hold what is XML, and control characters are spelled out."""
    odd = ("s3://bucket", "a<b>&\u001b[31m\"c'")
    store = graph([job(B, odd)])
    picture = parsed(svg(lineage(store, resolve(store, "b"), 5, 5)))
    assert any("<b>&" in text for text in texts(picture))
    assert not any("\u001b" in text for text in texts(picture))
