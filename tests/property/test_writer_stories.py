"""Several writers at once: schedules and sequences that have left wrong graphs leave the bytes of a single writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import pytest

from consumer.graph import ids, schema
from consumer.graph.format_version import claim
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, DropVertices, NotExists, PropertyEquals, Vertex
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.projection.graph_writer import GraphWriter
from tests.support.events.event_builders import columns, dataset, dataset_event, made_of, name, run_event
from tests.support.events.event_strategies import ATHENA, GLUE, REDSHIFT
from tests.support.graph import whole_tasks
from tests.support.graph.graph_of_events import difference, embedded_whole, folded, sample, whole
from tests.support.writers.checking import check
from tests.support.writers.concurrent_writers import SCHEDULES, Case, Dealt, in_memory, play
from tests.support.writers.histories import at
from tests.support.writers.schedule import Crash, Turn

STORY = SCHEDULES // 10
"""Schedules of each story; `.ci/slow` has more of them too."""

Json = dict[str, Any]


def on_turns(
    documents: Sequence[Json],
    writers: Sequence[int],
    count: int,
    crash: Crash | None = None,
    identity: str = "none",
) -> list[Case]:
    """The same events, each a batch of the writer that is given for it, under seeded schedules."""
    dealt = tuple(
        Dealt(document, writer, number)
        for number, (document, writer) in enumerate(zip(documents, writers, strict=True))
    )
    one = Case("", "writers", dealt, max(writers) + 1, identity, (), crash=crash)
    return [replace(one.turned(seed), origin=f"schedule {seed} of this test") for seed in range(count)]


def amid_a_prune(batches: Sequence[Sequence[Json]], cutoff: int) -> Iterator[Case]:
    """The first batch is written, then a prune begins; it pauses for a part of the next batch, and then ends."""
    dealt = tuple(Dealt(event, 0, number) for number, batch in enumerate(batches) for event in batch)
    case = Case("a schedule of this test", "prune", dealt, 1, "none", (), cutoffs=(at(cutoff),))
    with in_memory() as ground:
        first = play(replace(case, kind="writers", events=dealt[: len(batches[0])]), ground)
    begin, end = Turn(0, sum(turn.calls for turn in first.turns)), Turn(1, 100)
    for pruned, written in product(range(1, 30), range(1, 20)):
        yield replace(case, turns=(begin, Turn(1, pruned), Turn(0, written), end))


class TestStories:
    """Schedules and sequences that have left wrong graphs."""

    @pytest.mark.parametrize("begin", ["START", "RUNNING", "COMPLETE"])
    @pytest.mark.parametrize("end", ["FAIL", "ABORT"])
    def test_a_run_split_between_writers_fails(self, begin: str, end: str) -> None:
        """A writer that knows the job retracts what another one wrote of a run, though nothing happens at once."""
        events = [
            (0, run_event("COMPLETE", 1, run="r0", inputs=["old"], outputs=["t"])),
            (1, run_event(begin, 2, run="r1", inputs=["bad"], outputs=["t"])),
            (0, run_event(end, 3, run="r1")),
        ]
        store = SqliteStore(Path(":memory:"))
        claim(store)
        writers = [GraphWriter(store), GraphWriter(store)]
        for writer, event in events:
            writers[writer].apply(folded([event]))
        changed = difference(whole(store), embedded_whole([[event for _, event in events]]))
        assert not changed, f"the failed run stays in the lineage:\n{changed}"
        assert whole_tasks.reconcile(store) == 0

    def test_reruns_of_one_job(self) -> None:
        """Runs of one job that read another table each, by two writers: the edges are those of the last one."""
        events = [run_event("COMPLETE", n, run=f"r{n}", inputs=[f"s{n}"], outputs=["t"]) for n in range(5)]
        check(on_turns(events, (0, 1, 0, 1, 0), STORY))

    def test_a_start_beside_a_complete(self) -> None:
        """An input that configuration shows under another name is read under that name alone, whoever draws first."""
        read = {"namespace": REDSHIFT, "name": "dev.db.c"}
        events = [run_event("START", 6, run="r1"), run_event("COMPLETE", 8, run="r0", inputs=[read])]
        check(on_turns(events, (0, 1), STORY, identity="across engines"))

    def test_a_late_link_beside_a_run(self) -> None:
        """An output that comes to be shown under another name while its edges are drawn has edges under that alone."""
        link = {"symlinks": {"identifiers": [{"namespace": "s3://lake", "name": "t"}]}}
        events = [
            run_event("COMPLETE", 1, run="r0", inputs=["s"], outputs=[dataset("t", schema=columns("x"))]),
            dataset_event(2, dataset("t", **link)),
            run_event("COMPLETE", 3, run="r1", inputs=["s"], outputs=["t"], job="k"),
        ]
        check(on_turns(events, (0, 1, 1), STORY))

    def test_a_late_link_beside_a_run_of_the_same_job(self) -> None:
        """A job that another writer draws at a name, while its own writer links the name, is drawn at the new place."""
        link = {"symlinks": {"identifiers": [{"namespace": name("a").namespace, "name": name("a").name}]}}
        first = [
            run_event("COMPLETE", 1, run="r0", inputs=["s"], outputs=["t"]),
            dataset_event(1, dataset("n", schema=columns("x"))),
        ]
        second = [
            run_event("COMPLETE", 2, run="r1", inputs=["s"], outputs=["t"]),
            dataset_event(3, dataset("n", schema=columns("x"), **link)),
        ]
        other = run_event("COMPLETE", 9, run="r2", inputs=["n"], outputs=["t"])
        dealt = [Dealt(event, 0, batch) for batch, events in enumerate((first, second)) for event in events]
        one = Case("", "writers", (*dealt, Dealt(other, 1, 0)), 2, "none", ())
        # The other writer does all of its work between two store calls of the first one.
        check(replace(one, turns=(Turn(0, calls), Turn(1, 1_000))) for calls in range(1, 60))

    def test_a_chain_of_links(self) -> None:
        """Three names that two writers link pairwise are one dataset, and only one of them is shown."""

        def linked(table: str, other: str, second: int) -> Json:
            identifiers = [{"namespace": name(other).namespace, "name": name(other).name}]
            return dataset_event(second, dataset(table, schema=columns("x"), symlinks={"identifiers": identifiers}))

        events = [linked("a", "b", 1), linked("c", "b", 2), linked("a", "d", 3)]
        check(on_turns(events, (0, 1, 1), STORY))

    def test_links_of_three_writers(self) -> None:
        """Links that three writers report of the tables of one run end in one dataset, and no writer tries for ever."""

        def linked(used: Json, *others: Json) -> Json:
            return {**used, "facets": {"symlinks": {"identifiers": list(others)}}}

        first, second = ({"namespace": ATHENA, "name": f"AwsDataCatalog.db.{table}"} for table in "ab")
        third, fourth = ({"namespace": REDSHIFT, "name": f"dev.db.{table}"} for table in "ab")
        fifth = {"namespace": GLUE, "name": "table/db/a"}
        events = [
            dataset_event(3, linked(second, third)),
            dataset_event(2, linked(third, first)),
            run_event("START", 6, inputs=[fourth], outputs=[second]),
            run_event("ABORT", 5, job="k", outputs=[linked(fifth, first, fourth)]),
        ]
        check(on_turns(events, (0, 0, 1, 2), STORY))

    def test_a_job_is_a_stream_for_a_moment(self) -> None:
        """A writer makes a job a stream, for which a START counts, while another one states later that it is none."""
        batch = {"jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"}}
        stream = {"jobType": {"processingType": "STREAMING", "integration": "FLINK", "jobType": "JOB"}}
        written = dataset("t", columnLineage=made_of(x="s.x"))
        events = [
            run_event("COMPLETE", 9, run="r0", outputs=[written], job_facets=batch),
            run_event("START", 3, run="r2", outputs=[dataset("u", columnLineage=made_of(x="s.x"))]),
            run_event("COMPLETE", 7, run="r0", outputs=[written], job_facets=batch),
            run_event("START", 7, run="r1", inputs=["s"], job_facets=stream),
        ]
        check(on_turns(events, (0, 0, 1, 1), STORY))

    STREAM: ClassVar[Json] = {"jobType": {"processingType": "STREAMING", "integration": "FLINK", "jobType": "JOB"}}
    BATCH: ClassVar[Json] = {"jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"}}

    def test_a_run_streams_by_its_job_for_a_while(self) -> None:
        """A run whose datasets were stored apart, as its job was a stream, counts with all of them where it is none."""
        written = [dataset(table, columnLineage=made_of(x="s.x")) for table in "tuv"]
        events = [
            run_event("START", 1, run="r0", inputs=["s"], job_facets=self.STREAM),
            run_event("RUNNING", 2, run="r1", inputs=["s"], outputs=written[:1]),
            run_event("RUNNING", 3, run="r1", inputs=["w"], outputs=written[1:2]),
            run_event("COMPLETE", 4, run="r1", outputs=written[2:]),
            run_event("START", 5, run="r2", job_facets=self.BATCH),
        ]
        check(on_turns(events, (0, 0, 1, 0, 1), STORY))
        check(on_turns(events[:4], (0, 1, 0, 1), STORY))
        check(on_turns(events[::-1], (0, 0, 1, 0, 1), STORY))

    def test_a_job_is_a_stream_between_two_looks(self) -> None:
        """A writer that states that a job is none of a stream finds out that another one made it a stream meanwhile."""
        events = [
            run_event("START", 1, run="r0", job_facets=self.STREAM),
            run_event("RUNNING", 3, run="r1", outputs=[dataset("u", columnLineage=made_of(x="s.x"))]),
            run_event("START", 5, run="r2", job_facets=self.BATCH),
        ]
        check(on_turns(events, (0, 1, 1), STORY))

    @pytest.mark.parametrize("kind", [STREAM, BATCH], ids=["stream", "none"])
    def test_a_job_turns_after_a_reconcile_has_read_it(self, kind: Json) -> None:
        """A reconcile that has nothing to write of a job notices that its document is another one by then."""
        first = run_event("START", 2, run="r0", job_facets=self.STREAM if kind is self.BATCH else None)
        events = [
            first,
            run_event("RUNNING", 3, run="r1", outputs=[dataset("u", columnLineage=made_of(x="s.x"))]),
            run_event("START", 4, run="r2", job_facets=kind),
        ]
        one = on_turns(events, (0, 0, 0), 1)[0]
        with in_memory() as ground:
            calls = sum(turn.calls for turn in play(replace(one, events=one.events[:2]), ground).turns)
        beside = replace(one, kind="reconcile", origin="a schedule of this test")
        check(replace(beside, turns=(Turn(0, calls), Turn(1, read), Turn(0, 1_000))) for read in range(1, 60))

    def test_a_crash_while_a_job_becomes_a_stream(self) -> None:
        """A job that is no stream by the time at which a dead writer is back keeps nothing of what was computed so."""
        events = [
            run_event("RUNNING", 3, run="r1", outputs=[dataset("u", columnLineage=made_of(x="s.x"))]),
            run_event("START", 9, run="r2", job_facets=self.BATCH),
            run_event("FAIL", 8, run="r0", job_facets=self.STREAM),
        ]
        for call in range(10, 40):
            check(on_turns(events, (0, 0, 1), -(-STORY // 20), Crash(1, call, after=True)))

    def test_a_stream_turns_out_to_be_none(self) -> None:
        """A run that states that it streams, before it names a dataset, and later that it ends, is a run that ends."""
        events = [
            run_event("START", 1, run="r1", job_facets=self.STREAM),
            run_event("RUNNING", 2, run="r1", inputs=["s"], outputs=["t"]),
            run_event("RUNNING", 3, run="r1", inputs=["w"], outputs=["u"]),
            run_event("COMPLETE", 4, run="r1", job_facets=self.BATCH),
        ]
        check(on_turns(events, (0, 0, 0, 0), 1))
        check(on_turns(events, (0, 1, 0, 1), STORY))

    def test_columns_that_come_and_go(self) -> None:
        """A column that one writer drops from a schema stays while an edge of another writer's job needs it."""
        events = [
            dataset_event(1, dataset("s", schema=columns("x", "y"))),
            run_event("COMPLETE", 2, inputs=["s"], outputs=[dataset("t", columnLineage=made_of(x="s.x"))]),
            dataset_event(3, dataset("s", schema=columns("y"))),
            run_event("COMPLETE", 4, run="r2", inputs=["s"], outputs=[dataset("t", columnLineage=made_of(x="s.y"))]),
            run_event("COMPLETE", 5, job="k", run="r3", outputs=[dataset("u", columnLineage=made_of(x="s.x"))]),
        ]
        check(on_turns(events, (0, 0, 1, 1, 1), STORY))

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_a_crash_beside_a_link(self, after: bool) -> None:  # noqa: FBT001 - a parameter of the test
        """A writer that dies at any of its calls, while another one links the names of its dataset, costs nothing."""
        used = {"namespace": REDSHIFT, "name": "dev.db.a"}
        linked = {"symlinks": {"identifiers": [{"namespace": GLUE, "name": "table/db/a"}]}}
        events = [
            run_event("RUNNING", 6, inputs=[used], outputs=[used]),
            run_event("FAIL", 9, inputs=[used], outputs=[used]),
            dataset_event(5, {"namespace": ATHENA, "name": "AwsDataCatalog.db.b", "facets": linked}),
        ]
        for call in range(1, 40):
            crash = Crash(0, call, after=after)
            cases = on_turns(events, (0, 0, 1), -(-STORY // 32), crash, "across engines")
            check(replace(one, heir=call % 2) for one in cases)

    PARENT: ClassVar[Json] = {"parent": {"run": {"runId": "p"}, "job": {"namespace": "dbt", "name": "all"}}}

    def test_a_parent_that_a_prune_removes(self) -> None:
        """A run that goes on while it is pruned has its edge to the run that started it."""
        events = [run_event(kind, second, run_facets=self.PARENT) for kind, second in (("START", 5), ("COMPLETE", 7))]
        check(amid_a_prune([[event] for event in events], 6))

    def test_a_run_that_is_made_again_while_its_group_is_left(self) -> None:
        """A run that is pruned and goes on is among its siblings, whenever the prune takes it out of their group."""
        events = [
            run_event(kind, second, inputs=["s"], run_facets=self.PARENT)
            for kind, second in (("START", 5), ("RUNNING", 7), ("COMPLETE", 9))
        ]
        check(amid_a_prune([events[:1], events[1:]], 9))

    def test_a_parent_that_is_gone_is_made_again(self) -> None:
        """A reconcile comes to its end, and leaves the run tied to its parent."""
        store = SqliteStore(Path(":memory:"))
        GraphWriter(store).apply(folded([run_event("START", 1, run_facets=self.PARENT)]))
        parent = ids.run(RunKey(JobName("dbt", "all"), "p"))
        damage = Vertex("damage", schema.TASK, {"rev": "1"})
        assert not store.write([Change(damage, NotExists(), PropertyEquals("rev", "1"), (DropVertices((parent,)),))])
        assert whole_tasks.reconcile(store) > 0
        assert [edge.target for edge in store.edges(schema.CHILD_OF)] == [parent]
        assert whole_tasks.reconcile(store) == 0

    def test_recorded_events(self) -> None:
        """What dbt sends of both engines, with runs that fail, dealt out one by one."""
        documents = sample("ev_fail_athena", "ev_fail_redshift")
        check(on_turns(documents, [number % 2 for number in range(len(documents))], 40))
