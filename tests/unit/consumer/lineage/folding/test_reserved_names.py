"""Names of events that are spelled like names that the consumer makes itself."""

from __future__ import annotations

import pytest

from consumer.lineage.facts.executions import DECLARED
from consumer.lineage.identity import HUB, IdentityRules
from schemas.decode import decode_document
from schemas.errors import RejectedEvent
from tests.support.events.event_builders import (
    REDSHIFT,
    Json,
    column_edges,
    dataset,
    facts_of,
    job_event,
    lineage,
    name,
    run_event,
)
from tests.support.graph.example_graphs import graph
from tests.support.graph.graph_of_events import folded


def column(table: str, field: str) -> Json:
    """A source column of a facet of lineage."""
    return {"type": "DATASET", "namespace": REDSHIFT, "name": name(table).name, "field": field}


def test_a_target_column_called_star_is_the_whole_dataset() -> None:
    """What a parser of `select *` names joins what the facet says of the whole dataset."""
    star = {"fields": {"*": {"inputFields": [column("a", "x")]}}}
    alone = job_event(1, inputs=["a", "b"], outputs=[dataset("t", columnLineage=star)])
    both = job_event(
        1, inputs=["a", "b"], outputs=[dataset("t", columnLineage={**star, "dataset": [column("b", "y")]})]
    )
    assert column_edges(lineage(alone)) == {("a.x", "t.*")}
    assert column_edges(lineage(both)) == {("a.x", "t.*"), ("b.y", "t.*")}


def test_an_explicit_target_column_called_star_is_the_whole_dataset() -> None:
    """The same in the facet in which a producer states lineage itself."""
    stated = {"inputs": [column("b", "y")], "fields": {"*": {"inputs": [column("a", "x")]}}}
    on_dataset = job_event(1, outputs=[dataset("t", lineage=stated)])
    assert column_edges(lineage(on_dataset)) == {("a.x", "t.*"), ("b.y", "t.*")}
    entry = {"type": "DATASET", "namespace": REDSHIFT, "name": name("t").name, **stated}
    on_job = job_event(1, outputs=["t"], job_facets={"lineage": {"entries": [entry]}})
    assert column_edges(lineage(on_job)) == {("a.x", "t.*"), ("b.y", "t.*")}


@pytest.mark.parametrize("namespace", ["headwater:table-name", "headwater", "\u200b"])
def test_no_dataset_is_the_hub_of_equal_table_names(namespace: str) -> None:
    """With `identity.by_table_name` tables are joined by their own names, not by a dataset that poses as their link."""
    rules = IdentityRules.of(by_table_name=True)
    tables = [dataset("one"), dataset("two"), {"namespace": namespace, "name": "one"}]
    linked = dataset("two", symlinks={"identifiers": [{"namespace": namespace, "name": "one", "type": "TABLE"}]})
    nodes = graph([run_event("COMPLETE", 1, inputs=tables)], rules).vertices("lineage_node")
    assert sorted(str(node.properties["node_name"]) for node in nodes) == ["one", "one", "two"], "three datasets"
    (node,) = graph([run_event("COMPLETE", 1, inputs=[linked])], rules).vertices("lineage_node")
    names = {str(node.properties["namespace"]), str(node.properties["aliases"])}
    assert any(namespace in found for found in names), "a symlink joins the name that it names"


def test_no_run_can_be_called_as_a_declaration() -> None:
    """The ids that the consumer makes itself are rejected."""
    with pytest.raises(RejectedEvent):
        decode_document(run_event("COMPLETE", 1, run=f"{DECLARED}0123456789ab"))


def test_no_dataset_can_be_called_as_the_hub() -> None:
    """A dataset without a namespace is left out and reported."""
    delta = folded([run_event("COMPLETE", 1, inputs=[{"namespace": HUB, "name": "t"}, "a"])])
    assert delta.names.keys() == {name("a")}
    assert [problem.path for problem in delta.problems] == ["$.inputs[0].namespace"]


def test_a_facet_can_not_name_the_hub() -> None:
    """A symlink or a source without a namespace costs its facet."""
    nameless = {"namespace": HUB, "name": "t"}
    links = dataset("a", symlinks={"identifiers": [{**nameless, "type": "TABLE"}]})
    made = dataset("b", columnLineage={"fields": {"x": {"inputFields": [{**nameless, "field": "x"}]}}})
    delta = folded([run_event("COMPLETE", 1, inputs=[links], outputs=[made])])
    assert {problem.path.split(".")[-1] for problem in delta.problems} >= {"namespace"}, delta.problems
    assert all(known.namespace != HUB for known in delta.names), delta.names


def test_a_run_is_no_declaration() -> None:
    """A run whose id is spelled as a declaration's does not join what a JobEvent of the same moment says."""
    said = job_event(1, inputs=["a"], outputs=["t"])
    declaration = facts_of(said).declared
    assert declaration is not None
    declared = declaration.execution
    run = run_event("COMPLETE", 1, run=declared.id.removeprefix("\0"), inputs=["b"], outputs=["t"])
    both = facts_of(said, run)
    assert both.ran.latest is not None
    assert both.ran.latest.id != declared.id
    assert {source.name.rpartition(".")[2] for source in lineage(said, run).reads} == {"b"}, "the run is the later one"
