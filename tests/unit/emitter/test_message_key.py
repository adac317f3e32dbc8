"""The message key: what shares a partition."""

from typing import Any

import pytest
from openlineage.client.event_v2 import DatasetEvent, Job, JobEvent, Run, RunEvent, RunState, StaticDataset
from openlineage.client.facet_v2 import parent_run
from openlineage.client.serde import Serde

from emitter.message_key import message_key

ID = "0190a2b8-0000-7000-8000-000000000000"
TIME = "2026-01-01T00:00:00Z"


def run_event(parent: parent_run.ParentRunFacet | None = None) -> RunEvent:
    """Makes an event of the job `dbt/model`."""
    return RunEvent(
        eventType=RunState.START,
        eventTime=TIME,
        run=Run(runId=ID, facets={"parent": parent} if parent else {}),
        job=Job(namespace="dbt", name="model"),
    )


def parent(root: str | None = None) -> parent_run.ParentRunFacet:
    """Makes a parent facet, with a root where one is named."""
    return parent_run.ParentRunFacet(
        run=parent_run.Run(runId=ID),
        job=parent_run.Job(namespace="dbt", name="dbt-run"),
        root=parent_run.Root(run=parent_run.RootRun(runId=ID), job=parent_run.RootJob(namespace="airflow", name=root))
        if root
        else None,
    )


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (run_event(parent(root="dag")), b"airflow/dag"),
        (run_event(parent()), b"dbt/dbt-run"),
        (run_event(), b"dbt/model"),
        (JobEvent(eventTime=TIME, job=Job(namespace="dbt", name="model")), b"dbt/model"),
        (DatasetEvent(eventTime=TIME, dataset=StaticDataset(namespace="s3://b", name="t")), b"s3://b/t"),
    ],
)
def test_the_key_is_the_root_job(event: Any, key: bytes) -> None:
    """Root, else parent, else the job itself; a dataset event has its dataset."""
    assert message_key(Serde.to_dict(event)) == key


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (
            {"run": {"facets": {"parent": {"root": {"job": {"name": "dag"}}}}}, "job": {"namespace": "a", "name": "b"}},
            b"a/b",
        ),
        ({"run": {"facets": {"parent": "broken"}}, "job": {"namespace": "a", "name": "b"}}, b"a/b"),
        ({"job": {"namespace": "a", "name": "\ud800é"}}, rb"a/\ud800" + "é".encode()),
        ({}, b""),
    ],
)
def test_a_broken_event_still_has_a_key(event: dict[str, Any], key: bytes) -> None:
    """Whoever emits such an event gets it delivered: judging it is the consumer's part."""
    assert message_key(event) == key
