"""Alerting on an embedded graph: events are written, time passes, and what a channel got is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from consumer.alerts.channels.channel import Channel as Port
from consumer.alerts.cloud_event import CloudEvent
from consumer.alerts.declarations import Channel, Mute, Rule, shipped_rules
from consumer.alerts.delivery import Delivery, Terms
from consumer.alerts.evaluation import Evaluation, Parts
from consumer.alerts.journal import Entry, Journal
from consumer.alerts.meter import UnmeteredAlerts
from consumer.alerts.settling import Settling
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.maintenance.leased_task import JobLease
from tests.support.graph.graph_of_events import write

BEGIN = "2026-01-01T00:00:00Z"


class Recording:
    """A channel that keeps what it gets, and fails as it is asked to.

    Attributes:
        got: The events that it has acknowledged, in order.
        tried: The ids of all events that were sent, also those that failed.
        failures: Raised by the next sendings, one each.
        refuses: Raised for a request that holds an event with one of these ids.
    """

    def __init__(self, most: int = 10) -> None:
        self.most = most
        self.got: list[CloudEvent] = []
        self.tried: list[str] = []
        self.failures: list[Exception] = []
        self.refuses: dict[str, Exception] = {}
        self.closed = False

    def send(self, events: Sequence[CloudEvent]) -> None:
        """Keeps events."""
        self.tried += [event.id for event in events]
        if self.failures:
            raise self.failures.pop(0)
        for event in events:
            if event.id in self.refuses:
                raise self.refuses[event.id]
        self.got += events

    def close(self) -> None:
        """Notes it."""
        self.closed = True


class Rig:
    """A graph with alerting on it.

    Args:
        rules: The rules; those that Headwater ships if none are given.
        page_url: URL of the page.
    """

    def __init__(self, rules: Sequence[Rule] = (), page_url: str = "https://lineage.example") -> None:
        self.store: GraphStore = SqliteStore(Path(":memory:"))
        self.rules = rules or shipped_rules()
        self.now = datetime.fromisoformat(BEGIN).timestamp()
        self._page_url = page_url
        self._processes = 0
        self.evaluation = self.process()

    def process(self) -> Evaluation:
        """The evaluation of a process of its own, as after a crash of the one before."""
        self._processes += 1
        settling = Settling(0.0, 0.0, lambda: 0.0)
        lease = JobLease(self.store, "alerts", f"process {self._processes}", self.clock, 10.0)
        meter = UnmeteredAlerts()
        return Evaluation(
            Parts(self.store, self.rules, lease, self._page_url, settling, self.clock, meter, keep_s=90 * 86_400.0)
        )

    def clock(self) -> float:
        """The time of this test, in seconds since 1970."""
        return self.now

    def write(self, *documents: Any) -> None:
        """Writes events."""
        write(self.store, [documents])

    def begin(self, *documents: Any) -> None:
        """Writes what is there before alerting begins, and begins."""
        self.write(*documents)
        assert self.evaluation.turn()
        assert not any(entry.is_delivered for entry in self.journal()), "what was there is no news"

    def raised(self, *documents: Any) -> list[Entry]:
        """Writes events, evaluates, and returns the new alerts that stand for themselves."""
        return [entry for entry in self.found(*documents) if not entry.cause]

    def found(self, *documents: Any) -> list[Entry]:
        """The same, with the symptoms."""
        known = {entry.number for entry in self.journal()}
        if documents:
            self.write(*documents)
        assert self.evaluation.turn()
        return [entry for entry in self.journal() if entry.number not in known]

    def journal(self) -> list[Entry]:
        """All that is recorded."""
        return list(Journal(self.store).all())

    def delivery(self, channel: Port, declared: Channel, mutes: Sequence[Mute] = (), owner: str = "one") -> Delivery:
        """A delivery of a process of its own."""
        lease = JobLease(self.store, f"alerts {declared.name}", owner, self.clock, 10.0)
        terms = Terms("/headwater", mutes, 3_600.0, self.clock, lambda: 1.0)
        return Delivery(declared, channel, Journal(self.store), lease, terms, UnmeteredAlerts())
