"""Alerts on every store: judged once, stored in order, delivered from where a channel was."""

from __future__ import annotations

from consumer.alerts.cloud_event import CloudEvent
from consumer.alerts.declarations import Channel, Rule
from consumer.alerts.delivery import Delivery, Terms
from consumer.alerts.evaluation import Evaluation, Parts
from consumer.alerts.journal import Journal
from consumer.alerts.meter import UnmeteredAlerts
from consumer.alerts.settling import Settling
from consumer.graph import change_log
from consumer.graph.store import GraphStore
from consumer.maintenance.leased_task import JobLease
from tests.support.alerts.alert_rig import Recording
from tests.support.graph.example_graphs import table
from tests.support.graph.graph_of_events import write
from tests.support.graph.run_events import run_event

A, B, C = (table(name) for name in "abc")
NOW = 1_767_300_000.0


def evaluation(store: GraphStore, owner: str) -> Evaluation:
    """The evaluation of one process."""
    rules = (Rule(name="lost", kind="lost_source"), Rule(name="failed", kind="run_failed"))
    lease = JobLease(store, "alerts", owner, lambda: NOW)
    settling = Settling(0.0, 0.0, lambda: 0.0)
    return Evaluation(Parts(store, rules, lease, "", settling, lambda: NOW, UnmeteredAlerts(), keep_s=1e9))


def delivered(store: GraphStore) -> list[CloudEvent]:
    """The events that a channel has got once nothing is due."""
    channel, declared = Recording(most=1), Channel(name="c", type="kafka", topic="t")
    lease = JobLease(store, "alerts c", "one", lambda: NOW)
    terms = Terms("/headwater", (), 60.0, lambda: NOW, lambda: 0.0)
    delivery = Delivery(declared, channel, Journal(store), lease, terms, UnmeteredAlerts())
    while delivery.turn():
        pass
    return channel.got


def happens(store: GraphStore, *events: dict[str, object]) -> None:
    """Writes events; their changes are in the outbox."""
    write(store, [events])


def test_alerts_are_stored_and_delivered_once(store: GraphStore) -> None:
    """A change, and a condition that begins and ends, by two processes one after the other."""
    first = evaluation(store, "first")
    happens(store, run_event("COMPLETE", "10:00", A), run_event("COMPLETE", "10:01", C, A, B))
    assert first.turn()
    happens(store, run_event("COMPLETE", "11:00", C, A, run="2"), run_event("FAIL", "11:01", A, run="2"))
    assert first.turn()
    assert first.turn()
    assert [(entry.number, entry.rule, entry.open) for entry in Journal(store).all()] == [
        (1, "failed", True),
        (2, "lost", False),
    ]
    assert not change_log.pending(store, 10)
    assert [event.rule for event in delivered(store)] == ["failed", "lost"]
    assert delivered(store) == []
    first.close()
    second = evaluation(store, "second")
    happens(store, run_event("COMPLETE", "12:00", A, run="3"))
    assert second.turn()
    assert [entry.open for entry in Journal(store).all()] == [False, False]
