"""Alerts that a channel did not take: listed, and sent once more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from consumer.alerts.channels.channel import Channel
from consumer.alerts.journal import Entry, Journal
from consumer.graph import ids, schema
from consumer.graph.store import DropVertices, GraphStore
from consumer.maintenance.leased_task import JobLease

PAGE = 500


class Letter(NamedTuple):
    """An alert that was not delivered.

    Attributes:
        channel: Name of the channel.
        number: Number of the alert.
        alert: Its id.
        reason: The receiver's reason.
        at: When it was given up (RFC 3339).
    """

    channel: str
    number: int
    alert: str
    reason: str
    at: str


def letters(store: GraphStore, channel: str = "") -> Iterator[Letter]:
    """Reads the alerts that were not delivered, by channel, in order.

    Args:
        store: The graph.
        channel: Name of the channel; empty for all.

    Raises:
        TransientError: The store can't serve now.
    """
    last = ""
    while page := store.ids(schema.ALERT_LETTER, last, PAGE):
        known = store.read(page)
        for id_ in page:
            found = known.get(id_)
            if found is not None and channel in {"", str(found["channel"])}:
                yield Letter(
                    str(found["channel"]),
                    int(str(found["number"])),
                    str(found["alert"]),
                    str(found["reason"]),
                    str(found["at"]),
                )
        last = page[-1]


class Redrive:
    """Sends the dead letters of one channel again, each until it is acknowledged.

    Args:
        store: The graph.
        name: Name of the channel.
        channel: Its adapter.
        lease: The redrive's vertex, in whose change a letter is removed.
        source: URI reference of this instance.
    """

    def __init__(self, store: GraphStore, name: str, channel: Channel, lease: JobLease, source: str) -> None:
        self._store = store
        self._name = name
        self._channel = channel
        self._lease = lease
        self._source = source

    def run(self) -> int:
        """Sends all; returns the number of alerts that were delivered.

        An alert that is not stored any more is removed without being sent.

        Raises:
            TransientError: The receiver or the graph can't serve now; what was acknowledged is removed.
            RefusedWrite: The receiver still refuses an alert.
        """
        self._lease.acquire("")
        delivered = 0
        for one in list(letters(self._store, self._name)):
            entry = self._entry(one)
            if entry is not None:
                self._channel.send([entry.event(self._source)])
                delivered += 1
            self._lease.checkpoint("", [DropVertices((ids.alert_letter(one.channel, one.number),))])
        self._lease.release()
        return delivered

    def _entry(self, one: Letter) -> Entry | None:
        found = Journal(self._store).after(one.number - 1, 1)
        return found[0] if found and found[0].number == one.number else None
