"""Forwards events to DataZone's look-alike through the real loop, on an embedded broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from consumer import wiring
from consumer.config.loader import Settings
from consumer.config.settings import BatchSettings
from consumer.datazone.sink_metrics import EventOutcome, RequestOutcome
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.observer import NullObserver
from consumer.processing.processor import StreamProcessor
from consumer.processing.record import TopicPartition
from schemas.decode import decode
from tests.support.brokers.in_memory_broker import Broker, MemoryProducer, MemorySource
from tests.support.waiting import wait_until

TOPIC = "events"
GROUP = "datazone"
PATIENCE_S = 240


class Letters(list[DeadLetter]):
    """Dead letters, kept in memory."""

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Keeps them."""
        self.extend(letters)

    def close(self) -> None:
        """Nothing is held."""


class Tally(NullObserver):
    """What the sink and the loop have told."""

    def __init__(self) -> None:
        self.fates: list[EventOutcome] = []
        self.answers: list[RequestOutcome] = []
        self.failures = 0
        self.cut = 0

    def event(self, fate: EventOutcome) -> None:
        """An event has met its fate."""
        self.fates.append(fate)

    def reduced(self) -> None:
        """An event was posted without all of its facets."""
        self.cut += 1

    def request(self, answer: RequestOutcome, rate: float) -> None:  # noqa: ARG002 - the port's signature
        """A post has ended."""
        self.answers.append(answer)

    def failed(self, step: str, error: Exception) -> None:  # noqa: ARG002
        """The loop tries again."""
        self.failures += 1


class Forwarding:
    """A topic, and a loop that forwards it.

    Attributes:
        letters: What was rejected.
        tally: What happened.
    """

    def __init__(self, settings: Settings, values: Sequence[bytes], **batch: Any) -> None:
        self.letters, self.tally = Letters(), Tally()
        self._settings = settings
        self._batch = BatchSettings.model_validate({"max_records": 100, "retry_first_s": 0.05, **batch})
        self._broker = Broker()
        self._broker.create_topic(TOPIC)
        MemoryProducer(self._broker).write(TOPIC, [(None, value, ()) for value in values])
        self._count = len(values)

    def committed(self) -> int:
        """How many records the group is done with."""
        return self._broker.committed(GROUP, TopicPartition(TOPIC, 0)) or 0

    def run(self) -> None:
        """Forwards all."""
        with self.running():
            self.until(lambda: self.committed() == self._count, "all is committed")

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits for something that the loop does."""

        def context() -> str:
            return f"{self.committed()} of {self._count} are committed"

        wait_until(condition, what, patience_s=PATIENCE_S, context=context)

    @contextmanager
    def running(self) -> Iterator[None]:
        """A loop at work, which is stopped at the end of the block."""
        stop = threading.Event()
        sink = wiring.datazone_sink(self._settings, self.tally)
        source = MemorySource(self._broker, TOPIC, GROUP)
        loop = StreamProcessor(
            source, decode, sink, self.letters, self._batch, time.monotonic, stop, observer=self.tally
        )
        failure: list[BaseException] = []

        def work() -> None:
            try:
                loop.run()
            except BaseException as error:  # noqa: BLE001 - raised again where the test sees it
                failure.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(PATIENCE_S)
            sink.close()
        assert not failure, f"the loop ended with {failure[0]!r}"
        assert not thread.is_alive(), "the loop ends when it is told to"


def small(number: int, job: str = "small") -> bytes:
    """A completed run of its own that reads one table and writes another."""
    tables = [f"awsdatacatalog.imdb.t{n % 500}" for n in (number, number + 1)]
    source, target = ({"namespace": "awsathena://athena.us-east-1.amazonaws.com", "name": name} for name in tables)
    return orjson.dumps(
        {
            "eventTime": "2026-11-21T05:00:00Z",
            "eventType": "COMPLETE",
            "run": {"runId": f"01a1fc8e-d2be-7e3e-93d4-{number:012x}"},
            "job": {"namespace": "test", "name": job},
            "inputs": [source],
            "outputs": [target],
            "producer": "https://example.com/producer",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        }
    )
