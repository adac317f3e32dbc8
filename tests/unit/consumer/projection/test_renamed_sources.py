"""Lineage of runs whose inputs were renamed to their outputs: a rename is no flow of data."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import orjson
import pytest

from tests.support.events.event_builders import (
    REDSHIFT,
    Json,
    dataset,
    job_event,
    made_of,
    name,
    renamed,
    run_event,
)
from tests.support.graph.graph_of_events import embedded


def _new(**facets: object) -> Json:
    """The table `new` as it gets its name, which was `old`."""
    previous = {"namespace": REDSHIFT, "name": name("old").name}
    return dataset(
        "new", lifecycleStateChange={"lifecycleStateChange": "RENAME", "previousIdentifier": previous}, **facets
    )


def _from(table: str) -> Json:
    """An explicit lineage facet with one source."""
    return {"inputs": [{"type": "DATASET", "namespace": REDSHIFT, "name": name(table).name, "field": "x"}]}


def _graph(*documents: Json) -> dict[str, set[tuple[str, ...]]]:
    """The edges of the graph that events make, in short names; equal in any order and in batches of one."""
    found = {embedded([[one] for one in order]) for order in permutations(documents)} | {embedded([documents])}
    assert len(found) == 1, "the order of events changes the graph"
    graph: dict[str, Any] = orjson.loads(found.pop())
    short = {kind: graph[kind] for kind in ("reads", "dataset_edges", "column_edges")}
    return {
        "reads": {(_short(one[0]), one[1][1]) for one in short["reads"]},
        "edges": {(_short(one[0]), _short(one[1])) for one in short["dataset_edges"]},
        "columns": {(_short(one[0]), _short(one[1])) for one in short["column_edges"]},
    }


def _short(place: list[str]) -> str:
    return ".".join([place[1].rpartition(".")[2], *place[2:]])


LOAD = run_event(
    "COMPLETE", 1, run="load", job="load", inputs=["src"], outputs=[dataset("old", columnLineage=made_of(x="src.x"))]
)
"""A run that fills `old`."""
LOADED = {"reads": {("src", "load")}, "edges": {("src", "new")}, "columns": {("src.x", "new.x")}}
"""The lineage of that run after `old` was renamed to `new`."""


@pytest.mark.parametrize(
    "facets",
    [{}, {"columnLineage": made_of(x="old.x")}, {"lineage": _from("old")}],
    ids=["no lineage", "columns", "explicit"],
)
def test_a_run_that_renames_its_input_reads_nothing(facets: Json) -> None:
    """No table feeds itself, whatever the event states under the former name; what filled the table stays."""
    assert _graph(LOAD, run_event("COMPLETE", 5, inputs=["old"], outputs=[_new(**facets)])) == LOADED


def test_both_events_of_a_run_state_the_renaming() -> None:
    """START and COMPLETE of Spark do."""
    said: Json = {"inputs": ["old"], "outputs": [_new(columnLineage=made_of(x="old.x"))]}
    assert _graph(LOAD, run_event("START", 4, **said), run_event("COMPLETE", 5, **said)) == LOADED


def test_a_job_that_declares_a_renaming() -> None:
    """JobEvents have the same rule."""
    assert _graph(LOAD, job_event(5, inputs=["old"], outputs=[_new()])) == LOADED


def test_a_copy_that_a_renaming_has_replaced() -> None:
    """Copied rows of `new` are gone once `old` has its name."""
    copy = run_event("COMPLETE", 3, inputs=["old"], outputs=[dataset("new", columnLineage=made_of(x="old.x"))])
    assert _graph(LOAD, copy, renamed(5, "old", "new")) == LOADED


def test_a_copy_after_the_renaming() -> None:
    """A table that has the former name again is another one, and feeds as any does."""
    copy = run_event("COMPLETE", 7, inputs=["old"], outputs=["new"])
    assert _graph(renamed(5, "old", "new"), copy) == {
        "reads": {("old", "j")},
        "edges": {("old", "new")},
        "columns": set(),
    }


def test_an_output_beside_the_renamed_one() -> None:
    """Another output is made from the table, which the run has read."""
    said = run_event("COMPLETE", 5, inputs=["old"], outputs=[_new(), "report"])
    assert _graph(said) == {"reads": {("new", "j")}, "edges": {("new", "report")}, "columns": set()}


def test_an_input_beside_the_renamed_one() -> None:
    """Another input feeds the table under its new name."""
    said = run_event(
        "COMPLETE", 5, inputs=["old", "more"], outputs=[_new(columnLineage=made_of(x="more.x", y="old.y"))]
    )
    assert _graph(said) == {"reads": {("more", "j")}, "edges": {("more", "new")}, "columns": {("more.x", "new.x")}}


@pytest.mark.parametrize("said", [{"inputs": ["old"], "outputs": ["old"]}, {"inputs": ["old", "new"], "outputs": []}])
def test_a_table_that_feeds_itself(said: Json) -> None:
    """The run writes the former name, too, or reads the new one, so its data flows."""
    event = run_event("COMPLETE", 5, inputs=said["inputs"], outputs=[_new(), *said["outputs"]])
    assert _graph(event) == {"reads": {("new", "j")}, "edges": {("new", "new")}, "columns": set()}


def test_a_table_that_gets_its_former_name_again() -> None:
    """Neither renaming is a flow, although the table is called as before."""
    previous = {"namespace": REDSHIFT, "name": name("new").name}
    back = dataset("old", lifecycleStateChange={"lifecycleStateChange": "RENAME", "previousIdentifier": previous})
    there = run_event("COMPLETE", 5, run="r1", inputs=["old"], outputs=[_new()])
    and_back = run_event("COMPLETE", 6, run="r2", job="back", inputs=["new"], outputs=[back])
    assert _graph(LOAD, there, and_back) == {
        "reads": {("src", "load")},
        "edges": {("src", "old")},
        "columns": {("src.x", "old.x")},
    }
