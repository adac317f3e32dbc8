"""Short histories in which everything happens that the past of a dataset follows from, for hypothesis.

Four tables and two jobs: runs that end, fail and stream, or of one job both; tables that are dropped, renamed and
linked; lineage that runs, jobs and datasets state; jobs that are retired. Each event is a second after the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from consumer.lineage.facts.keys import JobName
from consumer.lineage.retirement import of_job
from tests.support.events.event_builders import (
    BATCH,
    PRODUCER,
    STREAMING,
    at,
    columns,
    dataset,
    dataset_event,
    dropped,
    job_event,
    made_of,
    renamed,
    run_event,
)
from tests.support.events.event_strategies import ATHENA

Json = dict[str, Any]
TABLES: Sequence[str] = "abnm"
JOBS: Sequence[str] = "jk"
STREAMED = "k"
"""The job that also streams, in runs of their own."""

_tables, _jobs = st.sampled_from(TABLES), st.sampled_from(JOBS)


@st.composite
def _run(draw: st.DrawFn, second: int) -> Json:
    source, target, job = draw(_tables), draw(_tables), draw(_jobs)
    output = draw(st.sampled_from((dataset(target), dataset(target, columnLineage=made_of(x=f"{source}.x")))))
    kind = draw(st.sampled_from(("COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "START")))
    run, facets = f"r{draw(st.integers(0, 3))}{job}", draw(st.sampled_from((BATCH, None)))
    event = run_event(kind, second, run=run, job=job, inputs=[source], outputs=[output], job_facets=facets)
    return {**event, "producer": draw(st.sampled_from((PRODUCER, f"{PRODUCER}/other")))}


@st.composite
def _streamed(draw: st.DrawFn, second: int) -> Json:
    kind, run = draw(st.sampled_from(("START", "RUNNING", "COMPLETE"))), f"s{draw(st.integers(0, 1))}"
    inputs, outputs = [draw(_tables)], [draw(_tables)]
    return run_event(kind, second, run=run, job=STREAMED, inputs=inputs, outputs=outputs, job_facets=STREAMING)


@st.composite
def _run_with_facet(draw: st.DrawFn, second: int) -> Json:
    change = draw(st.sampled_from(("DROP", "TRUNCATE", "CREATE")))
    stated = draw(st.lists(_tables.map(_entry), max_size=1))
    facets: Sequence[Json] = (
        {"lifecycleStateChange": {"lifecycleStateChange": change}},
        {"lineage": {"inputs": stated}},
    )
    output = dataset(draw(_tables), **draw(st.sampled_from(facets)))
    return run_event("COMPLETE", second, run=f"q{second}", job=draw(_jobs), inputs=[draw(_tables)], outputs=[output])


@st.composite
def _about_dataset(draw: st.DrawFn, second: int) -> Json:
    table, other = draw(_tables), draw(_tables)
    link = {"namespace": ATHENA, "name": f"AwsDataCatalog.db.{other}", "type": "TABLE"}
    facets: Sequence[Json] = (
        {"lineage": {"inputs": [_entry(other)]}},
        {"symlinks": {"identifiers": draw(st.sampled_from(([], [link])))}},
        {"schema": columns(draw(st.sampled_from("xyz")))},
    )
    return dataset_event(second, dataset(table, **draw(st.sampled_from(facets))))


@st.composite
def _changed_dataset(draw: st.DrawFn, second: int) -> Json:
    table, other = draw(_tables), draw(_tables)
    return renamed(second, table, other) if table != other and draw(st.booleans()) else dropped(second, table)


@st.composite
def _about_job(draw: st.DrawFn, second: int) -> Json:
    if draw(st.booleans()):
        return of_job(JobName("dbt", draw(_jobs)), at(second))
    return job_event(second, inputs=[draw(_tables)], outputs=[draw(_tables)])


def _entry(table: str) -> Json:
    return {"type": "DATASET", **{key: value for key, value in dataset(table).items() if key != "facets"}}


def _events(second: int) -> st.SearchStrategy[Json]:
    run = _run(second)
    others = (_streamed, _run_with_facet, _about_dataset, _changed_dataset, _about_job)
    return st.one_of(run, run, run, *(kind(second) for kind in others))


def histories(most: int = 5) -> st.SearchStrategy[list[Json]]:
    """Histories of at least two events, in any order of arrival."""
    lengths = st.integers(2, most)
    return lengths.flatmap(
        lambda count: st.tuples(*(_events(second) for second in range(1, count + 1))).flatmap(st.permutations)
    )
