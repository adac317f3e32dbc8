"""Jobs in the graph: what their outputs carry, and which of their runs are current, each in a vertex of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from itertools import permutations
from pathlib import Path

import orjson
import pytest

from consumer.graph import facts_codec, ids, schema
from consumer.graph.delegating_store import DelegatingStore
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Direction, Edge, GraphStore
from consumer.graph.stored_facts import unpacked
from consumer.lineage.facts.keys import GroupKey, JobName, OutputKey, RunKey
from consumer.lineage.facts.output_facets import COLUMN_LINEAGE
from consumer.projection.graph_writer import GraphWriter
from tests.support.events.event_builders import (
    JOB,
    Json,
    at,
    columns,
    dataset,
    job_event,
    made_of,
    name,
    run_event,
)
from tests.support.graph.graph_of_events import embedded, exported, folded, write

OUTPUT = ids.output(OutputKey(JOB, name("t")))


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    """A graph in memory."""
    with closing(SqliteStore(Path(":memory:"))) as found:
        yield found


def mapped(number: int, second: int, kind: str = "COMPLETE") -> Json:
    """A run that is one of several under one parent."""
    parent = {"parent": {"run": {"runId": "p"}, "job": {"namespace": "dbt", "name": "dag"}}}
    inputs, outputs = [f"in{number}"], [f"out{number}"]
    return run_event(kind, second, run=f"m{number}", inputs=inputs, outputs=outputs, run_facets=parent)


def edges(*documents: Json) -> set[tuple[str, str]]:
    """Dataset edges by table, the same for every order of the events."""
    found = {embedded([[event] for event in order]) for order in permutations(documents)}
    assert len(found) == 1, "the order of arrival decides"
    graph = orjson.loads(found.pop())
    return {
        (source[1].rpartition(".")[2], target[1].rpartition(".")[2]) for source, target, _ in graph["dataset_edges"]
    }


class TestOutputs:
    """The facets that the completed runs of a job carried for an output."""

    def test_they_have_a_vertex_of_their_own(self, store: SqliteStore) -> None:
        """It hangs on the name that the job writes, and says what is in force of each facet."""
        said = dataset("t", schema=columns("x"), columnLineage=made_of(x="a.x"))
        write(store, [[run_event("COMPLETE", 1, inputs=["a"], outputs=[said])]])
        (vertex,) = store.vertices(schema.OUTPUT)
        assert vertex.id == OUTPUT
        facts = facts_codec.load_output(unpacked(vertex.properties))
        assert {"schema", COLUMN_LINEAGE} <= facts.ran.keys()
        assert {carried.ended_at for carried in facts.ran.values()} == {at(1)}
        (edge,) = store.edges(schema.OUTPUT_OF)
        assert (edge.source, edge.target) == (OUTPUT, ids.name(name("t")))

    def test_an_output_without_facets_has_none(self, store: SqliteStore) -> None:
        """There is nothing to keep, nor for a run that has not completed."""
        started = run_event("START", 2, run="r2", outputs=[dataset("t", schema=columns("x"))])
        write(store, [[run_event("COMPLETE", 1, outputs=["t"]), started]])
        assert list(store.vertices(schema.OUTPUT)) == []

    def test_what_a_run_carried_is_taken_back_when_it_failed(self, store: SqliteStore) -> None:
        """The facet of the run before counts again, which is looked up in the graph."""
        runs = [
            run_event("COMPLETE", second, run=run, outputs=[dataset("t", schema=columns(run))])
            for second, run in ((1, "first"), (2, "second"))
        ]
        write(store, [[run] for run in runs])
        assert b'"name": "second"' in exported(store)
        write(store, [[run_event("FAIL", 3, run="second")]])
        assert b'"name": "first"' in exported(store)
        facts = facts_codec.load_output(unpacked(store.read([OUTPUT])[OUTPUT]))
        assert facts.ran["schema"].run == "first"

    def test_what_a_job_event_says_stands_beside(self, store: SqliteStore) -> None:
        """A failed run takes back its own word, not that of a declaration."""
        declared = job_event(1, outputs=[dataset("t", schema=columns("declared"))])
        ran = run_event("COMPLETE", 2, outputs=[dataset("t", schema=columns("ran"))])
        write(store, [[declared], [ran], [run_event("FAIL", 3)]])
        facts = facts_codec.load_output(unpacked(store.read([OUTPUT])[OUTPUT]))
        assert (dict(facts.ran), facts.declared.keys() >= {"schema"}) == ({}, True)
        assert b'"name": "declared"' in exported(store)


class TestSiblings:
    """Runs of one parent are current together."""

    def test_mapped_tasks(self) -> None:
        """In any order of arrival."""
        runs = [mapped(number, 10 + number) for number in range(3)]
        assert edges(*runs) == {(f"in{number}", f"out{number}") for number in range(3)}

    def test_one_that_failed_after_all(self) -> None:
        """The others stay, whichever of them was the latest."""
        for failed in range(3):
            runs = [mapped(number, 10 + number) for number in range(3)]
            left = {(f"in{number}", f"out{number}") for number in range(3) if number != failed}
            assert edges(*runs, mapped(failed, 20, "FAIL")) == left

    def test_the_group_has_a_vertex(self, store: SqliteStore) -> None:
        """It has one run for each set of datasets, so that retries do not make it grow."""
        again = [
            mapped(0, 20 + number) | {"run": mapped(0, 0)["run"] | {"runId": f"again{number}"}} for number in range(9)
        ]
        write(store, [[mapped(0, 1), mapped(1, 2), *again]])
        (group,) = store.vertices(schema.GROUP)
        assert group.id == ids.group(GroupKey(JOB, "p"))
        members = facts_codec.load_group(unpacked(group.properties))
        assert {member.id for member in members.values()} == {"again8", "m1"}

    def test_a_run_that_moves_to_another_parent(self) -> None:
        """The latest word counts; it leaves the group that it was in."""
        elsewhere = {"parent": {"run": {"runId": "q"}, "job": {"namespace": "dbt", "name": "dag"}}}
        moved = run_event("RUNNING", 30, run="m0", run_facets=elsewhere)
        assert edges(mapped(0, 10), mapped(1, 11), moved) == {("in1", "out1")}


def test_one_run_id_of_two_jobs(store: SqliteStore) -> None:
    """Dagster gives all jobs of an execution one run id: each has a run with its own state and datasets."""
    asset = run_event("COMPLETE", 1, run="same", job="asset", inputs=["a"], outputs=["t"])
    check = run_event("FAIL", 2, run="same", job="check", inputs=["t"])
    write(store, [[asset], [check]])
    runs = orjson.loads(exported(store))["runs"]
    assert [(run["job"][1], run["state"], len(run["outputs"])) for run in runs] == [
        ("asset", "COMPLETE", 1),
        ("check", "FAIL", 0),
    ]
    tied = {(edge.source, edge.target) for edge in store.edges(schema.RUN_OF)}
    jobs = [JobName("dbt", called) for called in ("asset", "check")]
    assert tied == {(ids.run(RunKey(job, "same")), ids.job(job)) for job in jobs}


def test_a_completed_run_without_datasets_takes_nothing_away() -> None:
    """Nor does one whose extractor failed: both count for the history of runs only."""
    old = run_event("COMPLETE", 1, run="old", inputs=["a"], outputs=["o"])
    failed = {"extractionError": {"totalTasks": 1, "failedTasks": 1}}
    silent = run_event("COMPLETE", 2, run="silent")
    partial = run_event("COMPLETE", 3, run="partial", inputs=["b"], outputs=["o"], run_facets=failed)
    assert edges(old, silent, partial) == {("a", "o")}
    assert edges(silent, partial) == {("b", "o")}, "where there is no other word it counts"


def test_a_failed_write_makes_no_table() -> None:
    """Spark sends FAIL, and then COMPLETE under the same id."""
    old = run_event("COMPLETE", 1, run="old", inputs=["a"], outputs=["o"])
    run = [
        run_event(kind, second, run="new", inputs=["b"], outputs=["o"])
        for kind, second in (("FAIL", 2), ("COMPLETE", 3))
    ]
    assert edges(old, *run) == {("a", "o")}


def test_a_writer_that_died_leaves_others_free(store: SqliteStore) -> None:
    """It had written the job and not yet the names of its datasets; another one writes of the job meanwhile."""
    declared = folded([job_event(1, inputs=["a"], outputs=["t"])])
    GraphWriter(store).jobs.create(declared.jobs, ())
    late = run_event("START", 2, inputs=["b"])
    write(store, [[late]])
    GraphWriter(store).apply(declared)
    assert exported(store) == embedded([[late, job_event(1, inputs=["a"], outputs=["t"])]])


class Interrupted(DelegatingStore):
    """A store beside which something is done once: after the runs of a job are listed a number of times.

    Args:
        store: The store.
        listing: The number of the listing, from 1.
        do: What is done.
    """

    def __init__(self, store: GraphStore, listing: int, do: Callable[[], None]) -> None:
        super().__init__(store)
        self._left = listing
        self._do = do

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        found = super().edges_at(ids, label, direction)
        if label == schema.RUN_OF:
            self._left -= 1
            if self._left == 0:
                self._do()
        return found


@pytest.mark.parametrize("listing", [1, 2, 3])
@pytest.mark.parametrize("parent", [None, "p"])
def test_a_run_counts_that_is_written_while_a_later_one_is_taken_back(
    store: SqliteStore, parent: str | None, listing: int
) -> None:
    """It changes nothing in the job as it is, and is the latest of what remains."""
    facets = {"parent": {"run": {"runId": parent}, "job": {"namespace": "dbt", "name": "dag"}}} if parent else {}

    def completed(second: int) -> Json:
        inputs, outputs = [f"in{second}"], ["t"]
        return run_event("COMPLETE", second, run=f"r{second}", inputs=inputs, outputs=outputs, run_facets=facets)

    before = [completed(6), completed(8), run_event("FAIL", 9, run="r9", run_facets=facets)]
    failed = run_event("FAIL", 8, run="r8", run_facets=facets)
    other = GraphWriter(store)
    other.apply(folded(before))
    between = Interrupted(store, listing, lambda: other.apply(folded([completed(7)])))
    GraphWriter(between).apply(folded([failed]))
    assert exported(store) == embedded([[*before, completed(7), failed]])
