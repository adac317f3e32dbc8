"""Retiring: what was retired is not current, whatever the order of events, and a later event brings it back."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consumer.lineage import retirement
from consumer.lineage.facts.keys import JobName
from consumer.render import export_json
from schemas.naming import DatasetName
from tests.support.graph.example_graphs import REDSHIFT, graph, job, table

JOBS = ("a", "b")


def at(moment: int) -> str:
    """A time."""
    return f"2026-01-{moment + 1:02}T00:00:00Z"


def ran(name: str, moment: int) -> dict[str, Any]:
    """A completed run of a job from `source` to a table of its own."""
    event = job(table(name), table("source"), name=name)
    return {
        **event,
        "eventTime": at(moment),
        "eventType": "COMPLETE",
        "run": {"runId": f"01941f29-7c00-7000-8000-{JOBS.index(name):06}{moment:06}"},
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }


def declared(name: str, moment: int) -> dict[str, Any]:
    """A JobEvent of the same."""
    return {**job(table(name), table("source"), name=name), "eventTime": at(moment)}


def retired(name: str, moment: int) -> dict[str, Any]:
    """The event that retires a job."""
    return retirement.of_job(JobName("dbt", name), at(moment))


def dropped(name: str, moment: int) -> dict[str, Any]:
    """The event that retires a job's table."""
    return retirement.of_dataset(DatasetName(*table(name)), at(moment))


Happened = list[tuple[int, str, str]]
"""Moments, each once, with a kind of event and a job."""

KINDS = {"ran": ran, "declared": declared, "retired": retired}
HISTORIES = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from(sorted(KINDS)), st.sampled_from(JOBS)),
    max_size=8,
    unique_by=lambda one: one[0],
)


def exported(events: list[Any]) -> dict[str, Any]:
    """What a graph of events exports."""
    return export_json.document(graph(events))


@given(HISTORIES, st.randoms(use_true_random=False))
def test_only_what_came_after_counts(happened: Happened, chance: random.Random) -> None:
    """A job has its edges exactly if something of it came after it was last retired, in any order of events."""
    events = [KINDS[kind](name, moment) for moment, kind, name in happened]
    found = exported(events)
    shuffled = events + chance.choices(events, k=3) if events else []
    chance.shuffle(shuffled)
    assert exported(shuffled) == found
    writes = {job_[1] for job_, _ in found["writes"]}
    for name in JOBS:
        last = {
            kind: max((at for at, of, job_ in happened if (of, job_) == (kind, name)), default=-1) for kind in KINDS
        }
        assert (name in writes) == (max(last["ran"], last["declared"]) > last["retired"])


@given(st.permutations(range(3)))
def test_a_dropped_table_comes_back_with_a_later_write(order: list[int]) -> None:
    """Without its edges once it is retired; with them once a later run has written it."""
    events = [ran("a", 1), dropped("a", 2), ran("a", 3)]
    gone = exported([events[one] for one in order if one != 2])
    back = exported([events[one] for one in order])
    edge = [[REDSHIFT, "dev.s.source"], [REDSHIFT, "dev.s.a"], ["dbt", "a"]]
    assert edge not in gone["dataset_edges"]
    assert edge in back["dataset_edges"]
    assert {run["id"] for run in gone["runs"]} < {run["id"] for run in back["runs"]}


def test_nodes_that_a_manifest_no_longer_has() -> None:
    """Those of the project alone, with their tests; never a job of another project, package, kind or namespace."""
    jobs = [
        JobName("dbt", "model.shop.old"),
        JobName("dbt", "model.shop.old.test"),
        JobName("dbt", "model.shop.kept"),
        JobName("dbt", "shop/model.utils.dates"),
        JobName("dbt", "other/model.utils.dates"),
        JobName("dbt", "model.utils.dates"),
        JobName("dbt", "dbt-run-shop"),
        JobName("dbt", "exposure.shop.page"),
        JobName("prod", "model.shop.old"),
    ]
    found = retirement.deleted_nodes(jobs, "dbt", "shop", {"model.shop.kept"})
    assert [job_.name for job_ in found] == ["model.shop.old", "model.shop.old.test", "shop/model.utils.dates"]
