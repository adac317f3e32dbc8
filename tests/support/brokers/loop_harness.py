"""A world for the consumer's loop: a source, a sink and dead letters that do as told, and own the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any, cast

from tenacity import wait_fixed

from consumer.config.settings import BatchSettings, DeadLetterSettings
from consumer.errors import RefusedWrite, TransientError
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.observer import BatchReport
from consumer.processing.ports import OnRecordsLost, OnRevoked
from consumer.processing.processor import StreamProcessor
from consumer.processing.record import Record, TopicPartition
from schemas.errors import RejectedEvent
from schemas.events import Event

P0, P1 = TopicPartition("events", 0), TopicPartition("events", 1)

Outcome = BaseException | None

DOWN = TransientError("down")


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

    def release_one(self, number: int) -> None:
        """Does one of those that are held, and holds the others."""
        future, do = self.held.pop(number)
        future.set_result(do())

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
        self.reports: list[BatchReport] = []
        self.failures: list[str] = []
        self.on_heartbeat: Callable[[], None] = lambda: None
        self.on_sleep: Callable[[], None] = lambda: None
        self.on_poll: Callable[[], None] = lambda: None
        self.on_revoked: OnRevoked = lambda _: None
        self.polls = list(polls)
        self._poll_s = poll_s
        self._outcomes = {"write": list(writes), "letters": list(letters), "commit": list(commits)}

    def run(
        self,
        executor: Executor | None = None,
        rejecting: DeadLetterSettings | None = None,
        in_flight: int = 1,
        **batching: Any,
    ) -> None:
        """Runs a loop in this world to its end."""
        settings = BatchSettings.model_validate({"max_records": 3} | batching)
        source, sink, dead_letters = _Source(self), _Sink(self), _DeadLetters(self)
        StreamProcessor(
            source,
            decode,
            sink,
            dead_letters,
            settings,
            self.clock,
            self.stop,
            rejecting=rejecting,
            in_flight=in_flight,
            observer=self,
            backoff=wait_fixed(1),
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

    def committed(self, report: BatchReport) -> None:
        """Notes a batch."""
        self.reports.append(report)

    def failed(self, step: str, error: Exception) -> None:
        """Notes a failure."""
        self.failures.append(f"{step}: {error}")

    def lost(self, topic_partition: TopicPartition, records: int) -> None:
        """Nothing is lost here."""
        raise AssertionError(f"{records} of {topic_partition} are lost")

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

    def subscribe(self, on_revoked: OnRevoked, on_lost: OnRecordsLost = lambda _, __: None) -> None:  # noqa: ARG002
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
