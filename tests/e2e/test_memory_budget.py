"""No record that the topics' limits let through takes a command, as a process, above its container's memory.

The limit is that of deploy/: 512 MiB. Peaks are printed; `pytest -rP` shows them.
"""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest
from kafka import KafkaProducer

from tests.support.brokers.kafka_server import KafkaBroker
from tests.support.events.event_builders import REDSHIFT, dataset, name, run_event
from tests.support.events.hostile_records import BLANKS, Hostile, bombs, speaking, swelling
from tests.support.processes.peak_memory import MIB, Measured
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(600)

MOST_MIB = 512
HONEST_MIB = 300
PATIENCE_S = 300
EVENTS = 42
COLUMNS = 2_200
"""Columns of an honest event's output; with their lineage they are 0.86 MB."""

WIDE = str(8 * MIB)


class Bench:
    """Two topics, and what runs on them.

    Args:
        broker: Where they are made.
        folder: For graphs, logs and peaks.
        partitions: Of the topic of events.
    """

    def __init__(self, broker: KafkaBroker, folder: Path, partitions: int = 1) -> None:
        self._broker = broker
        self._folder = folder
        self.topic = broker.create_topic(partitions=partitions, max_message_bytes=WIDE)
        self.dead = broker.create_topic(max_message_bytes=WIDE)
        self._group = f"group-{uuid.uuid4().hex[:8]}"

    def send(self, records: Iterable[Hostile]) -> int:
        """Writes records, each in a batch of its own; returns how many."""
        producers: dict[str | None, KafkaProducer] = {}
        count = 0
        for record in records:
            if record.codec not in producers:
                producers[record.codec] = KafkaProducer(
                    bootstrap_servers=self._broker.bootstrap,
                    compression_type=record.codec,
                    max_request_size=2**31 - 1,
                )
            sent = producers[record.codec].send(self.topic, value=record.value, headers=list(record.headers))
            sent.get(60)
            count += 1
        for producer in producers.values():
            producer.close()
        return count

    def environment(self, **more: str) -> dict[str, str]:
        """All variables of a process."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")}
        own = {
            "GRAPH": f"sqlite:///{self._folder / 'graph.db'}",
            "KAFKA__BOOTSTRAP_SERVERS": self._broker.bootstrap,
            "KAFKA__TOPIC": self.topic,
            "KAFKA__DEAD_LETTER_TOPIC": self.dead,
            "KAFKA__GROUP_ID": self._group,
            "DEAD_LETTERS__LIMIT_COUNT": "100000",
            "MAINTENANCE__RECONCILE_EVERY_S": "0",
            **more,
        }
        return kept | {f"HEADWATER_{key}": value for key, value in own.items()}

    def consume(self) -> float:
        """The peak of a service that reads all of the topic and ends by SIGTERM, in MiB."""
        service = Measured(self._folder / "consume", ("consume",), self.environment())

        def check() -> None:
            assert service.process.poll() is None, service.log.read_text()

        try:
            wait_until(
                lambda: self._broker.lag(self.topic, self._group) == 0,
                "all is committed",
                patience_s=PATIENCE_S,
                pause_s=0.2,
                check=check,
                context=service.log.read_text,
            )
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(PATIENCE_S) == 0, service.log.read_text()
        finally:
            service.process.kill()
            service.process.wait()
        return service.peak_mib()

    def run(self, code: int, *arguments: str, **more: str) -> float:
        """The peak of a command that ends by itself with an exit code, in MiB."""
        command = Measured(self._folder / arguments[0], arguments, self.environment(**more))
        assert command.wait(PATIENCE_S) == code, command.log.read_text()[-3000:]
        return command.peak_mib()


def packed(records: Iterable[Hostile]) -> Iterable[Hostile]:
    """Records in small batches, so that not the way to them is what takes time."""
    return (record._replace(codec="zstd") for record in records)


def test_no_record_takes_a_command_above_its_limit(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """Bombs in every codec, events that swell, and events that say as much as they may; each is read and committed."""
    bench = Bench(kafka_broker, tmp_path)
    plain = [record for record in swelling() if record.name in {"one long string", "schema of [[]]"}]
    # What takes long is what the graph writes of them, so that a replay begins behind them.
    slow = bench.send(packed(speaking()))
    bench.send([*bombs(), *packed(swelling()), *plain])
    other = f"sqlite:///{tmp_path / 'replayed.db'}"
    peaks = {
        "consume": bench.consume(),
        "replay": bench.run(1, "replay", "--from", str(slow), "--into", other),
        "dead-letters of letters": bench.run(0, "dead-letters", "list", "--json"),
        # Nobody keeps others from writing into the topic of dead letters.
        "dead-letters of the same": bench.run(
            0, "dead-letters", "list", "--json", KAFKA__DEAD_LETTER_TOPIC=bench.topic
        ),
        "dead-letters redrive": bench.run(1, "dead-letters", "redrive", "--all", "--force"),
    }
    print(f"peaks in MiB: {peaks}")  # noqa: T201 -- the figure of a run that passes
    assert max(peaks.values()) <= MOST_MIB, peaks


def test_no_line_takes_ingest_above_its_limit(tmp_path: Path) -> None:
    """Lines, arrays and documents that are as long as a disk lets them be."""
    unit = b"[[]], " * 10_000 + b" " * (MIB - 60_000)
    files = {"line": (b"{", unit), "array": (b"[1, [", unit), "document": (b"\n{\n", unit + b"\n")}
    for kind, (head, each) in files.items():
        with (tmp_path / kind).open("wb") as file:
            file.write(head)
            for _ in range(BLANKS // MIB):
                file.write(each)
    (tmp_path / "lines").write_bytes(b"\n".join(record.value for record in (*swelling(), *speaking())))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")}
    names = [str(tmp_path / kind) for kind in (*files, "lines")]
    options = ("--graph", f"sqlite:///{tmp_path / 'graph.db'}", "--dead-letters", str(tmp_path / "rejected"))
    command = Measured(tmp_path / "ingest", ("ingest", *names, *options), environment)
    assert command.wait(PATIENCE_S) == 1, command.log.read_text()[-3000:]
    print(f"peak of ingest in MiB: {command.peak_mib()}")  # noqa: T201 -- the figure of a run that passes
    assert command.peak_mib() <= MOST_MIB


def test_large_honest_events_take_little(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """Wide models with all their lineage, in large batches on several partitions, stay below the documented measure."""
    bench = Bench(kafka_broker, tmp_path, partitions=6)
    producer = KafkaProducer(
        bootstrap_servers=kafka_broker.bootstrap,
        compression_type="zstd",
        max_request_size=2**31 - 1,
        batch_size=8_000_000,
        linger_ms=2_000,
    )
    for number in range(EVENTS):
        producer.send(bench.topic, value=honest(number), partition=number % 6)
    producer.close()
    peak = bench.consume()
    print(f"peak of consume in MiB: {peak}")  # noqa: T201 -- the figure of a run that passes
    assert not kafka_broker.records(bench.dead)
    assert peak <= HONEST_MIB


def honest(number: int) -> bytes:
    """A run of a model of its own, with all columns described and each made of one of five sources."""
    columns = [
        {"name": f"column_{at:05}", "type": "character varying(256)", "description": f"what column {at} says, in words"}
        for at in range(COLUMNS)
    ]
    sources = [f"source_{number}_{at}" for at in range(5)]
    kind = {"type": "DIRECT", "subtype": "IDENTITY", "description": "", "masking": False}
    fields = {
        column["name"]: {
            "inputFields": [
                {
                    "namespace": REDSHIFT,
                    "name": name(sources[at % 5]).name,
                    "field": column["name"],
                    "transformations": [kind],
                }
            ]
        }
        for at, column in enumerate(columns)
    }
    event = run_event(
        "COMPLETE",
        number % 60,
        run=f"r{number}",
        inputs=[dataset(source, schema={"fields": columns[:100]}) for source in sources],
        outputs=[dataset(f"made_{number}", schema={"fields": columns}, columnLineage={"fields": fields})],
    )
    return orjson.dumps({**event, "job": {"namespace": "dbt", "name": f"model_{number}", "facets": {}}})
