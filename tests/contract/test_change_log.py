"""The log of changes and its outbox on every store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from consumer.graph import change_log, ids, schema
from consumer.graph.store import Change, GraphStore, NotExists, PropertyEquals, Vertex
from consumer.lineage import changes
from consumer.lineage.changes import ChangeRecord, Kind
from consumer.lineage.facts.keys import JobName
from schemas.naming import DatasetName
from tests.support.graph.all_stores import Graph

JOB = JobName("dbt", "model.shop.orders")
ORDERS, RAW = DatasetName("db", "shop.orders"), DatasetName("db", "shop.raw/orders")


def record(second: int, *, column: str = "id") -> ChangeRecord:
    """A record of one column that is read, and of a type that changed."""
    return ChangeRecord(
        f"2026-11-21T05:00:0{second}.000000Z",
        (
            changes.Change(Kind.COLUMN_EDGE_ADDED, ORDERS, column, RAW, "id", "", "DIRECT/IDENTITY"),
            changes.Change(Kind.TYPE_CHANGED, ORDERS, column, before="int", after="bigint"),
        ),
        JOB,
        f"run-{second}",
        commit="4681bc5",
    )


@pytest.fixture
def store(graph: Graph) -> Iterator[GraphStore]:
    """A store that has the job, and records of seconds 1, 3 and 2, written in this order."""
    with closing(graph.connect()) as opened:
        opened.write([Change(Vertex(ids.job(JOB), schema.JOB, {"rev": "0"}), NotExists(), PropertyEquals("rev", "0"))])
        for name in (ORDERS, RAW):
            opened.write(
                [Change(Vertex(ids.name(name), schema.NAME, {"rev": "0"}), NotExists(), PropertyEquals("rev", "0"))]
            )
        for count, second in enumerate((1, 3, 2)):
            before, after = PropertyEquals("rev", str(count)), PropertyEquals("rev", str(count + 1))
            job = Vertex(ids.job(JOB), schema.JOB, {"rev": after.value})
            assert not opened.write([Change(job, before, after, change_log.steps_of(record(second), str(count)))])
        yield opened


def test_the_log_is_in_the_order_of_event_times(store: GraphStore) -> None:
    """Pages are read from the beginning, from a cursor, or from a time."""
    first = change_log.changes_since(store, "", 2)
    assert [entry.record for entry in first] == [record(1), record(2)]
    following = change_log.changes_since(store, first[-1].cursor, 2)
    assert [entry.record for entry in following] == [record(3)]
    since = change_log.changes_since(store, change_log.cursor_at(record(2).time), 9)
    assert [entry.record for entry in since] == [record(2), record(3)]
    assert change_log.changes_of(store, [ids.job(JOB)]) == [*first, *following]
    assert change_log.changes_of(store, [ids.job(JOB), ids.name(RAW)]) == [*first, *following]


def test_the_outbox_holds_what_is_not_acknowledged(store: GraphStore) -> None:
    """A record leaves the outbox once it is acknowledged, as often as that comes, and stays in the log."""
    waiting = change_log.pending(store, 2)
    assert [entry.record for entry in waiting] == [record(1), record(2)]
    change_log.acknowledge(store, waiting)
    change_log.acknowledge(store, waiting)
    assert [entry.record for entry in change_log.pending(store, 9)] == [record(3)]
    assert len(change_log.changes_since(store, "", 9)) == 3


def test_a_record_is_what_was_written() -> None:
    """Text and back, and equal records alone have one id."""
    assert change_log.load(change_log.dump(record(1))) == record(1)
    assert record(1).id == record(1).id
    assert len({record(1).id, record(2).id, record(1, column="name").id}) == 3


def test_breaking_changes() -> None:
    """A changed type may break a reader, a new edge does not."""
    assert record(1).is_breaking
    assert not record(1)._replace(changes=record(1).changes[:1]).is_breaking
