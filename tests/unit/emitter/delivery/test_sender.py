"""Delivery: what was put is sent, waits, is quarantined or lost, and the end comes in time."""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from emitter.brokers.broker import Broker, DeliveryCallback
from emitter.delivery.delivery_summary import DeliverySummary
from emitter.delivery.outbox import Outbox
from emitter.delivery.sender import Sender, backoff
from emitter.errors import ClockError, DeliveryError, RefusedError, RejectedError, TooLargeError, UnavailableError
from emitter.record import Record
from emitter.send_batch import SendBatch

SOON = 10.0
NAMELESS = ("an event without a name",)
TROUBLE = "no acknowledgement from the broker yet"


def record(number: int = 0) -> Record:
    """Makes a record of 10 bytes."""
    return Record(topic="t", key=b"key", value=b"%07d" % number, timestamp_ms=number)


class MemoryBroker:
    """Keeps records; answers each as told, or by `answers`, one an attempt, and then with yes."""

    def __init__(self, *answers: DeliveryError | None) -> None:
        self.answers = iter(answers)
        self.stored: list[Record] = []
        self.refused: Record | None = None
        self.closed = threading.Event()

    def send(self, record: Record, on_delivery: DeliveryCallback) -> None:
        """Stores the record unless an error is due."""
        answer = RejectedError("too large") if record == self.refused else next(self.answers, None)
        if answer is None:
            self.stored.append(record)
        on_delivery(answer)

    def close(self) -> None:
        """Notes it."""
        self.closed.set()


class SilentBroker(MemoryBroker):
    """Takes records and answers none of them before it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[DeliveryCallback] = []

    def send(self, _record: Record, on_delivery: DeliveryCallback) -> None:
        """Keeps the answer back."""
        self.pending.append(on_delivery)

    def close(self) -> None:
        """Says of everything that it wasn't stored, as Kafka's producer does."""
        for on_delivery in self.pending:
            on_delivery(UnavailableError("closed"))
        super().close()


class CountingOutbox(Outbox):
    """Notes the size of each batch."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__(memory_bytes=1_000_000)
        self._sizes = sizes

    def next_batch(self) -> SendBatch | None:
        """Notes and returns the next batch."""
        if (batch := super().next_batch()) is not None:
            self._sizes.append(len(batch.records))
        return batch


def delivery(connect: Callable[[], Broker], *, limit: int = 1000) -> Sender:
    """Makes a delivery from memory that tries again at once."""
    return Sender(connect, Outbox(memory_bytes=limit), pauses=lambda: itertools.repeat(0))


def test_everything_is_sent_in_order() -> None:
    """The good day: all is stored, counted, and the broker is closed."""
    broker = MemoryBroker()
    outbox = delivery(lambda: broker)
    for number in range(10):
        outbox.put(record(number))
    assert outbox.close(SOON) == DeliverySummary(sent=10, waiting=0, quarantined=0)
    assert broker.stored == [record(number) for number in range(10)]
    assert broker.closed.is_set()


def test_records_of_a_moment_are_one_batch() -> None:
    """A batch costs more than a record, and an end is not waited for: `close` sends at once what is there."""
    broker, sizes = MemoryBroker(), list[int]()
    sender = Sender(lambda: broker, CountingOutbox(sizes), pauses=lambda: itertools.repeat(0))
    for number in range(100):
        sender.put(record(number))
    assert sender.close(SOON).sent == 100
    assert len(broker.stored) == 100
    assert len(sizes) < 10


def test_the_time_of_a_wrong_clock_costs_no_event() -> None:
    """An event that was refused for its time is sent without it, and the summary says so."""
    broker = MemoryBroker(ClockError("out of range"))
    outbox = delivery(lambda: broker)
    outbox.put(record(1))
    summary = outbox.close(SOON)
    assert (summary.sent, summary.lost) == (1, 0)
    assert broker.stored == [record(1)]
    assert summary.reasons == ("sent without a time: out of range",)


def test_an_event_that_is_refused_without_a_time_too_is_given_up() -> None:
    """The event is sent once more, and then given up."""
    broker = MemoryBroker(ClockError("out of range"), ClockError("out of range"))
    outbox = delivery(lambda: broker)
    outbox.put(record(1))
    summary = outbox.close(SOON)
    assert (summary.sent, summary.waiting, summary.lost, broker.stored) == (0, 0, 1, [])


def test_without_records_nothing_is_connected() -> None:
    """A dbt command without events costs no thread and no connection."""
    outbox = delivery(pytest.fail)
    assert outbox.close(SOON) == DeliverySummary(sent=0, waiting=0, quarantined=0)


def test_connecting_does_not_hold_up_put() -> None:
    """`put` returns while the connection is being made, and `close` doesn't wait for it for ever."""
    connected = threading.Event()

    def connect() -> Broker:
        assert connected.wait(SOON)
        return MemoryBroker()

    outbox = delivery(connect)
    outbox.put(record())
    summary = outbox.close(0)
    connected.set()
    assert summary == DeliverySummary(0, 0, 0, lost=1, reasons=("no answer from the broker yet",), lost_nodes=NAMELESS)


def test_a_lost_connection_is_made_anew() -> None:
    """What one broker couldn't store, the next one gets; nothing is lost or counted twice."""
    brokers = [MemoryBroker(None, UnavailableError("gone")), MemoryBroker()]
    coming: Iterator[MemoryBroker | None] = iter([None, brokers[0], None, brokers[1]])

    def connect() -> Broker:
        if broker := next(coming):
            return broker
        raise UnavailableError("down")

    outbox = delivery(connect)
    for number in range(4):
        outbox.put(record(number))
    assert outbox.wait(SOON), outbox.summary()
    assert outbox.close(SOON) == DeliverySummary(sent=4, waiting=0, quarantined=0)
    stored = [kept.timestamp_ms for broker in brokers for kept in broker.stored]
    assert sorted(set(stored)) == [0, 1, 2, 3]
    assert [number for place, number in enumerate(stored) if number not in stored[:place]] == [0, 1, 2, 3]
    assert brokers[0].closed.is_set(), "the lost connection was left open"


def test_a_rejected_record_costs_itself_alone() -> None:
    """The others are sent, and the reason is kept. In memory there is no place to quarantine it."""
    broker = MemoryBroker()
    broker.refused = record(1)
    outbox = delivery(lambda: broker)
    for number in range(3):
        outbox.put(record(number))
    assert outbox.close(SOON) == DeliverySummary(2, 0, 0, lost=1, reasons=(TROUBLE, "too large"), lost_nodes=NAMELESS)


@pytest.mark.parametrize("where", ["connect", "send"])
def test_a_refusal_ends_the_attempts(where: str) -> None:
    """Wrong credentials stay wrong: close doesn't use up its time."""
    attempts = []

    def connect() -> Broker:
        attempts.append(where)
        if where == "connect":
            raise RefusedError("no")
        return MemoryBroker(RefusedError("no"))

    outbox = delivery(connect)
    outbox.put(record())
    assert outbox.close(SOON) == DeliverySummary(0, 0, 0, lost=1, reasons=("no",), lost_nodes=NAMELESS)
    assert attempts == [where]


def test_what_nobody_foresaw_is_told() -> None:
    """A defect of ours ends in the summary instead of a traceback in dbt's output."""

    def connect() -> Broker:
        raise ZeroDivisionError("oops")

    outbox = delivery(connect)
    outbox.put(record())
    summary = outbox.close(SOON)
    assert summary.lost == 1
    assert "please report it: ZeroDivisionError: oops" in str(summary)


def test_a_silent_broker_leaves_records_unsent() -> None:
    """Its late answers, given because of the end, don't hide what went wrong."""
    broker = SilentBroker()
    outbox = delivery(lambda: broker)
    outbox.put(record())
    summary = outbox.close(0.05)
    assert (summary.sent, summary.lost) == (0, 1)
    assert summary.reasons[0].startswith("no a"), summary


def test_the_queue_is_bounded_and_what_is_too_much_is_told() -> None:
    """Memory is the user's: beyond the limit events are lost, by count and reason."""
    broker = SilentBroker()
    outbox = delivery(lambda: broker, limit=25)
    for number in range(5):
        outbox.put(record(number))
    before = outbox.summary()
    assert (before.waiting, before.lost) == (2, 3)
    summary = outbox.close(0)
    assert (summary.waiting, summary.lost) == (0, 5)
    assert "the 25 bytes of `queue_limit` were full" in summary.reasons


def test_acknowledged_records_make_room() -> None:
    """The limit is on what waits, not on what has passed."""
    outbox = delivery(MemoryBroker, limit=10)
    for number in range(5):
        outbox.put(record(number))
        assert outbox.wait(SOON)
    assert outbox.close(SOON) == DeliverySummary(sent=5, waiting=0, quarantined=0)


def test_after_the_end_nothing_is_taken() -> None:
    """A late event is counted, and closing again changes nothing."""
    outbox = delivery(MemoryBroker)
    outbox.close(SOON)
    outbox.put(record())
    assert outbox.close(SOON) == DeliverySummary(
        0, 0, 0, lost=1, reasons=("emitted after the transport was closed",), lost_nodes=NAMELESS
    )


def test_many_threads_may_put() -> None:
    """Every record is counted once."""
    outbox = delivery(MemoryBroker, limit=100_000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(outbox.put, map(record, range(1000))))
    assert outbox.close(SOON) == DeliverySummary(sent=1000, waiting=0, quarantined=0)


def test_the_summary_shows_a_few_reasons() -> None:
    """A thousand reasons don't flood the log."""
    summary = DeliverySummary(1, 2, 5, reasons=tuple("abcde"))
    assert str(summary) == "1 sent, 2 waiting, 5 quarantined: a; b; c; and 2 more"
    assert str(DeliverySummary(3, 0, 0)) == "3 sent, 0 waiting, 0 quarantined"
    assert str(DeliverySummary(3, 0, 0, lost=1, earlier=2)) == (
        "3 sent, 0 waiting, 0 quarantined, 1 lost (and 2 of earlier runs sent)"
    )


def test_the_nodes_of_lost_events_are_named() -> None:
    """Those that no longer fit, those that wait at the end, and those that come after it; of a node once."""
    value = b'{"job": {"name": "j%d", "facets": {"dbt_node": {"unique_id": "model.shop.m%d"}}}}'
    outbox = delivery(SilentBroker, limit=90)
    for number in (1, 2, 2, 3):
        outbox.put(Record("t", b"", value % (number, number), 0))
    outbox.close(0)
    outbox.put(Record("t", b"", b'{"job": {"name": "no.node"}}', 0))
    summary = outbox.summary()
    assert summary.lost == 5
    names = "model.shop.m2, model.shop.m3, model.shop.m1, no.node"
    assert str(summary).endswith(f"; lineage of 4 nodes is missing: {names}"), str(summary)


def test_names_of_nodes_are_bounded() -> None:
    """A project of thousands of models does not fill the terminal."""
    summary = DeliverySummary(0, 0, 0, lost=40, lost_nodes=tuple(f"model.shop.m{number}" for number in range(40)))
    assert str(summary).startswith(
        "0 sent, 0 waiting, 0 quarantined, 40 lost: lineage of 40 nodes is missing: model.shop.m0,"
    )
    assert str(summary).endswith("model.shop.m9 and 30 more")


def test_a_record_that_is_too_large_is_sent_without_some_facets() -> None:
    """In its place in the order; the summary says so."""
    large = Record("t", b"key", b'{"run": {"facets": {"sourceCode": "long"}}}', 0)
    broker = MemoryBroker(TooLargeError("too large"))
    outbox = delivery(lambda: broker)
    outbox.put(large)
    summary = outbox.close(SOON)
    assert (summary.sent, summary.lost) == (1, 0)
    assert summary.reasons == ("too large and sent without some of its facets: too large",)
    assert b'"dropped": ["sourceCode'.replace(b": ", b":") in broker.stored[0].value


def test_pauses_grow_to_a_limit() -> None:
    """A broker that is down for long is asked every 5 seconds."""
    pauses: Iterator[float] = backoff()
    assert list(itertools.islice(pauses, 8)) == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
