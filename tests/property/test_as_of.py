"""Law 6: the graph as of a moment is a fresh graph of what had happened by then."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.graph import schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.history.past_graph import PastGraph, as_of
from consumer.lineage.identity import IdentityRules
from schemas.naming import DatasetName
from schemas.timestamps import canonical_time
from tests.support.events.event_builders import dataset, run_event
from tests.support.events.event_strategies import ATHENA, GLUE, REDSHIFT, TIMES, events, run_events
from tests.support.examples import examples
from tests.support.graph.asked import answers, names_in, walks
from tests.support.graph.graph_of_events import difference, embedded_whole, shuffled, whole, write
from tests.support.graph.happened import happened, of_one_kind

RULES = st.sampled_from((IdentityRules.of(), IdentityRules.of([[GLUE, ATHENA], [f"{GLUE}/db", f"{REDSHIFT}/dev.db"]])))
MOMENTS = st.sampled_from(TIMES).map(canonical_time)


BATCH = {"jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"}}
TIES = ("symlinks", "lifecycleStateChange")
"""Facets that let the past of a name be another one than what its jobs say of it."""


def untied(document: Any) -> Any:
    """An event without links, drops and renamings of datasets, as most producers send it."""
    document = deepcopy(document)
    datasets = [*document.get("inputs", ()), *document.get("outputs", ())]
    datasets += [document["dataset"]] if "dataset" in document else []
    for each in datasets:
        for facet in TIES:
            each.get("facets", {}).pop(facet, None)
    return document


def runs_of_few_jobs() -> st.SearchStrategy[list[Any]]:
    """Runs that end, of one job or two: most of them latest, former, or siblings of one another."""
    job = st.sampled_from(("j1", "j1", "j1", "j2")).map(
        lambda name: {"namespace": "dbt", "name": name, "facets": BATCH}
    )
    kinds = st.sampled_from(("COMPLETE", "COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "START"))
    ended = st.builds(
        lambda document, kind, job: {**document, "eventType": kind, "job": job}, run_events(linked=False), kinds, job
    )
    return st.lists(ended.map(untied), min_size=2, max_size=8)


def asked(
    store: GraphStore, time: str, seed: int, rules: IdentityRules | None = None
) -> Iterator[tuple[DatasetName, PastGraph]]:
    """Yields each name with the past to ask: one that knows what was asked of others, or a new one for each name."""
    names = names_in(store)
    random.Random(seed).shuffle(names)
    size = max(1, len(names)) if seed % 2 else 1
    for first in range(0, len(names), size):
        with closing(as_of(store, time, rules)) as past:
            yield from ((name, past) for name in names[first : first + size])


RENAMED = {
    "eventTime": TIMES[2],
    "dataset": {
        "namespace": ATHENA,
        "name": "AwsDataCatalog.db.a",
        "facets": {
            "lifecycleStateChange": {
                "lifecycleStateChange": "RENAME",
                "previousIdentifier": {"namespace": ATHENA, "name": "AwsDataCatalog.db.c"},
            }
        },
    },
}
DECLARED = {
    "eventTime": TIMES[1],
    "dataset": {
        "namespace": ATHENA,
        "name": "AwsDataCatalog.db.c",
        "facets": {"lineage": {"inputs": [{"type": "DATASET", "namespace": REDSHIFT, "name": "dev.db.c"}]}},
    },
}
"""Lineage of a table that then got another name."""

STREAMED = run_event(
    "START",
    0,
    outputs=[dataset("a")],
    job_facets={"jobType": {**BATCH["jobType"], "processingType": "STREAMING"}},
    run_facets={"parent": {"run": {"runId": "p"}, "job": {"namespace": "dbt", "name": "all"}}},
)
ROOTED = {**STREAMED, "eventTime": TIMES[1], "run": {**STREAMED["run"], "facets": {"parent": {"root": {}}}}}
"""A streaming run, and an event that no longer states its parent."""


def check_walks(documents: list[Any], seed: int, time: str) -> None:
    """Walks from each dataset are those of a graph of what had happened by then, without drawing the whole graph."""
    documents = of_one_kind(documents)
    with closing(SqliteStore(Path(":memory:"))) as store, closing(SqliteStore(Path(":memory:"))) as fresh:
        write(store, shuffled(documents, seed, 4))
        write(fresh, [happened(documents, time)])
        for name, past in asked(store, time, seed):
            assert list(walks(past, name)) == list(walks(fresh, name)), f"as of {time}"
            assert not past.is_whole


@settings(max_examples=examples(50), deadline=None)
@given(runs_of_few_jobs(), st.integers(0, 2**32), MOMENTS)
def test_a_walk_finds_former_runs(documents: list[Any], seed: int, time: str) -> None:
    """Jobs that wrote, read or stated something else before, in whatever order that arrives."""
    check_walks(documents, seed, time)


@settings(max_examples=examples(50), deadline=None)
@given(events().map(lambda documents: [untied(document) for document in documents]), st.integers(0, 2**32), MOMENTS)
def test_a_walk_finds_what_had_happened_by_then(documents: list[Any], seed: int, time: str) -> None:
    """Lineage as of T is that of a graph of what had happened by T, read from jobs that are what they were, or not."""
    check_walks(documents, seed, time)


@settings(max_examples=examples(50), deadline=None)
@given(events(), st.integers(0, 2**32), MOMENTS, RULES)
@example([DECLARED, RENAMED], 0, canonical_time(TIMES[2]), IdentityRules.of())
@example([STREAMED, ROOTED], 0, canonical_time(STREAMED["eventTime"]), IdentityRules.of())
def test_what_is_asked_of_one_dataset_is_what_had_happened_by_then(
    documents: list[Any], seed: int, time: str, rules: IdentityRules
) -> None:
    """Each question about a dataset has the answer of a graph of what had happened by T, read from its surroundings."""
    documents = of_one_kind(documents)
    with closing(SqliteStore(Path(":memory:"))) as store, closing(SqliteStore(Path(":memory:"))) as fresh:
        write(store, shuffled(documents, seed, 4), rules)
        write(fresh, [happened(documents, time)], rules)
        for name, past in asked(store, time, seed, rules):
            assert list(answers(past, [name])) == list(answers(fresh, [name])), f"as of {time}"


@settings(max_examples=examples(75), deadline=None)
@given(events(), st.integers(0, 2**32), MOMENTS, RULES)
@example([STREAMED, ROOTED], 0, canonical_time(STREAMED["eventTime"]), IdentityRules.of())
def test_the_past_is_what_had_happened_by_then(
    documents: list[Any], seed: int, time: str, rules: IdentityRules
) -> None:
    """Shuffled, repeated and cut into batches, whatever came late: as of T equals a graph of what had happened by T."""
    documents = of_one_kind(documents)
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, shuffled(documents, seed, 4), rules)
        with closing(as_of(store, time, rules)) as past:
            found, parents = whole(past), sorted(edge.id for edge in past.edges(schema.CHILD_OF))
    with closing(SqliteStore(Path(":memory:"))) as fresh:
        write(fresh, [happened(documents, time)], rules)
        assert parents == sorted(edge.id for edge in fresh.edges(schema.CHILD_OF)), f"as of {time}"
    changed = difference(found, embedded_whole([happened(documents, time)], rules))
    assert not changed, f"as of {time} the graph is not what had happened by then:\n{changed}"
