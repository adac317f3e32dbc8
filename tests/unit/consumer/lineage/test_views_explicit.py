"""What explicit and partial lineage mean for the edges of a job."""

from __future__ import annotations

from typing import Any

from tests.support.events.event_builders import (
    REDSHIFT,
    column_edges,
    dataset,
    edges,
    lineage,
    made_of,
    name,
    run_event,
)

Json = dict[str, Any]


def of(table: str) -> Json:
    """A dataset as a source or a target."""
    return {"type": "DATASET", "namespace": REDSHIFT, "name": name(table).name}


def edges_of(*events: Json) -> set[tuple[str, str]]:
    """The dataset edges of the job's view."""
    return edges(lineage(*events))


def columns_of(*events: Json) -> set[tuple[str, str]]:
    """The column edges of the job's view."""
    return column_edges(lineage(*events))


def test_explicit_lineage_supersedes_column_lineage() -> None:
    """Of the same output, whether it names columns or datasets alone, and whichever event of the run says it."""
    stated = dataset("o", lineage={"inputs": [of("a")]}, columnLineage=made_of(y="b.y"))
    both = run_event("COMPLETE", 1, inputs=["a", "b"], outputs=[stated])
    assert (edges_of(both), columns_of(both)) == ({("a", "o")}, set())
    start = run_event("START", 1, outputs=[dataset("o", lineage={"inputs": [of("a")]})])
    end = run_event("COMPLETE", 2, outputs=[dataset("o", columnLineage=made_of(y="b.y"))])
    assert (edges_of(start, end), columns_of(start, end)) == ({("a", "o")}, set())


def test_explicit_lineage_of_an_older_run() -> None:
    """It is lineage of that run: one that states nothing is read by its inputs and outputs again."""
    entries = {"lineage": {"entries": [{**of("t"), "inputs": [of("c")]}]}}
    stated = run_event("COMPLETE", 20, run="new", inputs=["a"], outputs=["u"], job_facets=entries)
    assert edges_of(stated) == {("c", "t")}
    assert edges_of(stated, run_event("COMPLETE", 30, run="newer", inputs=["a"], outputs=["u"])) == {("a", "u")}


def test_partial_lineage_takes_nothing_away() -> None:
    """Of two outputs, one's lineage names a CTE and one of the inputs: the other input feeds it as well, perhaps."""
    cte = {"namespace": REDSHIFT, "name": "cte", "field": "x"}
    said = made_of(x="b.x")
    said["fields"]["x"]["inputFields"].append(cte)
    event = run_event("COMPLETE", 1, inputs=["a", "b"], outputs=[dataset("t", columnLineage=said), "u"])
    assert edges_of(event) == {(source, target) for source in "ab" for target in "tu"}


def test_a_sources_table_is_read() -> None:
    """Dataset edges and column edges never contradict each other."""
    event = run_event("COMPLETE", 1, inputs=["a"], outputs=[dataset("o", columnLineage=made_of(x="a.x", y="b.y"))])
    assert edges_of(event) == {("a", "o"), ("b", "o")}
