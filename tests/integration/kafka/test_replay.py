"""`headwater replay`: the same bytes from the topic as the service made, without a trace in the topic's groups."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import Result
from kafka import KafkaAdminClient
from kafka import TopicPartition as KafkaPartition

from consumer.errors import HeadwaterError
from consumer.kafka.offset_range import RangeBound
from consumer.kafka.replay_source import NO_RECORD_TIMEOUT_S, ReplaySource
from consumer.kafka.topic_reader import open_reader
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.graph.graph_of_events import embedded, sample
from tests.support.graph.release_graph import GRAPHS
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import KafkaBroker
from tests.support.waiting import wait_until

pytestmark = pytest.mark.each_kafka

SAMPLES = ("events_athena", "events_redshift")
DOCUMENTS = sample(*SAMPLES)


class Topic:
    """A topic with real events and two records that are none."""

    def __init__(self, server: KafkaBroker, folder: Path, documents: Sequence[Any] = DOCUMENTS) -> None:
        self.server = server
        self.kit = KafkaKit(server)
        self.name, self.dead = self.kit.topic(3), self.kit.topic()
        self.env = {
            "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": server.bootstrap,
            "HEADWATER_KAFKA__TOPIC": self.name,
            "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": self.dead,
            "HEADWATER_GRAPH": f"sqlite:///{folder / 'configured.db'}",
            "HEADWATER_BATCH__MAX_RECORDS": "20",
            "HEADWATER_BATCH__MAX_AGE_S": "0.1",
        }
        records = [(document["job"]["name"].encode(), orjson.dumps(document), ()) for document in documents]
        with closing(self.kit.producer()) as producer:
            producer.write(self.name, [*records[:30], (b"k", b"{]", ()), (b"k", None, ()), *records[30:]])

    def run(self, *arguments: str | Path) -> Result:
        """`headwater replay ARGUMENTS`."""
        return headwater("replay", *arguments, env=self.env)

    def ends(self) -> dict[int, int]:
        """How many records each partition has."""
        with open_reader(self.kit.settings(), self.name) as reader:
            return {span.topic_partition.partition: span.stop for span in reader.ranges()}


@pytest.fixture
def topic(kafka_broker: KafkaBroker, tmp_path: Path) -> Topic:
    """A topic of its own."""
    return Topic(kafka_broker, tmp_path)


def exported(graph: str) -> bytes:
    """The graph as bytes."""
    return headwater("export", "--graph", graph).stdout_bytes


def test_rebuilds_the_graph(topic: Topic, tmp_path: Path) -> None:
    """A new store ends with the same bytes; what is rejected is listed, and neither groups nor letters are touched."""
    graph, listed = f"sqlite:///{tmp_path / 'rebuilt.db'}", tmp_path / "rejected.jsonl"
    with KafkaAdminClient(bootstrap_servers=topic.server.bootstrap) as admin:
        groups = {group["group_id"] for group in admin.list_groups()}
        done = topic.run("--from", "beginning", "--into", graph, "--rejected", listed, "--json")
        assert {group["group_id"] for group in admin.list_groups()} == groups, "no group was joined"
    assert done.exit_code == 1, "records were rejected"
    assert exported(graph).strip() == embedded([DOCUMENTS]).strip(), "another graph than that of the events"
    summary: dict[str, Any] = json.loads(done.stdout)
    counts = {name: summary[name] for name in ("records", "events", "rejected", "lost")}
    assert counts == {"records": len(DOCUMENTS) + 2, "events": len(DOCUMENTS), "rejected": 2, "lost": 0}
    assert sum(summary["to"].values()) == len(DOCUMENTS) + 2, "each partition's end is told"
    rejected = [json.loads(line) for line in listed.read_text().splitlines()]
    assert sorted("tombstone" in row["reason"] for row in rejected) == [False, True], rejected
    assert topic.server.records(topic.dead) == [], "no dead letter is written twice"
    assert not (tmp_path / "configured.db").exists(), "the graph that is named, and no other"


def test_a_graph_of_an_older_format_is_made_anew(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """Headwater refuses the file of a build before 0.1.0, and what it advises makes the graph of the same events."""
    older = GRAPHS / "older" / "before-0.1.0.sqlite"
    events = [orjson.loads(line) for line in older.with_suffix(".jsonl").read_bytes().splitlines()]
    topic = Topic(kafka_broker, tmp_path, events)
    old, new = f"sqlite:///{shutil.copy(older, tmp_path)}", f"sqlite:///{tmp_path / 'new.db'}"
    refused = topic.run("--from", "beginning", "--into", old)
    advice = "headwater replay --from beginning --into URL"
    assert (refused.exit_code, advice in refused.stderr) == (2, True), refused.output
    done = topic.run("--from", "beginning", "--into", new, "--json")
    assert json.loads(done.stdout)["events"] == len(events), done.output
    assert exported(new).strip() == embedded([events]).strip()


def test_parts_make_the_whole(topic: Topic, tmp_path: Path) -> None:
    """Offsets and times cut the topic; the parts together, in any order, are the same graph as all at once."""
    graph, ends = f"sqlite:///{tmp_path / 'configured.db'}", topic.ends()
    halves = [f"{number}:{end // 2}" for number, end in ends.items()]
    first = topic.run("--json", "--from", "0", *(word for half in halves for word in ("--to", half)))
    second = topic.run("--json", *(word for half in halves for word in ("--from", half)), "--to", "end")
    records = [json.loads(done.stdout)["records"] for done in (second, first)]
    assert sum(records) == sum(ends.values()), "each record is in one part"
    assert exported(graph).strip() == embedded([DOCUMENTS]).strip(), "the parts make another graph"
    assert json.loads(topic.run("--from", "1h", "--json").stdout)["records"] == sum(ends.values()), "all of it is new"
    none = topic.run("--from", "2100-01-01T00:00:00Z", "--json")
    assert (none.exit_code, json.loads(none.stdout)["records"]) == (0, 0), none.output
    assert topic.run("--from", "9:0").exit_code == 2, "there is no such partition"
    assert topic.run("--from", "soon").exit_code == 2
    dateless = topic.run("--from", "20261121")
    assert (dateless.exit_code, "a time is written 2026-11-21T05:00:00Z" in dateless.stderr) == (2, True), (
        dateless.output
    )


def test_what_is_gone_is_told(topic: Topic, tmp_path: Path) -> None:
    """Offsets that retention took are counted as lost, and fail the command."""
    number, end = max(topic.ends().items(), key=lambda item: item[1])
    with KafkaAdminClient(bootstrap_servers=topic.server.bootstrap) as admin:
        admin.delete_records({KafkaPartition(topic.name, number): 7})
    graph = f"sqlite:///{tmp_path / 'graph.db'}"
    done = topic.run("--from", f"{number}:2", "--into", graph, "--json")
    summary = json.loads(done.stdout)
    assert (done.exit_code, summary["lost"], summary["records"]) == (1, 5, end - 7), done.output
    assert "5 records are no longer there" in done.stderr
    assert json.loads(topic.run("--from", "beginning", "--into", graph, "--json").stdout)["lost"] == 0, "as it is now"


def test_interrupted_and_continued(topic: Topic, tmp_path: Path) -> None:
    """Ctrl-C tells where to go on, and what is printed there makes the graph whole."""
    graph = f"sqlite:///{tmp_path / 'graph.db'}"
    with closing(topic.kit.producer()) as producer:
        for _ in range(40):
            producer.write(topic.name, [(b"k", orjson.dumps(document), ()) for document in DOCUMENTS])
    command: list[str | Path] = [
        Path(sys.executable).parent / "headwater",
        "replay",
        "--from",
        "beginning",
        "--into",
        graph,
    ]
    with subprocess.Popen(command, env=topic.env, stderr=subprocess.PIPE) as process:

        def check() -> None:
            assert process.poll() is None, "it ended before it wrote anything"

        wait_until(Path(graph.removeprefix("sqlite:///")).exists, "the graph is there", pause_s=0.01, check=check)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=120)[1].decode()
    if process.returncode == 130:
        assert "to go on: headwater replay --from " in said, said
        left = next(line for line in said.splitlines() if "to go on: " in line).partition("headwater replay ")[2]
        assert f"--into {graph}" in left, "what is left would go into another graph"
        assert left.count("--from ") == left.count("--to "), "it would read more than it was to"
        topic.run(*left.split())
    else:
        assert process.returncode == 1, said  # a fast machine was done
    assert exported(graph).strip() == embedded([DOCUMENTS]).strip(), "what was left out is missing"


def test_a_broker_that_falls_silent(topic: Topic) -> None:
    """Where nothing comes any more, short of the end, the replay ends with an error instead of waiting for ever."""
    now = 0.0
    with open_reader(topic.kit.settings(), topic.name) as reader:
        source = ReplaySource(reader, reader.ranges(RangeBound()), threading.Event(), clock=lambda: now)
        source.subscribe(lambda _: None)
        assert any(source.poll(0.2, 5) for _ in range(300)), "nothing came at all"
        reader.poll = lambda *_: []  # type: ignore[method-assign] # the broker's silence
        assert source.poll(0.0, 5) == []
        now = NO_RECORD_TIMEOUT_S + 1
        source.heartbeat(0)
        assert source.poll(0.0, 5) == [], "it was the graph that was slow, and nobody asked for records"
        now += NO_RECORD_TIMEOUT_S + 1
        with pytest.raises(HeadwaterError, match="no record for 61 s"):
            source.poll(0.0, 5)
    assert sum(source.lag().values()) > 0, "there was more to read"
