"""A rolling deployment on a real broker: runs whose events are split between two processes leave one process's graph.

One member owns both partitions of the topic, a second one joins and takes one of them, is ended by SIGTERM, and the
first one gets its partition back. It knows the jobs from before, and what it knows of them is old by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.brokers.consuming_processes import Field, export_of
from tests.support.events.event_builders import columns, dataset, made_of, run_event
from tests.support.processes.servers import KafkaBroker

pytestmark = pytest.mark.timeout(600)

Json = dict[str, Any]

BEGINS = ("START", "RUNNING", "COMPLETE")
ENDS = ("FAIL", "ABORT", "COMPLETE", None)
"""How runs begin with the second member, and how they end with the first one; None: not."""

NO_MAINTENANCE = {"MAINTENANCE__RECONCILE_EVERY_S": "0"}
"""The graph is right without a reconcile."""

KEYS = (b"of partition 0", b"of partition 1")


def of_job(number: int, begin: str, end: str | None) -> tuple[Json, Json, Json | None]:
    """Three events of one job: a run that completed, the beginning of another one, and its end."""
    job, table = f"job_{number:02}", f"t{number:02}"
    old = dataset(table, schema=columns("x"), columnLineage=made_of(x="old.x"))
    new = dataset(table, schema=columns("x", "y"), columnLineage=made_of(x="new.x", y="new.y"))
    return (
        run_event("COMPLETE", 1, run=f"{job}-r0", job=job, inputs=["old"], outputs=[old]),
        run_event(begin, 2, run=f"{job}-r1", job=job, inputs=["new"], outputs=[new]),
        None if end is None else run_event(end, 3, run=f"{job}-r1", job=job),
    )


def story() -> Iterator[tuple[Json, Json, Json | None]]:
    """Three events of each job; two jobs for each way to begin and to end."""
    for number, (begin, end, _) in enumerate(product(BEGINS, ENDS, range(2))):
        yield of_job(number, begin, end)


@pytest.mark.parametrize("returned", [True, False], ids=["to the same partition", "to the other partition"])
def test_a_second_replica_comes_and_goes(kafka_broker: KafkaBroker, tmp_path: Path, returned: bool) -> None:  # noqa: FBT001
    """The end of each run arrives where its beginning did, or in the other partition: the same graph either way."""
    first, begins, ends = zip(*story(), strict=True)
    last = [end for end in ends if end is not None]
    field = Field(kafka_broker, f"sqlite:///{tmp_path / 'graph.db'}", tmp_path, partitions=2, **NO_MAINTENANCE)

    def send(events: Sequence[Json], partition: int) -> None:
        field.send([(KEYS[partition], orjson.dumps(event)) for event in events])

    with field.consuming("stays") as stays:
        field.until_shares("stays", under_load=False)
        # In this order each key gets its partition.
        send(first[::2], 0)
        send(first[1::2], 1)
        field.until_lag(0)
        with field.consuming("comes") as comes:
            field.until_shares("stays", "comes", under_load=False)
            (theirs,) = kafka_broker.shares(field.group)["comes"]
            send(begins, theirs)
            field.until_lag(0)
            comes.stop()
        field.until(lambda: kafka_broker.shares(field.group) == {"stays": {0, 1}}, "one member has both partitions")
        send(last, theirs if returned else 1 - theirs)
        field.until_lag(0)
        stays.stop()
    field.check(export_of([orjson.dumps(event) for event in (*first, *begins, *last)], tmp_path))
