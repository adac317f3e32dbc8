"""Delivery to one channel: at least once, in order, and the place moves after the acknowledgement only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.alerts.alert import Alert, Finding, Severity
from consumer.alerts.channels.channel import RetryAfter
from consumer.alerts.dead_letters import Redrive, letters
from consumer.alerts.declarations import Channel, Mute
from consumer.alerts.journal import entry_of, vertex
from consumer.errors import RefusedWrite, TransientError
from consumer.graph import ids
from consumer.graph.store import Change, NotExists, PropertyEquals
from consumer.maintenance.leased_task import JobLease
from schemas.naming import DatasetName
from tests.support.alerts.alert_rig import BEGIN, Recording, Rig

CHANNEL = Channel(name="platform", type="kafka", topic="alerts")


def record(rig: Rig, *datasets: str, rule: str = "lost-source", severity: Severity = Severity.WARNING) -> list[str]:
    """Stores an alert for each dataset; returns their ids."""
    made = []
    for dataset in datasets:
        number = len(rig.journal()) + 1
        subject = DatasetName("db", dataset)
        finding = Finding(rule, "lost_source", severity, subject, (str(number),), f"{dataset} lost", BEGIN)
        stored = vertex(entry_of(Alert(finding), number, rig.now))
        change = Change(
            stored._replace(properties={**stored.properties, "rev": "1"}), NotExists(), PropertyEquals("rev", "1")
        )
        assert not rig.store.write([change])
        made.append(finding.id)
    return made


def test_each_alert_is_delivered_once_in_order() -> None:
    """As many in a request as the channel takes; then nothing is due."""
    rig, channel = Rig(), Recording(most=2)
    delivery = rig.delivery(channel, CHANNEL)
    expected = record(rig, "a", "b", "c")
    assert [delivery.turn() for _ in range(3)] == [True, True, False]
    assert [event.id for event in channel.got] == expected
    assert delivery.behind_s() == 0.0


def test_a_process_that_dies_before_the_place_moves_sends_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same events with the same ids and bytes: who knows an id has lost nothing and gained nothing."""
    rig, channel = Rig(), Recording()
    (expected,) = record(rig, "a")
    first = rig.delivery(channel, CHANNEL)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(first, "_move", killed)
    with pytest.raises(KeyboardInterrupt):
        first.turn()
    second = rig.delivery(channel, CHANNEL, owner="two")
    assert not second.turn(), "the lease of the dead process holds"
    rig.now += 11
    assert second.turn()
    assert [event.id for event in channel.got] == [expected, expected]
    assert channel.got[0].structured() == channel.got[1].structured()


def test_a_failure_is_tried_again_after_a_pause() -> None:
    """The pause grows, or is what the receiver asks for; the order stays."""
    rig, channel = Rig(), Recording()
    expected = record(rig, "a", "b")
    delivery = rig.delivery(channel, CHANNEL)
    channel.failures = [TransientError("away"), TransientError("away"), RetryAfter("slowly", 90.0)]
    tries = []
    for second in range(200):
        rig.now += 1
        before = len(channel.tried)
        delivery.turn()
        if len(channel.tried) > before:
            tries.append(second)
    assert tries == [0, 1, 3, 93]
    assert [event.id for event in channel.got] == expected
    assert delivery.behind_s() == 0.0


def test_a_receiver_that_is_away_for_too_long_gets_dead_letters() -> None:
    """Counted from the first failure, also by the process that takes over; what follows is tried again."""
    rig, channel = Rig(), Recording(most=1)
    record(rig, "a", "b")
    channel.failures = [TransientError("away")] * 3
    rig.delivery(channel, CHANNEL).turn()
    rig.now += 3_601
    after = rig.delivery(channel, CHANNEL, owner="two")
    assert after.turn(), "given up"
    (letter,) = letters(rig.store)
    assert (letter.channel, letter.number, letter.reason) == ("platform", 1, "not delivered for 3601 s: away")
    assert not after.turn(), "the next one fails too, and is tried again"
    rig.now += 2
    assert after.turn()
    assert [event.subject for event in channel.got] == ["db/b"]


def test_a_refused_alert_holds_up_no_other() -> None:
    """Of a request of several, the one that is refused becomes a dead letter and all others arrive."""
    rig, channel = Rig(), Recording()
    expected = record(rig, "a", "b", "c")
    channel.refuses = {expected[1]: RefusedWrite("too large")}
    delivery = rig.delivery(channel, CHANNEL)
    for _ in range(5):
        delivery.turn()
    assert list(dict.fromkeys(event.id for event in channel.got)) == [expected[0], expected[2]]
    assert [(one.alert, one.reason) for one in letters(rig.store, "platform")] == [(expected[1], "too large")]
    channel.refuses = {}
    lease = JobLease(rig.store, "redrive platform", "me", rig.clock)
    assert Redrive(rig.store, "platform", channel, lease, "/headwater").run() == 1
    assert channel.got[-1].id == expected[1]
    assert not list(letters(rig.store))


def test_a_new_channel_begins_with_what_follows() -> None:
    """Alerts of the past are left out, and all later ones arrive."""
    rig, channel = Rig(), Recording()
    record(rig, "a")
    delivery = rig.delivery(channel, CHANNEL)
    delivery.begin(1)
    (expected,) = record(rig, "b")
    assert delivery.turn()
    delivery.begin(2)
    assert [event.id for event in channel.got] == [expected]


def test_filters_and_mutes() -> None:
    """A channel gets the rules, severities and datasets that it asks for, but for what is muted meanwhile."""
    rig, channel = Rig(), Recording()
    declared = Channel(name="stewards", type="kafka", topic="t", rules=("pii",), severity=Severity.WARNING)
    until = datetime.fromtimestamp(rig.now + 60, UTC)
    mutes = [Mute(datasets=("m*",), until=until), Mute(channels=("other",))]
    delivery = rig.delivery(channel, declared, mutes)
    record(rig, "a", rule="lost-source")
    record(rig, "b", rule="pii", severity=Severity.INFO)
    record(rig, "muted", rule="pii")
    rig.now += 61
    record(rig, "more", "c", rule="pii")
    assert delivery.turn()
    assert [event.subject for event in channel.got] == ["db/more", "db/c"]


def test_a_digest_is_one_event_a_window() -> None:
    """With an id that follows from its alerts, so that a second delivery of it has the same."""
    rig, channel = Rig(), Recording()
    declared = Channel(name="daily", type="kafka", topic="t", digest_s=3_600)
    delivery = rig.delivery(channel, declared)
    first = record(rig, "a", "b")
    rig.now += 1_800
    assert not delivery.turn(), "the window is not over"
    assert delivery.behind_s() == 0, "it is not due"
    rig.now += 1_800
    later = record(rig, "c")
    rig.now += 60
    assert delivery.behind_s() == 60
    channel.failures = [TransientError("away")]
    assert not delivery.turn()
    rig.now += 2
    assert delivery.turn()
    (event,) = channel.got
    assert channel.tried == [event.id, event.id]
    assert [one["id"] for one in event.data["alerts"]] == first
    assert event.data["summary"] == "2 alerts from 2026-01-01T00:00:00Z to 2026-01-01T01:00:00Z"
    assert not delivery.turn()
    rig.now += 3_600
    assert delivery.turn()
    assert [one["id"] for one in channel.got[1].data["alerts"]] == later


def test_what_was_folded_is_not_delivered() -> None:
    """Symptoms are in the alert of their cause, and what was there at first is no news."""
    rig, channel = Rig(), Recording()
    subject = DatasetName("db", "a")
    options: Any
    for number, options in ((1, {"cause": "x"}), (2, {"known": True})):
        finding = Finding("lost-source", "lost_source", Severity.INFO, subject, (str(number),), "s", BEGIN)
        stored = vertex(entry_of(Alert(finding), number, rig.now, **options))
        rig.store.write(
            [
                Change(
                    stored._replace(properties={**stored.properties, "rev": "1"}),
                    NotExists(),
                    PropertyEquals("rev", "1"),
                )
            ]
        )
    delivery = rig.delivery(channel, CHANNEL)
    assert delivery.turn(), "the place moves past them"
    assert not delivery.turn()
    assert channel.got == []


def test_a_closed_delivery_leaves_its_lease() -> None:
    """So that another process takes over at once."""
    rig, channel = Rig(), Recording()
    record(rig, "a")
    first, second = rig.delivery(channel, CHANNEL), rig.delivery(channel, CHANNEL, owner="two")
    assert first.turn()
    first.close()
    record(rig, "b")
    assert second.turn()
    assert channel.closed
    assert ids.alert(2) > ids.alert(1)
