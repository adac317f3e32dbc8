"""The loop: write, then dead letters, then commit; and what it does when one of them fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import wait_fixed

from consumer.errors import GaveUp, RefusedWrite, TransientError, UsageError
from consumer.kafka.batch import TOMBSTONE
from consumer.kafka.dead_letters import DeadLetter
from consumer.kafka.flood import Flooded
from consumer.kafka.loop import HOLD_S, Loop
from consumer.kafka.lost_offsets import OnLost
from consumer.kafka.observer import Report
from consumer.kafka.record import Record, TopicPartition
from consumer.kafka.source import OnRevoked
from consumer.setting_groups import BatchSettings, DeadLetterSettings
from schemas.errors import RejectedEvent
from schemas.events import Event

P0, P1 = TopicPartition("events", 0), TopicPartition("events", 1)

Outcome = BaseException | None


def record(offset: int, value: bytes | None = b"x", place: TopicPartition = P0) -> Record:
    """A record with a document."""
    return Record(*place, offset, None, value, 0)


class Said(bytes):
    """Stands for an event."""

    event_time = "2020-01-01T00:00:00.000000Z"


def decode(data: bytes) -> Event:
    """Stands for the real one: an event is its bytes, and one that begins with ! is none."""
    if data.startswith(b"!"):
        raise RejectedEvent("$.job", "no job")
    return cast("Event", Said(data))


class Inline(Executor):
    """Does at once what it is given."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """What came of it."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)
        return future


class Held(Inline):
    """Does nothing until it is told to, and from then on at once."""

    def __init__(self) -> None:
        self.held: list[tuple[Future[Any], Callable[[], Any]]] = []
        self._holds = True

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """What will come of it."""
        if not self._holds:
            return super().submit(fn, *args, **kwargs)
        self.held.append((Future(), lambda: fn(*args, **kwargs)))
        return self.held[-1][0]

    def release(self) -> None:
        """Does what is held."""
        self._holds = False
        for future, do in self.held:
            future.set_result(do())
        self.held.clear()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Does what is held."""
        self.release()


class World:
    """A source, a sink and dead letters that do as told, write down what is asked of them, and own the clock.

    Args:
        polls: What each poll gives: records, an error, or partitions that it revokes before it gives records. After the
            last, stop is set.
        writes: How each write of the sink ends; well after the last.
        letters: The same for dead letters.
        commits: The same for commits.
    """

    def __init__(
        self,
        *polls: Sequence[Record] | tuple[Collection[TopicPartition], Sequence[Record]] | BaseException,
        writes: Sequence[Outcome] = (),
        letters: Sequence[Outcome] = (),
        commits: Sequence[Outcome] = (),
        poll_s: float = 0.0,
    ) -> None:
        self.now = 100.0
        self.clock_step = 0.0
        self.wall = 1_600_000_000.0
        self.refused: set[bytes] = set()
        self.stop = threading.Event()
        self.did: list[tuple[str, Any]] = []
        self.reports: list[Report] = []
        self.failures: list[str] = []
        self.on_heartbeat: Callable[[], None] = lambda: None
        self.on_sleep: Callable[[], None] = lambda: None
        self.on_poll: Callable[[], None] = lambda: None
        self.on_revoked: OnRevoked = lambda _: None
        self.polls = list(polls)
        self._poll_s = poll_s
        self._outcomes = {"write": list(writes), "letters": list(letters), "commit": list(commits)}

    def run(
        self, executor: Executor | None = None, rejecting: DeadLetterSettings | None = None, **batching: Any
    ) -> None:
        """Runs a loop in this world to its end."""
        settings = BatchSettings.model_validate({"max_records": 3} | batching)
        source, sink, dead_letters = _Source(self), _Sink(self), _DeadLetters(self)
        Loop(
            source,
            decode,
            sink,
            dead_letters,
            settings,
            self.clock,
            self.stop,
            rejecting=rejecting,
            observer=self,
            wait=wait_fixed(1),
            sleep=self.sleep,
            executor=executor or Inline(),
            wall_clock=lambda: self.wall,
        ).run()

    def clock(self) -> float:
        """The time, which goes on with each look at it."""
        self.now += self.clock_step
        return self.now

    def sleep(self, seconds: float) -> None:
        """Lets time go by."""
        self.now += seconds
        self.on_sleep()

    def committed(self, report: Report) -> None:
        """Notes a batch."""
        self.reports.append(report)

    def failed(self, step: str, error: Exception) -> None:
        """Notes a failure."""
        self.failures.append(f"{step}: {error}")

    def lost(self, place: TopicPartition, records: int) -> None:
        """Nothing is lost here."""
        raise AssertionError(f"{records} of {place} are lost")

    def poll(self, max_records: int) -> list[Record]:
        """The next of what polls give."""
        self.now += self._poll_s
        self.on_poll()
        if not self.polls:
            self.stop.set()
            return []
        given = self.polls.pop(0)
        if isinstance(given, BaseException):
            raise given
        if isinstance(given, tuple):
            revoked, given = given
            self.on_revoked(cast("Collection[TopicPartition]", revoked))
        records = cast("list[Record]", list(given))
        assert len(records) <= max_records, f"the loop asked for {max_records}; the test gives {len(records)}"
        return records

    def happen(self, what: str, detail: Any) -> None:
        """Something is asked; it ends as told."""
        self.did.append((what, detail))
        outcomes = self._outcomes.get(what)
        outcome = outcomes.pop(0) if outcomes else None
        if outcome is not None:
            self.did[-1] = (f"{what} fails", detail)
            raise outcome

    def all(self, what: str) -> list[Any]:
        """Everything of one kind that was asked, whether it failed or not."""
        return [detail for kind, detail in self.did if kind.removesuffix(" fails") == what]


class _Source:
    def __init__(self, world: World) -> None:
        self._world = world

    def subscribe(self, on_revoked: OnRevoked, on_lost: OnLost = lambda _, __: None) -> None:  # noqa: ARG002
        self._world.on_revoked = on_revoked

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        assert timeout_s >= 0
        return self._world.poll(max_records)

    def heartbeat(self, timeout_s: float) -> None:
        self._world.now += timeout_s
        self._world.happen("heartbeat", timeout_s)
        self._world.on_heartbeat()

    def lag(self) -> Mapping[TopicPartition, int]:
        return {}

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._world.happen("commit", dict(offsets))

    def close(self) -> None:
        self._world.happen("leave", None)


class _Sink:
    def __init__(self, world: World) -> None:
        self._world = world

    def write(self, events: Sequence[Event]) -> None:
        for event in events:
            value = cast("bytes", event)
            if value in self._world.refused:
                raise RefusedWrite(f"refused: {value.decode()}")
        self._world.happen("write", list(events))

    def close(self) -> None:
        raise AssertionError("the sink is not the loop's to close")


class _DeadLetters:
    def __init__(self, world: World) -> None:
        self._world = world

    def write(self, letters: Sequence[DeadLetter]) -> None:
        self._world.happen("letters", [(letter.record.offset, letter.path, letter.reason) for letter in letters])

    def close(self) -> None:
        raise AssertionError("the dead letters are not the loop's to close")


DOWN = TransientError("down")


def test_commits_after_the_write() -> None:
    """One call of the sink with the batch's events, then the commit, then it leaves."""
    world = World([record(0, b"a"), record(1, b"b")])
    world.run()
    assert world.did == [("write", [b"a", b"b"]), ("commit", {P0: 2}), ("leave", None)]


def test_rejected_is_a_dead_letter_before_the_commit() -> None:
    """A bad record costs itself only, and is kept with its reason before its offset moves on."""
    world = World([record(0, b"a"), record(1, b"!"), record(2, None)])
    world.run()
    assert world.did == [
        ("write", [b"a"]),
        ("letters", [(1, "$.job", "no job"), (2, "$", TOMBSTONE)]),
        ("commit", {P0: 3}),
        ("leave", None),
    ]
    assert [(r.records, r.events, r.rejected, r.size) for r in world.reports] == [(3, 1, 2, 2)]


def test_only_bad_records_do_not_bother_the_sink() -> None:
    """A batch without events is not written."""
    world = World([record(0, b"!")])
    world.run()
    assert world.all("write") == []
    assert world.all("commit") == [{P0: 1}]


def test_sink_is_tried_again() -> None:
    """The offset stays until the sink is back; each try takes smaller portions, in case it is the size that fails."""
    world = World([record(0, b"a"), record(1, b"b"), record(2, b"c")], writes=[DOWN, DOWN])
    world.run()
    assert world.all("write") == [[b"a", b"b", b"c"], [b"a"], [b"a"], [b"b"], [b"c"]]
    assert world.all("commit") == [{P0: 3}]
    assert world.failures == ["writing: down"] * 2


def test_reading_goes_on_while_a_batch_is_written() -> None:
    """The next batch fills meanwhile, but not beyond its bounds, and is written after the first."""
    executor = Held()
    world = World([record(0, b"a"), record(1, b"b"), record(2, b"c")], [record(3, b"d")], [])
    polls: list[int] = []

    def note() -> None:
        polls.append(len(executor.held))
        if len(polls) == 3:
            assert world.did == [], "something was written or committed too early"
            executor.release()

    world.on_poll = note
    world.run(executor)
    assert polls[:3] == [0, 1, 1], "reading stopped while the first batch was on its way"
    assert world.all("write") == [[b"a", b"b", b"c"], [b"d"]]
    assert world.all("commit") == [{P0: 3}, {P0: 4}]


def test_membership_is_kept_while_no_more_is_taken() -> None:
    """With one batch on its way and the next one full, heartbeats go on, no poll does, and nothing is lost."""
    executor = Held()
    world = World(
        [record(0, b"a"), record(1, b"b"), record(2, b"c")], [record(3, b"d"), record(4, b"e"), record(5, b"f")]
    )
    polls: list[None] = []

    def full() -> None:
        polls.append(None)
        if len(polls) == 2:
            world.clock_step = HOLD_S

    world.on_poll = full
    world.on_heartbeat = executor.release
    world.run(executor)
    assert [kind for kind, _ in world.did] == ["heartbeat", "write", "commit", "write", "commit", "leave"]


def test_lost_dead_letter_blocks_the_commit() -> None:
    """A record whose dead letter is not kept is not committed, and what is written is not written again."""
    world = World([record(0, b"a"), record(1, b"!"), record(2, b"b")], letters=[DOWN])
    world.run()
    assert [kind for kind, _ in world.did if kind != "heartbeat"] == [
        "write",
        "letters fails",
        "letters",
        "commit",
        "leave",
    ]


def test_failed_commit_is_tried_again_alone() -> None:
    """A commit that fails in a rebalance does not write anything twice."""
    world = World([record(0), record(1), record(2)], [], commits=[TransientError("rebalance")])
    world.run()
    assert len(world.all("write")) == 1
    assert world.all("commit") == [{P0: 3}, {P0: 3}]


def test_heartbeat_may_fail_too() -> None:
    """While the broker is away as well, the loop still waits and tries."""
    world = World([record(0), record(1), record(2)], [], commits=[DOWN])

    def fail_once() -> None:
        world.on_heartbeat = lambda: None
        raise TransientError("away")

    world.on_heartbeat = fail_once
    world.run()
    assert world.all("commit") == [{P0: 3}, {P0: 3}]


def test_revoked_while_written_is_not_committed() -> None:
    """What a rebalance takes while it is being written is written to the end, which does no harm, and not committed."""
    executor = Held()
    world = World([record(0, b"a"), record(0, b"b", P1), record(1, b"!", P1)], ({P1}, []))
    world.on_poll = lambda: executor.release() if not world.polls else None
    world.run(executor)
    assert world.all("write") == [[b"a", b"b"]]
    assert world.all("commit") == [{P0: 1}]


def test_revoked_while_polling_is_dropped() -> None:
    """What a rebalance takes before the batch is full is left to the new owner; what the same poll gives is not."""
    world = World([record(0, b"a"), record(0, b"b", P1)], ({P0}, [record(1, b"c", P1)]))
    world.run()
    assert world.all("write") == [[b"b", b"c"]]
    assert world.all("commit") == [{P1: 2}]


def test_revoked_and_given_back_is_taken_anew() -> None:
    """A partition that goes and comes within one poll begins again at what is committed, and nothing is left out."""
    world = World([record(0, b"a"), record(1, b"b")], ({P0}, [record(0, b"a"), record(1, b"b"), record(2, b"c")]))
    world.run(max_records=9)
    assert world.all("write") == [[b"a", b"b", b"c"]]
    assert world.all("commit") == [{P0: 3}]


def test_revoked_after_the_write_is_not_committed() -> None:
    """A partition that goes between write and commit is the new owner's to commit."""
    world = World([record(0), record(1), record(2)], [], commits=[TransientError("rebalance")])
    world.on_heartbeat = lambda: world.on_revoked({P0})
    world.run()
    assert len(world.all("commit")) == 1, "the second try has nothing to commit"


def test_batches_by_count() -> None:
    """A batch is written when it has as many records as are allowed."""
    world = World([record(0), record(1)], [record(2)], [record(3)])
    world.run()
    assert [len(events) for events in world.all("write")] == [3, 1]


def test_batches_by_bytes() -> None:
    """A batch is written when it is as large as is allowed, also within one poll."""
    world = World([record(0, b"12345"), record(1, b"12345"), record(2, b"1")])
    world.run(max_bytes=8)
    assert world.all("write") == [[b"12345", b"12345"], [b"1"]]


def test_batches_by_age() -> None:
    """A batch is written when its first record has waited as long as is allowed."""
    world = World([record(0)], [], [record(1)], [], poll_s=0.3)
    world.run(max_age_s=0.5)
    assert [len(events) for events in world.all("write")] == [2]
    assert world.reports[0].seconds == pytest.approx(0.9), (
        "it waits for 0.5 s, polls take 0.3 s, and one goes on meanwhile"
    )


def test_stop_finishes_what_is_in_hand() -> None:
    """A request to stop writes and commits the batch that is being filled."""
    world = World([record(0, b"a")])
    world.run(max_age_s=60.0)
    assert world.did == [("write", [b"a"]), ("commit", {P0: 1}), ("leave", None)]


def test_stop_does_not_wait_for_a_sink_that_is_down() -> None:
    """What can't be written when it is time to go stays uncommitted, and the group is left."""
    world = World([record(0), record(1), record(2)], writes=[DOWN] * 9)
    world.on_sleep = world.stop.set
    world.run()
    assert world.all("commit") == []
    assert world.did[-1] == ("leave", None)


def test_stop_tries_a_sink_that_is_down_no_further() -> None:
    """What waits behind a batch that can't be written when it is time to go is not tried: each try may take long."""
    world, held = World([record(0)], [record(1)], writes=[DOWN] * 9), Held()

    def stop() -> None:
        if len(world.polls) == 1:
            world.stop.set()
            held.release()

    world.on_poll = stop
    world.run(held, max_records=1)
    assert world.all("write") == [[b"x"]]
    assert world.all("commit") == []
    assert world.did[-1] == ("leave", None)


def test_gives_up_when_told_to() -> None:
    """With a limit, failing for longer ends the service with the last error in words."""
    world = World([record(0), record(1), record(2)], writes=[DOWN] * 99)
    with pytest.raises(GaveUp, match=r"writing failed for 10 s.*down"):
        world.run(give_up_after_s=10.0)
    assert world.did[-1] == ("leave", None)


def test_settings_that_are_refused_end_it() -> None:
    """What no second try mends is not tried again; the group is left."""
    world = World(UsageError("no permission"))
    with pytest.raises(UsageError, match="no permission"):
        world.run()
    assert world.did == [("leave", None)]


def test_what_the_sink_refuses_is_found_by_halving() -> None:
    """One event that the graph does not take costs itself only; all the others are written, and its letter says why."""
    world = World([record(place, b"%d" % place) for place in range(9)])
    world.refused = {b"5"}
    world.run(max_records=9)
    written = {event for kind, detail in world.did if kind == "write" for event in detail}
    assert written == {b"%d" % place for place in range(9)} - {b"5"}
    assert world.all("letters") == [[(5, "$", "refused: 5")]]
    assert world.all("commit") == [{P0: 9}]
    assert [(r.records, r.events, r.rejected) for r in world.reports] == [(9, 8, 1)]


def test_what_is_refused_is_told_once_however_often_the_rest_fails() -> None:
    """A culprit that was found stays found while the sink can't take the others."""
    world = World([record(0, b"0"), record(1, b"1"), record(2, b"2")], writes=[None, DOWN, DOWN])
    world.refused = {b"0"}
    world.run()
    assert world.all("letters") == [[(0, "$", "refused: 0")]]
    assert world.all("commit") == [{P0: 3}]


def test_flood_of_rejections_stops_it() -> None:
    """Too many rejected records in a row end the service before they are dead letters, in words that say what to do."""
    limits = DeadLetterSettings(flood_count=4, flood_ratio=0.5, flood_window=100)
    world = World(*([record(place, b"!" if place % 3 else b"a")] for place in range(30)))
    with pytest.raises(Flooded, match=r"4 of the last 6 records were rejected.*events\[0\]@5.*\$\.job: no job"):
        world.run(rejecting=limits, max_records=1)
    assert world.all("commit")[-1] == {P0: 5}, "the record that made it a flood is not passed over"
    assert len(world.all("letters")) == 3, "the flood's last letter was written"


def test_an_event_from_the_future_is_rejected() -> None:
    """By the record's own timestamp, and by our clock where the record has none or comes from the future, too."""
    day_ms, now_ms = 86_400_000, 1_577_836_800_000
    ahead = [Record(*P0, at, None, b"a", stamp) for at, stamp in enumerate((now_ms - 2 * day_ms, now_ms, 0))]
    world = World(ahead)
    world.wall = now_ms / 1000
    world.run()
    assert [offset for letters in world.all("letters") for offset, _, _ in letters] == [0]
    world = World(ahead)
    world.wall = now_ms / 1000 - 2 * 86_400
    world.run()
    assert [offset for letters in world.all("letters") for offset, _, _ in letters] == [0, 1, 2]


def test_some_rejections_are_no_flood() -> None:
    """As many rejections among more good records go on for ever."""
    limits = DeadLetterSettings(flood_count=4, flood_ratio=0.5, flood_window=10)
    world = World(*([record(place, b"!" if place % 3 == 0 else b"a")] for place in range(60)))
    world.run(rejecting=limits, max_records=1)
    assert world.all("commit")[-1] == {P0: 60}


@given(
    st.lists(st.lists(st.sampled_from([b"a", b"!", None]), max_size=3), max_size=6),
    st.lists(st.sampled_from([None, DOWN]), max_size=6),
    st.lists(st.sampled_from([None, DOWN]), max_size=6),
    st.lists(st.sampled_from([None, DOWN]), max_size=6),
)
def test_nothing_is_lost_whatever_fails(
    values: list[list[bytes | None]], writes: list[Outcome], letters: list[Outcome], commits: list[Outcome]
) -> None:
    """At each commit everything before the offset has been written or is a dead letter; in the end that is all."""
    rows: list[list[Record]] = []
    for row in values:
        begin = sum(len(earlier) for earlier in rows)
        rows.append(
            [record(begin + place, value and value + b"%d" % (begin + place)) for place, value in enumerate(row)]
        )
    # The empty polls let the last batch come of age before the stop, which would rightly leave undone what fails.
    world = World(*rows, [], [], writes=writes, letters=letters, commits=commits, poll_s=1.0)
    world.run(max_records=100, max_age_s=1.0)
    kept: set[int] = set()
    for what, detail in world.did:
        if what == "write":
            kept |= {int(event[1:]) for event in detail}
        elif what == "letters":
            kept |= {offset for offset, _, _ in detail}
        elif what == "commit":
            assert kept >= set(range(detail[P0])), f"{detail} was committed before all of it was kept"
    total = sum(len(row) for row in rows)
    assert [detail[P0] for detail in world.all("commit")][-1:] == [total][: bool(total)], "everything is committed"
