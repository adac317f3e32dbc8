"""The incremental graph equals the one that a naive reading of the design makes of the same events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.lineage.identity import IdentityRules
from consumer.render import export_json
from tests.support.events.event_builders import REDSHIFT as SHOP
from tests.support.events.event_builders import (
    columns,
    dataset,
    dataset_event,
    made_of,
    name,
    run_event,
)
from tests.support.events.event_strategies import (
    ATHENA,
    GLUE,
    REDSHIFT,
    RUNS,
    Json,
    events,
    run_events,
)
from tests.support.examples import examples
from tests.support.graph.graph_of_events import difference, embedded_whole, sample, shuffled
from tests.support.oracle.expected_graph import expected

SAME: tuple[tuple[Sequence[str], ...], ...] = (
    (),
    ((f"{GLUE}/db", f"{REDSHIFT}/dev.db"), (GLUE, ATHENA)),
    ((ATHENA, GLUE), ("s3://warehouse", "s3://lake")),
    ((f"{REDSHIFT}/dev.db", f"{ATHENA}/awsdatacatalog.db"),),
)
"""Settings of `identity.same`: none; across engines and accounts; Athena and other engines first; Redshift first."""


Spice = Callable[[Json], Json]


def _job_facets(**facets: Json) -> Spice:
    """Adds facets to an event's job, where it has one."""

    def spiced(event: Json) -> Json:
        if "job" not in event:
            return event
        return {**event, "job": {**event["job"], "facets": {**event["job"]["facets"], **facets}}}

    return spiced


def _output_facets(**facets: Json) -> Spice:
    """Adds facets to an event's outputs."""

    def spiced(event: Json) -> Json:
        outputs = [{**output, "outputFacets": facets} for output in event.get("outputs", [])]
        return {**event, "outputs": outputs} if outputs else event

    return spiced


def _input(**name: str) -> Spice:
    """Adds an input to an event with inputs."""
    return lambda event: {**event, "inputs": [*event["inputs"], name]} if "inputs" in event else event


def _source(table: str, **more: str) -> Json:
    return {"type": "DATASET", "namespace": ATHENA, "name": f"AwsDataCatalog.DB.{table}", **more}


SPICES: tuple[Spice, ...] = (
    lambda event: event,
    _job_facets(jobType={"processingType": "BATCH", "integration": "DBT", "jobType": "TEST"}),
    _job_facets(lineage={"entries": [{**_source("a"), "inputs": [_source("b")]}]}),
    _job_facets(lineage={"entries": [{**_source("b"), "fields": {"x": {"inputs": [_source("c", field="y")]}}}]}),
    _job_facets(lineage={"entries": [{**_source("c"), "inputs": [{"type": "JOB"}, _source("a", field="x")]}]}),
    _job_facets(lineage={"entries": [{"type": "DATASET", "namespace": ATHENA, "name": "cte", "inputs": []}]}),
    _job_facets(lineage={"entries": "no list"}),
    _output_facets(columnLineage={"fields": {"x": {"inputFields": [{**_source("b"), "name": "cte", "field": "x"}]}}}),
    _output_facets(
        lineage={"inputs": [_source("a")], "fields": {"*": {"inputs": [_source("b"), _source("c", field="x")]}}}
    ),
    _input(namespace="headwater:table-name", name="a"),
    _output_facets(columnLineage={"_deleted": True}),
    _output_facets(lineage={"_deleted": True}),
    _output_facets(schema={"fields": [{"name": "s", "type": "row", "fields": [{"name": "x"}, {"name": "a.b"}]}]}),
)
"""What real events have and the generated ones have not."""


def unlike(
    documents: Sequence[Any],
    batches: Sequence[Sequence[Any]],
    same: Sequence[Sequence[str]] = (),
    *,
    by_name: bool = False,
) -> str:
    """How the graph of batches differs from the oracle's of the same documents."""
    rules = IdentityRules.of(same, by_table_name=by_name)
    oracle = export_json.to_json(expected(documents, same, by_table_name=by_name))
    return difference(embedded_whole(batches, rules), oracle)


@settings(max_examples=examples(80))
@given(events(linked=False), st.integers(0, 2**32))
def test_the_graph_is_what_the_oracle_says(documents: list[Any], seed: int) -> None:
    """Without links between names, any batches of the events make the oracle's graph."""
    changed = unlike(documents, shuffled(documents, seed, 4))
    assert not changed, f"the graph is not what the design says:\n{changed}"


PARENTS: tuple[Json, ...] = (
    {},
    {"parent": {"run": {"runId": RUNS[0]}, "job": {"namespace": "dbt", "name": "dag"}}},
    {"parent": {"run": {"runId": RUNS[1]}, "job": {"namespace": "dbt", "name": "dag"}}},
)


@settings(max_examples=examples(80))
@given(
    st.lists(run_events(linked=False), min_size=4, max_size=9),
    st.lists(st.sampled_from(PARENTS), min_size=9, max_size=9),
    st.integers(0, 2**32),
)
def test_runs_of_one_job_are_what_the_oracle_says(documents: list[Any], parents: list[Json], seed: int) -> None:
    """Runs of one job that complete, fail after all, are siblings, stream, and come late: the oracle's graph."""
    runs = [
        {
            **document,
            "job": {**document["job"], "name": "j", "facets": {**document["job"]["facets"], "dbt_node": {}}},
            "run": {**document["run"], "facets": {**document["run"]["facets"], **parent}},
        }
        for document, parent in zip(documents, parents, strict=False)
    ]
    changed = unlike(runs, shuffled(runs, seed, 2))
    assert not changed, f"the graph is not what the design says:\n{changed}"


TABLES = st.sampled_from(("n1", "n2", "n3"))


def _renamed(table: str) -> Json:
    previous = {"namespace": SHOP, "name": name(table).name}
    return {"lifecycleStateChange": {"lifecycleStateChange": "RENAME", "previousIdentifier": previous}}


def _linked(table: str) -> Json:
    return {"symlinks": {"identifiers": [{"namespace": SHOP, "name": name(table).name, "type": "TABLE"}]}}


CHANGES = st.one_of(
    st.sampled_from(
        (
            {},
            {"symlinks": {"_deleted": True}},
            {"lifecycleStateChange": {"lifecycleStateChange": "DROP"}},
            {"lifecycleStateChange": {"lifecycleStateChange": "CREATE"}},
            {"columnLineage": made_of(x="a.x")},
            {"columnLineage": made_of(x="a.x")},
            {"columnLineage": made_of(x="n1.x")},
        )
    ),
    TABLES.map(_linked),
    TABLES.map(_renamed),
)
CHANGED = st.builds(lambda table, facets: dataset(table, **facets), TABLES, CHANGES)


@settings(max_examples=examples(80))
@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda second, run, kind, inputs, outputs: run_event(
                    kind, second, run=run, inputs=inputs, outputs=outputs
                ),
                st.integers(1, 5),
                st.sampled_from(("r1", "r2", "r3")),
                st.sampled_from(("START", "COMPLETE", "COMPLETE", "COMPLETE", "FAIL")),
                st.lists(st.one_of(st.just("a"), CHANGED), max_size=2),
                st.lists(CHANGED, max_size=2),
            ),
            st.builds(dataset_event, st.integers(1, 5), CHANGED),
        ),
        min_size=2,
        max_size=6,
    ),
    st.integers(0, 2**32),
)
def test_what_becomes_of_the_tables_of_one_job(documents: list[Any], seed: int) -> None:
    """Linked, dropped, renamed and written again, under names that its runs have used in turn: the oracle's graph."""
    changed = unlike(documents, shuffled(documents, seed, 1))
    assert not changed, f"the graph is not what the design says:\n{changed}"


@settings(max_examples=examples(120))
@given(events(), st.integers(0, 2**32), st.sampled_from(SAME), st.booleans())
def test_identity_is_what_the_oracle_says(
    documents: list[Any],
    seed: int,
    same: Sequence[Sequence[str]],
    by_name: bool,  # noqa: FBT001 - Hypothesis names it
) -> None:
    """With symlinks and configured identity, any batches of the events make the oracle's graph."""
    changed = unlike(documents, shuffled(documents, seed, 4), same, by_name=by_name)
    assert not changed, f"the graph is not what the design says:\n{changed}"


@settings(max_examples=examples(80))
@given(events(), st.lists(st.sampled_from(SPICES), min_size=10, max_size=10), st.integers(0, 2**32))
def test_all_sorts_of_facets_are_what_the_oracle_says(documents: list[Any], spices: list[Spice], seed: int) -> None:
    """Tests of models, lineage that jobs state, nested columns, names that are none: the oracle's graph."""
    spiced = [spice(document) for spice, document in zip(spices, documents, strict=False)]
    changed = unlike(spiced, shuffled(spiced, seed, 4))
    assert not changed, f"the graph is not what the design says:\n{changed}"


def test_a_run_that_failed_after_all_takes_back_what_it_said() -> None:
    """A dataset forgets the schema of a run that completed, and of which a later batch says that it failed."""
    said = [run_event("COMPLETE", 1, outputs=[dataset("t", schema=columns("x"))]), run_event("FAIL", 2)]
    for batches in ([said], [said[:1], said[1:]], [said[1:], said[:1]]):
        changed = unlike(said, batches)
        assert not changed, f"in {len(batches)} batches something of the failed run is left:\n{changed}"


def test_a_link_joins_two_names_of_one_output() -> None:
    """What an earlier run said of it under one name holds for the other one, however late the link comes."""
    said = [
        run_event("COMPLETE", 1, run="r1", inputs=["a"], outputs=[dataset("n2", columnLineage=made_of(x="a.x"))]),
        run_event("COMPLETE", 2, run="r2", inputs=["a"], outputs=["n1"]),
        dataset_event(3, dataset("n2", **_linked("n1"))),
    ]
    for order in permutations(said):
        changed = unlike(said, [[event] for event in order])
        assert not changed, f"the order of arrival decides:\n{changed}"


def _declared(inputs: Sequence[Json], output: Json) -> Json:
    """A JobEvent of one job; all of them have one time."""
    kind = {"jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"}}
    job = {"namespace": "dbt", "name": "j1", "facets": kind}
    return {"eventTime": "2026-01-01T00:00:00Z", "job": job, "inputs": list(inputs), "outputs": [output]}


def test_a_table_that_is_dropped_and_renamed_at_one_instant() -> None:
    """What a job said of its output under the old name is not said of the one that it writes under the new name."""
    table, path = {"namespace": ATHENA, "name": "AwsDataCatalog.db.a"}, {"namespace": "s3://lake", "name": "p"}
    made_of_table = {"fields": {}, "dataset": [{**table, "field": "x", "transformations": [{"type": "DIRECT"}]}]}
    drop: Json = {
        "lifecycleStateChange": {"lifecycleStateChange": "DROP"},
        "lineage": {"inputs": []},
        "schema": {"_deleted": True},
        "columnLineage": made_of_table,
    }
    rename = {"lifecycleStateChange": {"lifecycleStateChange": "RENAME", "previousIdentifier": path}}
    said = [_declared([], {**path, "facets": drop}), _declared([table], {**table, "facets": rename})]
    for order in permutations(said):
        for batches in ([order], [[event] for event in order]):
            changed = unlike(said, batches)
            assert not changed, f"the graph is not what the design says:\n{changed}"


def test_an_input_that_is_dropped_and_stated_to_be_read() -> None:
    """A job's own word that it reads a dataset is more than the dataset's end, so the dataset is shown."""
    read = {"namespace": ATHENA, "name": "AwsDataCatalog.db.c"}
    stated = {"entries": [{"type": "JOB", "inputs": [{"type": "DATASET", **read}]}]}
    event = run_event(
        "START", 1, inputs=[{**read, "facets": {"lifecycleStateChange": {"lifecycleStateChange": "DROP"}}}]
    )
    event["job"]["facets"]["lineage"] = stated
    changed = unlike([event], [[event]])
    assert not changed, f"the graph is not what the design says:\n{changed}"


def test_column_lineage_under_the_name_before_a_renaming() -> None:
    """It is not that of a run which writes the new name alone, in whatever order all comes."""
    said = [
        run_event("COMPLETE", 1, run="r1", inputs=["a"], outputs=[dataset("n1", columnLineage=made_of(x="a.x"))]),
        run_event("COMPLETE", 2, run="r2", inputs=["a"], outputs=[dataset("n2", **_renamed("n1"))]),
    ]
    for order in permutations(said):
        changed = unlike(said, [[event] for event in order])
        assert not changed, f"the graph is not what the design says:\n{changed}"


def test_a_job_type_that_is_taken_back_is_forgotten_in_any_batches() -> None:
    """A job's type is the latest one, and none where that was deleted, whether it comes alone or with others."""
    facets = ({"jobType": {"integration": "DBT", "jobType": "MODEL"}}, {"jobType": {"_deleted": True}})
    documents = [
        {"eventTime": f"2026-01-01T00:00:0{at}Z", "job": {"namespace": "dbt", "name": "j", "facets": said}}
        for at, said in enumerate(facets)
    ]
    assert not unlike(documents, [documents]), "in one batch"
    changed = unlike(documents, [documents[:1], documents[1:]])
    assert not changed, f"in two batches the old type stays on the job's vertex:\n{changed}"


@pytest.mark.parametrize("same", SAME[:2], ids=["no rules", "across engines"])
def test_recorded_events_make_the_oracles_graph(same: Sequence[Sequence[str]]) -> None:
    """What dbt really sends makes the oracle's graph."""
    documents = sample()
    changed = unlike(documents, [documents], same)
    assert not changed, f"the graph is not what the design says:\n{changed}"
