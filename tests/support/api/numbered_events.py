"""Run events of one model each, told apart by a number."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState

from tests.support.processes.command_line import headwater

MODEL = "model.p.m"


def event(number: int) -> RunEvent:
    """A run event of a model of its own."""
    return RunEvent(
        eventType=RunState.COMPLETE,
        eventTime=datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
        run=Run(runId=str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))),
        job=Job(namespace="dbt", name=f"{MODEL}{number}"),
        producer="https://example.com",
        inputs=[InputDataset(namespace="s3://bucket", name=f"in/{number}")],
        outputs=[OutputDataset(namespace="s3://bucket", name=f"out/{number}")],
    )


def body(number: int) -> bytes:
    """The same as JSON."""
    from openlineage.client.serde import Serde  # noqa: PLC0415 -- after the client has set up its classes

    return str(Serde.to_json(event(number))).encode()


def exported(graph: str) -> set[str]:
    """The names of the jobs in a graph."""
    done = headwater("export", "--graph", graph)
    assert done.exit_code == 0, done.output
    return {job["name"] for job in json.loads(done.stdout)["jobs"]}
