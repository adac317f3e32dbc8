"""Upkeep on every store: old runs go and lineage stays; what late links left is mended; one process at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from consumer.errors import TransientError
from consumer.graph import ids, schema
from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.store import Change, DropEdges, GraphStore, NotExists, PropertyEquals, Vertex
from consumer.lineage.facts.keys import RunKey
from consumer.lineage.identity import NO_RULES
from consumer.maintenance.leased_task import JobLease, LeaseHeld, MaintenanceJob, Scan, run_job
from consumer.maintenance.prune import Prune, PruneResult
from consumer.maintenance.prune_cutoffs import Cutoffs
from consumer.maintenance.reconcile import Reconcile
from consumer.projection.graph_writer import GraphWriter
from tests.support.events.event_builders import (
    JOB,
    REDSHIFT,
    columns,
    dataset,
    made_of,
    name,
    run_event,
)
from tests.support.events.event_strategies import events
from tests.support.graph.all_stores import Graph
from tests.support.graph.graph_of_events import (
    difference,
    embedded_whole,
    folded,
    sample,
    shuffled,
    whole,
    write,
)
from tests.support.processes.servers import GremlinServer

LATER = "2026-02-01T00:00:00.000000Z"
"""After all that these events tell."""


def run_through(chore: MaintenanceJob) -> None:
    """A chore from its beginning to its end."""
    place: str | None = ""
    while place is not None:
        place = chore.step(place)


def prune(store: GraphStore, before: str = LATER, *, dry_run: bool = False) -> PruneResult:
    """A whole prune, in small pages."""
    chore = Prune(store, lambda: Cutoffs(before, before), "test", dry_run=dry_run, page=2)
    run_through(chore)
    return chore.result


def reconcile(store: GraphStore, page: int = 50) -> int:
    """A whole reconcile; how much it mended."""
    chore = Reconcile(store, NO_RULES, page)
    run_through(chore)
    return chore.result.repaired


def lineage(found: bytes) -> bytes:
    """An export without its runs."""
    parsed = orjson.loads(found)
    del parsed["runs"]
    return orjson.dumps(parsed, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)


def run_ids(store: GraphStore) -> set[str]:
    """The runs that the graph has, those known as parents only among them."""
    return {ids.run_key(vertex.id).id for vertex in store.vertices(schema.RUN)}


def expect_lineage(store: GraphStore, documents: Sequence[Any]) -> None:
    """All but the runs must be what these events make."""
    changed = difference(lineage(whole(store)), lineage(embedded_whole([documents])))
    assert not changed, f"lineage is not that of the events:\n{changed}"


def child_of(parent: str) -> dict[str, Any]:
    """The facet of a run that another one started."""
    return {"parent": {"run": {"runId": parent}, "job": {"namespace": "dbt", "name": "all"}}}


HISTORY = [
    run_event("COMPLETE", 1, run="old", inputs=["a"], outputs=["b"]),
    run_event("COMPLETE", 2, run="carrier", outputs=[dataset("b", schema=columns("x"))]),
    run_event("FAIL", 3, run="failed", outputs=["c"]),
    run_event("START", 4, run="superseded", outputs=["d"]),
    run_event("COMPLETE", 5, run="latest", inputs=["a"], outputs=["b"]),
    run_event("START", 6, run="unfinished", inputs=["e"], outputs=["b"]),
]
"""Runs of one job: those that lineage rests on are the latest and the unfinished one."""


class TestPrune:
    """Old runs go, lineage stays."""

    def test_what_lineage_rests_on_stays(self, store: GraphStore) -> None:
        """The latest completed run and the unfinished one stay, however old; others go, and what they carried stays."""
        write(store, [HISTORY])
        told = prune(store, dry_run=True)
        assert run_ids(store) == {event["run"]["runId"] for event in HISTORY}, "a dry run removes nothing"
        assert prune(store) == told == PruneResult(examined=6, removed=4), "and counts what goes"
        assert run_ids(store) == {"latest", "unfinished"}
        expect_lineage(store, HISTORY)
        assert reconcile(store) == 0, "the views are those of the facts that are left"

    def test_young_runs_stay(self, store: GraphStore) -> None:
        """A run goes by its last word, which may be long after its first."""
        write(store, [[*HISTORY, run_event("RUNNING", 1, run="late"), run_event("FAIL", 9, run="late")]])
        assert prune(store, "2026-01-01T00:00:04.000000Z").removed == 3
        assert run_ids(store) == {"superseded", "latest", "unfinished", "late"}

    def test_siblings_stay(self, store: GraphStore) -> None:
        """Runs that are current together with the latest one stay; those of an older parent go, with its group."""
        mapped = [
            run_event("COMPLETE", second, run=f"m{second}", inputs=[f"in{second}"], run_facets=child_of(parent))
            for second, parent in ((1, "before"), (2, "p"), (3, "p"))
        ]
        write(store, [mapped])
        assert prune(store).removed == 2, "the older run, and with it its parent"
        assert run_ids(store) == {"m2", "m3", "p"}
        assert sum(1 for _ in store.vertices(schema.GROUP)) == 1
        expect_lineage(store, mapped)
        assert reconcile(store) == 0
        failed = run_event("FAIL", 4, run="m3", run_facets=child_of("p"))
        write(store, [[failed]])
        expect_lineage(store, [*mapped, failed])

    def test_datasets_of_a_streaming_run_go_with_it(self, store: GraphStore) -> None:
        """They have vertices of their own, however many there are."""
        streaming = {"jobType": {"processingType": "STREAMING", "integration": "FLINK"}}
        many = [f"t{number}" for number in range(150)]
        work = [
            run_event("RUNNING", 1, run="old", outputs=many, job_facets=streaming),
            run_event("FAIL", 2, run="old", job_facets=streaming),
            run_event("RUNNING", 3, run="new", inputs=["a"], outputs=["b"], job_facets=streaming),
        ]
        write(store, [work])
        assert sum(1 for _ in store.vertices(schema.RUN_DATASET)) == 152
        assert prune(store).removed == 1
        assert {ids.run_dataset_key(one.id)[0].id for one in store.vertices(schema.RUN_DATASET)} == {"new"}
        expect_lineage(store, work)
        assert reconcile(store) == 0

    def test_statements_of_events_without_a_processing_type_go_with_their_runs(self, store: GraphStore) -> None:
        """They are kept in case the job turns out to be a stream, and no longer than the run."""
        many = [run_event("COMPLETE", second, run=f"r{second}", inputs=["a"], outputs=["t"]) for second in range(1, 20)]
        write(store, [many])
        assert sum(1 for _ in store.vertices(schema.STATEMENT)) == len(many)
        assert prune(store).removed == len(many) - 1
        assert sum(1 for _ in store.vertices(schema.STATEMENT)) == 1
        expect_lineage(store, many)

    def test_a_parent_goes_with_its_last_child(self, store: GraphStore) -> None:
        """Neither a run that others hang on nor one that is known as a parent only goes before its children."""
        work = [
            run_event("COMPLETE", 1, run="c1", inputs=["a"], run_facets=child_of("b1")),
            run_event("FAIL", 1, run="b1", job="all", run_facets=child_of("a1")),
            run_event("COMPLETE", 2, run="c2", inputs=["a"], run_facets=child_of("a2")),
        ]
        write(store, [work])
        assert prune(store).removed == 3
        assert run_ids(store) == {"c2", "a2"}, "the latest run stays, and what started it"
        assert reconcile(store) == 0
        expect_lineage(store, work)

    def test_a_replay_brings_runs_back(self, store: GraphStore) -> None:
        """After a prune, the events once more make the graph that was never pruned."""
        write(store, [HISTORY])
        prune(store)
        write(store, [HISTORY[3:], HISTORY[:3]])
        changed = difference(whole(store), embedded_whole([HISTORY]))
        assert not changed, f"a replay after a prune made another graph:\n{changed}"

    def test_a_replay_by_a_writer_that_knows_the_runs(self, store: GraphStore) -> None:
        """A writer that has pruned runs at hand finds out, and writes them anew."""
        writer = GraphWriter(store)
        writer.apply(folded(HISTORY))
        prune(store)
        retrying = Retrying(retry=retry_if_exception_type(TransientError), stop=stop_after_attempt(3), reraise=True)
        retrying(writer.apply, folded(HISTORY))
        changed = difference(whole(store), embedded_whole([HISTORY]))
        assert not changed, f"a replay after a prune made another graph:\n{changed}"

    def test_a_late_event_of_a_pruned_run(self, store: GraphStore) -> None:
        """It is kept as what is known of that run, and changes no lineage; the next prune takes it again."""
        writer = GraphWriter(store)
        writer.apply(folded(HISTORY))
        prune(store)
        late = run_event("COMPLETE", 1, run="old", outputs=["f"])
        writer.apply(folded([late]))
        (found,) = (run for run in orjson.loads(whole(store))["runs"] if run["id"] == "old")
        assert (found["inputs"], len(found["outputs"])) == ([], 1), "only what the late event says"
        expect_lineage(store, [*HISTORY, late])
        assert prune(store).removed == 1

    def test_a_run_that_is_told_more_of_meanwhile_stays(self, store: GraphStore) -> None:
        """What is written of a run after the prune looked at it is kept, and the run with it."""

        class Meanwhile:
            """A store in which somebody writes of a run just before it goes."""

            def __getattr__(self, name: str) -> Any:
                return getattr(store, name)

            def write(self, changes: Sequence[Change]) -> set[str]:
                write(store, [[run_event("FAIL", 3, run="failed", outputs=["g"])]])
                return store.write(changes)

        write(store, [HISTORY])
        chore = Prune(Meanwhile(), lambda: Cutoffs(LATER, LATER), "test")
        run_through(chore)
        assert chore.result.removed == 3
        assert run_ids(store) == {"latest", "unfinished", "failed"}


class TestReconcile:
    """What is wrong is mended, and nothing else is written."""

    def test_a_graph_that_is_right(self, graph: Graph) -> None:
        """What one writer made of recorded events, long ones among them, is left alone."""
        with closing(graph.connect()) as store:
            write(store, [sample("events_athena_withcatalog", "events_redshift_withcatalog", "ev_fail_slog")])
            assert reconcile(store) == 0

    def test_a_name_without_edges_is_renamed(self, store: GraphStore) -> None:
        """A job may depend on the names of datasets that it shows no edge at: of a lineage that does not count."""
        stated = {"inputs": [{"type": "DATASET", **dataset("c")}]}
        superseded = dataset("t", lineage=stated, columnLineage=made_of(x="b.x"))
        dropped = dataset("gone", columnLineage=made_of(x="b.x"), lifecycleStateChange={"lifecycleStateChange": "DROP"})
        previous = {"namespace": REDSHIFT, "name": name("b").name}
        renamed = {"lifecycleStateChange": "RENAME", "previousIdentifier": previous}
        work = [
            run_event("COMPLETE", 1, outputs=[superseded]),
            run_event("COMPLETE", 1, run="k", outputs=[dropped], job="k"),
            run_event("COMPLETE", 2, run="l", outputs=[dataset("b2", lifecycleStateChange=renamed)], job="l"),
        ]
        write(store, [[event] for event in work])
        assert reconcile(store) == 0
        expect_lineage(store, work)

    def test_what_is_broken_is_mended(self, store: GraphStore) -> None:
        """Edges, vertices and properties that were taken away, changed or added by hand are as they were."""
        documents = [*HISTORY, run_event("COMPLETE", 7, job="k", run="k", inputs=["b"], outputs=["h"])]
        write(store, [documents])
        before = whole(store)
        vandalise(store)
        assert whole(store) != before
        assert reconcile(store) > 0
        changed = difference(whole(store), before)
        assert not changed, f"a reconcile did not mend:\n{changed}"
        assert reconcile(store) == 0, "and then there is nothing to do"


def vandalise(store: GraphStore) -> None:
    """Breaks views behind the writer's back: drops an edge, changes a dataset, unties a run."""
    edges = {
        label: sorted(edge.id for edge in store.edges(label)) for label in (schema.EDGE, schema.READS, schema.RUN_OF)
    }
    gone = tuple(found[0] for found in edges.values())
    made = Change(
        Vertex("task/vandal", schema.TASK, {"rev": "1"}), NotExists(), PropertyEquals("rev", "1"), (DropEdges(gone),)
    )
    node = min(vertex.id for vertex in store.vertices(schema.NODE))
    shown = PropertyEquals("node_name", store.read([node])[node]["node_name"])
    painted = Change(Vertex(node, schema.NODE, {"columns": "[]", "aliases": '[["x","y"]]'}), shown, shown)
    assert not store.write([made])
    assert not store.write([painted])


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


class Pages:
    """A chore of three pages."""

    name = "reconcile"

    def __init__(self, scope: str = "") -> None:
        self.scope = scope
        self.done: list[str] = []

    def step(self, place: str) -> str | None:
        """The next page."""
        self.done.append(place)
        return f"{place}x" if len(place) < 2 else None


class TestTask:
    """One process at a time, from where the last one stopped; no export shows it."""

    def test_the_next_one_goes_on(self, store: GraphStore) -> None:
        """What one process left at a page, another one goes on with; a third has nothing to do for a while."""
        clock, one, two = Clock(), Pages(), Pages()
        assert not run_job(one, JobLease(store, "reconcile", "one", clock), stopped=lambda: len(one.done) == 1)
        assert run_job(two, JobLease(store, "reconcile", "two", clock))
        assert (one.done, two.done) == ([""], ["x", "xx"])
        again = Pages()
        assert not run_job(again, JobLease(store, "reconcile", "one", clock), every_s=60)
        assert again.done == [], "it is not due"
        clock.now += 60
        assert run_job(again, JobLease(store, "reconcile", "one", clock), every_s=60)
        assert again.done == ["", "x", "xx"]

    def test_a_lease(self, store: GraphStore) -> None:
        """Nobody takes over before it runs out; who comes back after that does not go on."""
        clock = Clock()
        one, two = (JobLease(store, "reconcile", owner, clock, lease_s=300) for owner in ("one", "two"))
        assert one.acquire("") == ""
        one.checkpoint("x")
        clock.now += 299
        with pytest.raises(LeaseHeld, match="one holds the lease of reconcile"):
            two.acquire("")
        clock.now += 1
        assert two.acquire("") == "x", "it goes on at the same place"
        with pytest.raises(LeaseHeld, match="has acquired the lease"):
            one.checkpoint("xx")

    def test_another_scope_begins_anew(self, store: GraphStore) -> None:
        """The place of a prune of 90 days is none of one of 30."""
        clock, one, two = Clock(), Pages("90d"), Pages("30d")
        run_job(one, JobLease(store, "reconcile", "one", clock), stopped=lambda: len(one.done) == 2)
        assert run_job(two, JobLease(store, "reconcile", "two", clock), every_s=1e9)
        assert two.done == ["", "x", "xx"]

    def test_no_export_shows_it(self, store: GraphStore) -> None:
        """The graph's bytes are those of the events alone."""
        write(store, [HISTORY])
        run_job(Pages(), JobLease(store, "reconcile", "one", Clock()))
        changed = difference(whole(store), embedded_whole([HISTORY]))
        assert not changed, f"the upkeep shows in the export:\n{changed}"

    def test_pages(self, store: GraphStore) -> None:
        """A scan gives every id once, from anywhere on, in whatever pieces it is fetched."""
        write(store, [HISTORY])
        every = Scan(store, schema.RUN, 10).after("")
        assert set(every) == {ids.run(RunKey(JOB, run)) for run in run_ids(store)}
        for page, fetched in ((1, 1), (2, 3), (4, 100)):
            scan, found = Scan(store, schema.RUN, page, fetched), list[str]()
            while some := scan.after(found[-1] if found else ""):
                found += some
            assert found == every
        assert Scan(store, schema.RUN).after(every[2]) == every[3:]


def test_generated_events(gremlin_server: GremlinServer) -> None:
    """Any events on a Gremlin Server: a reconcile finds nothing to do, also after a prune, and lineage stays."""

    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
    @given(events(), st.integers(0, 2**32))
    def check(documents: Sequence[Any], seed: int) -> None:
        gremlin_server.clear()
        write(store, shuffled(documents, seed, 4))
        assert reconcile(store) == 0, "one writer's graph is right"
        prune(store)
        expect_lineage(store, documents)
        assert reconcile(store) == 0, "so is a pruned one"

    with closing(open_gremlin(gremlin_server.url)) as store:
        check()
