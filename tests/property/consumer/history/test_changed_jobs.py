"""Walks at a moment around jobs that gave a dataset then, and give it in another way now, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from consumer.graph.sqlite_store import SqliteStore
from consumer.history.past_graph import as_of
from consumer.lineage.facts.keys import JobName
from consumer.lineage.identity import IdentityRules
from consumer.lineage.retirement import of_job
from consumer.maintenance.reconcile import Reconcile
from tests.support.events.event_builders import (
    BATCH,
    PRODUCER,
    STREAMING,
    at,
    dataset,
    dataset_event,
    dropped,
    job_event,
    made_of,
    renamed,
    run_event,
)
from tests.support.events.event_strategies import ATHENA, REDSHIFT
from tests.support.graph.asked import answers, names_in, walks
from tests.support.graph.graph_of_events import write
from tests.support.graph.happened import happened, time_of
from tests.support.graph.past_checks import check_moment
from tests.support.graph.whole_tasks import carry_through

Json = dict[str, Any]


def made(second: int, inputs: Sequence[str | Json], outputs: Sequence[str | Json], parent: str = "") -> Json:
    """A run of the one job, which says that its runs end."""
    event = run_event("COMPLETE", second, run=f"r{second}", inputs=inputs, outputs=outputs)
    event["job"] = {**event["job"], "facets": {**event["job"].get("facets", {}), **BATCH}}
    event["producer"] = PRODUCER
    if parent:
        of_run = {"run": {"runId": parent}, "job": {"namespace": "dbt", "name": "all"}}
        event["run"] = {**event["run"], "facets": {**event["run"].get("facets", {}), "parent": of_run}}
    return event


FIRST, SECOND = (f"00000000-0000-4000-8000-0000000000{digits}" for digits in ("aa", "bb"))
BY_COLUMN = dataset("n", columnLineage=made_of(x="a.x"))


def stating(event: Json, target: str, source: str) -> Json:
    """The event, whose job states the lineage of one more table."""
    entry = {"type": "DATASET", **_named_in(target), "inputs": [{"type": "DATASET", **_named_in(source)}]}
    facets = {**event["job"]["facets"], "lineage": {"entries": [entry]}}
    return {**event, "job": {**event["job"], "facets": facets}}


def by_tool(event: Json, tool: str) -> Json:
    """The event, of a job that this tool makes."""
    facets = {"jobType": {"processingType": "BATCH", "integration": tool}}
    return {**event, "job": {**event["job"], "facets": facets}}


def _named_in(table: str) -> Json:
    return {key: value for key, value in dataset(table).items() if key != "facets"}


HISTORIES: dict[str, list[Json]] = {
    "another source": [made(1, ["a"], ["n"]), made(2, ["b"], ["n"])],
    "another target": [made(1, ["a"], ["n"]), made(2, ["a"], ["m"])],
    "a target of a sibling, two executions ago": [
        made(1, ["a"], ["n"], FIRST),
        made(2, ["b"], ["m"], FIRST),
        made(3, ["b"], ["m"], SECOND),
        made(4, ["b"], ["m"], SECOND),
    ],
    "a target that is a source now": [made(1, ["a"], ["n"]), made(2, ["n"], ["m"])],
    "a source that is a target now": [made(1, ["n"], ["m"]), made(2, ["a"], ["n"])],
    "no columns any more": [made(1, ["a"], [BY_COLUMN]), made(2, ["a"], ["n"])],
    "no edge by its own word": [made(1, ["a"], ["n"]), made(2, ["a"], [dataset("n", lineage={"inputs": []}), "m"])],
    "columns by a run before the last ones": [
        made(1, ["a"], [BY_COLUMN]),
        stating(made(2, ["a"], ["n"]), "z", "a"),
        stating(made(3, ["a"], ["n"]), "z", "a"),
        made(4, ["b"], ["n"]),
    ],
    "one of two edges": [
        made(1, ["a", "b"], ["n", "m"]),
        made(2, ["a", "b"], [BY_COLUMN, dataset("m", columnLineage=made_of(x="b.x"))]),
    ],
    "before a run that fails": [
        made(1, ["a"], [BY_COLUMN]),
        {**made(2, ["b"], [BY_COLUMN]), "eventType": "FAIL"},
        made(3, ["b"], ["n"]),
    ],
    "before more runs that fail than are looked at first": [
        made(1, ["a"], [BY_COLUMN]),
        *({**made(second, ["b"], [BY_COLUMN]), "eventType": "FAIL"} for second in range(2, 6)),
        made(6, ["b"], ["n"]),
    ],
    "of two runs that ended at once": [
        made(1, ["z"], [BY_COLUMN]),
        made(2, ["a"], [BY_COLUMN]),
        {**made(2, ["b"], ["n"]), "run": {"runId": "r1b", "facets": {}}},
        made(3, ["m"], ["n"]),
    ],
    "a run that names no dataset": [made(1, ["a"], [BY_COLUMN]), made(2, [], []), made(3, ["b"], ["n"])],
    "another tool, that of a failed run": [
        made(1, ["a"], [BY_COLUMN]),
        by_tool({**made(2, ["a"], [BY_COLUMN]), "eventType": "FAIL"}, "SPARK"),
        by_tool(made(3, ["b"], [BY_COLUMN]), "FLINK"),
    ],
    "another tool, by an event after the run's end": [
        made(1, ["a"], [BY_COLUMN]),
        made(3, ["a"], [BY_COLUMN]),
        by_tool({**made(4, ["a"], [BY_COLUMN]), "eventType": "OTHER", "run": {"runId": "r1", "facets": {}}}, "SPARK"),
        made(6, ["b"], [BY_COLUMN]),
    ],
    "a first run that fails, and one that did not end": [
        {**made(1, ["a"], ["n"]), "eventType": "FAIL"},
        made(2, ["a"], ["n"]),
        {**made(3, ["b"], ["n"]), "eventType": "START"},
    ],
}


def check(events: Sequence[Json], store: SqliteStore, rules: IdentityRules, *, is_local: bool) -> None:
    """At the time of each event, each dataset has the lineage of a graph of what had happened by then."""
    for time in sorted({time_of(event) for event in events}):
        with closing(SqliteStore(Path(":memory:"))) as fresh:
            write(fresh, [happened(events, time)], rules)
            for name in names_in(store):
                with closing(as_of(store, time, rules)) as past:
                    assert list(walks(past, name)) == list(walks(fresh, name)), f"as of {time}"
                    assert past.is_whole is not is_local
                with closing(as_of(store, time, rules)) as past:
                    assert list(answers(past, [name])) == list(answers(fresh, [name])), f"as of {time}"


def orders(events: Sequence[Json]) -> Iterator[Sequence[Json]]:
    """Yields events in their order, the last one first, and backwards."""
    yield events
    yield [*events[-1:], *events[:-1]]
    yield events[::-1]


def check_orders(events: Sequence[Json]) -> None:
    """Checks a history in the orders in which it may arrive."""
    for order in orders(events):
        with closing(SqliteStore(Path(":memory:"))) as store:
            write(store, [[event] for event in order])
            check(events, store, IdentityRules.of(), is_local=True)


@pytest.mark.parametrize("history", HISTORIES)
def test_jobs_that_changed(history: str) -> None:
    """In order or late, a job is found by what it gave."""
    check_orders(HISTORIES[history])


def test_siblings_that_follow_siblings_at_once() -> None:
    """In one batch two siblings take the place of two others, so that the job is as unsettled as before."""
    events = [
        made(1, ["a"], ["n"], FIRST),
        made(2, ["b"], ["m"], FIRST),
        made(3, ["c"], ["x"], SECOND),
        made(4, ["d"], ["y"], SECOND),
    ]
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, [events[:2], events[2:]])
        check(events, store, IdentityRules.of(), is_local=True)


RENAMINGS: dict[str, list[Json]] = {
    "by an event of the dataset": [made(1, ["a"], ["n"]), renamed(2, "n", "m"), made(3, ["m"], ["z"])],
    "declared of the old name": [
        dataset_event(1, dataset("n", lineage={"inputs": [{"type": "DATASET", **dataset("a")}]})),
        renamed(2, "n", "m"),
    ],
    "twice": [made(1, ["a"], ["n"]), renamed(2, "n", "m"), renamed(3, "m", "z")],
    "back": [made(1, ["a"], ["n"]), renamed(2, "n", "m"), renamed(3, "m", "n")],
    "to one of two, one after the other": [made(1, ["a"], ["n"]), renamed(2, "n", "m"), renamed(3, "n", "z")],
    "by the output of a run": [
        made(1, ["a"], ["n"]),
        made(2, ["b"], [renamed(2, "n", "m")["dataset"]]),
    ],
    "the target of a far job": [made(1, ["a"], ["n"]), renamed(2, "n", "m"), renamed(3, "a", "b")],
}


@pytest.mark.parametrize("history", RENAMINGS)
def test_renamed_datasets(history: str) -> None:
    """Lineage of an old name is found at the new one, and at the old one as of before."""
    check_orders(RENAMINGS[history])


DROPS: dict[str, list[Json]] = {
    "a target": [made(1, ["a"], ["n"]), dropped(2, "n")],
    "a source": [made(1, ["a"], ["n"]), dropped(2, "a")],
    "a table on the way": [made(1, ["a"], ["n"]), made(2, ["m"], ["z"]), dropped(3, "n")],
    "by its own word made from another": [
        made(1, ["b"], [dataset("n", lineage={"inputs": [{"type": "DATASET", **dataset("a")}]})]),
        dropped(2, "n"),
    ],
    "and made again from another": [made(1, ["a"], ["n"]), dropped(2, "n"), made(3, ["b"], ["n"])],
    "after a job that ran was retired": [made(1, ["a"], ["n"]), of_job(JobName("dbt", "j"), at(2)), dropped(3, "n")],
    "after its job declared another source": [
        made(1, ["a"], ["n"]),
        job_event(2, inputs=["b"], outputs=["n"]),
        dropped(3, "n"),
    ],
    "by the input of a streaming run": [
        made(1, ["a"], ["n"]),
        run_event(
            "START",
            2,
            run="s",
            job="k",
            inputs=[dataset("n", lifecycleStateChange={"lifecycleStateChange": "DROP"})],
            job_facets=STREAMING,
        ),
    ],
}


RETIRED: dict[str, list[Json]] = {
    "by an event of the job": [made(1, ["a"], ["n"]), of_job(JobName("dbt", "j"), at(2))],
    "by what the job declares": [made(1, ["a"], ["n"]), job_event(2, inputs=["b"], outputs=["n"])],
}


@pytest.mark.parametrize("history", RETIRED)
def test_jobs_that_do_what_they_did_no_more(history: str) -> None:
    """A job that ran, and declares since that it is no more or does something else, is found by what its runs gave."""
    check_orders(RETIRED[history])


ENDING: dict[str, list[Json]] = {
    "a run that ends, and states so at its end": [
        run_event("COMPLETE", 2, run="s", inputs=["a"], outputs=["n"], job_facets=STREAMING),
        run_event("RUNNING", 3, inputs=["m"], outputs=["n"]),
        run_event("COMPLETE", 4, inputs=["b"], outputs=["n"], job_facets=BATCH),
    ],
    "a run that ends, and states so at its beginning": [
        run_event("COMPLETE", 2, run="s", inputs=["a"], outputs=["n"], job_facets=STREAMING),
        run_event("START", 3, outputs=["n"], job_facets=BATCH),
        run_event("RUNNING", 4, inputs=["m"], outputs=["n"]),
        run_event("COMPLETE", 5, inputs=["b"], outputs=["n"]),
    ],
    "a run that ends before the stream begins": [
        run_event("RUNNING", 1, inputs=["m"], outputs=["n"]),
        run_event("COMPLETE", 2, inputs=["b"], outputs=["n"], job_facets=BATCH),
        run_event("RUNNING", 3, run="s", inputs=["a"], outputs=["n"], job_facets=STREAMING),
    ],
    "a run that failed before it says that it streams": [
        job_event(1),
        run_event("FAIL", 2, outputs=[dataset("n", lineage={"inputs": [{"type": "DATASET", **dataset("a")}]})]),
        run_event("START", 3, job_facets=STREAMING),
    ],
    "a run that says only at its end that it streams": [
        run_event("START", 1, outputs=["n"]),
        run_event("RUNNING", 2, inputs=["a"]),
        run_event("ABORT", 3, job_facets=STREAMING),
    ],
}


@pytest.mark.parametrize("history", ENDING)
def test_jobs_that_stream_and_end(history: str) -> None:
    """Of a job that is a stream and a batch job, a run counts as it stated, once what it stated had happened."""
    for order in orders(ENDING[history]):
        with closing(SqliteStore(Path(":memory:"))) as store:
            write(store, [[event] for event in order])
            for time in map(time_of, order):
                check_moment(store, order, time)


@pytest.mark.parametrize("history", DROPS)
def test_dropped_datasets(history: str) -> None:
    """Lineage to a table that was dropped since is found from both of its ends."""
    check_orders(DROPS[history])


def test_names_that_are_one_by_rules_that_came_later() -> None:
    """After a reconcile to new rules, walks at a moment follow them, too."""
    rules = IdentityRules.of([[f"{REDSHIFT}/dev.s", f"{ATHENA}/awsdatacatalog.db"]])
    other = {"namespace": ATHENA, "name": "AwsDataCatalog.db.n", "facets": {}}
    events = [made(1, ["a"], ["n"]), made(2, ["b"], ["n"]), {**made(3, [other], ["z"]), "job": _named("other")}]
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, [[event] for event in events])
        carry_through(Reconcile(store, rules))
        check(events, store, rules, is_local=True)


def _named(job: str) -> Json:
    return {**made(1, [], [])["job"], "name": job}


def test_a_job_that_was_loaded_for_a_neighbour() -> None:
    """One walk draws first a job, which shares a linked table with another, and then that other one."""
    link = {"identifiers": [{"namespace": ATHENA, "name": "AwsDataCatalog.db.far"}]}
    far = {"namespace": ATHENA, "name": "AwsDataCatalog.db.far", "facets": {}}
    glue = {"namespace": ATHENA, "name": "AwsDataCatalog.db.mid", "facets": {}}
    events = [
        dataset_event(1, dataset("m", symlinks=link)),
        dataset_event(1, dataset("t", symlinks={"identifiers": [glue]})),
        {**made(2, ["a"], ["n", "t"])},
        {**made(3, ["n", glue], ["m"]), "job": _named("second")},
        {**made(4, [far], ["z"]), "job": _named("third")},
        {**made(5, ["b"], ["n", "t"])},
        {**made(6, ["b"], ["m"]), "job": _named("second")},
    ]
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, [[event] for event in events])
        check(events, store, IdentityRules.of(), is_local=True)


def test_a_run_states_later_that_it_ends() -> None:
    """Until it has ended, only the type of its job decides whether its events are snapshots."""
    stream, batch = ({"jobType": {"processingType": kind, "integration": "FLINK"}} for kind in ("SERVICE", "BATCH"))
    events = [
        run_event("START", 4, run="r0", outputs=[dataset("n", columnLineage=made_of(x="a.x"))], job_facets=stream),
        run_event("RUNNING", 5, run="r1", inputs=["b"]),
        run_event("RUNNING", 7, run="r1", job_facets=batch),
        run_event("COMPLETE", 9, run="r1", outputs=["m"]),
    ]
    check_orders(events)
    check_orders(events[:3])
