"""`headwater dead-letters`: from the topic of what was rejected to a person, and back to where it came from."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import Any

import orjson
import pytest
from click.testing import Result

from consumer.kafka.dead_letter_topic import TopicDeadLetters, parse_dead_letter
from consumer.kafka.redrive import REDRIVEN
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.record import Record
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.events.event_builders import run_event
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import KafkaBroker

pytestmark = pytest.mark.each_kafka

GOOD = orjson.dumps(run_event("COMPLETE", 1, inputs=["a"], outputs=["b"]))
BAD = orjson.dumps({**run_event("COMPLETE", 1), "run": {"facets": {}}})
REASON = "expected a string; it is missing or null"


class Mail:
    """A topic with dead letters: one that is mended, one that is not, and one that was never an event of ours."""

    def __init__(self, server: KafkaBroker) -> None:
        self.kit = KafkaKit(server)
        self.server = server
        self.topic, self.dead = self.kit.topic(), self.kit.topic()
        good = Record(self.topic, 0, 41, b"job", GOOD, 1_700_000_000_123, (("trace", b"x"),))
        bad = Record(self.topic, 0, 42, b"job", BAD, 1_700_000_000_124)
        with closing(TopicDeadLetters(self.kit.producer(), self.dead)) as letters:
            letters.write([DeadLetter(good, "a graph that was wrong"), DeadLetter(bad, REASON, "$.run.runId")])
        with closing(self.kit.producer()) as producer:
            producer.write(self.dead, [(None, b"\x1b[2J not ours", ())])

    def run(self, *arguments: str) -> Result:
        """`headwater dead-letters ARGUMENTS`."""
        env = {
            "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": self.server.bootstrap,
            "HEADWATER_KAFKA__TOPIC": self.topic,
            "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": self.dead,
        }
        return headwater("dead-letters", *arguments, env=env)

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """What a command prints with --json, line by line."""
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]


@pytest.fixture
def mail(kafka_broker: KafkaBroker) -> Mail:
    """Three dead letters."""
    return Mail(kafka_broker)


def test_list(mail: Mail) -> None:
    """Each letter has a line with its place, its origin and its reason; filters leave out the others."""
    rows = mail.rows("list")
    assert [(row["letter"], row["offset"], row["state"]) for row in rows[:2]] == [
        ("0:0", 41, "waiting"),
        ("0:1", 42, "waiting"),
    ]
    assert (rows[1]["path"], rows[1]["reason"], rows[1]["key"]) == ("$.run.runId", REASON, "job")
    assert rows[0]["timestamp"] == "2023-11-14T22:13:20Z", "the record's own time, beside that of the rejection"
    assert [row["letter"] for row in mail.rows("list", "--reason", "RUNID")] == ["0:1"], "in any case, in the path too"
    assert [row["letter"] for row in mail.rows("list", "--since", "1h", "--limit", "1")] == ["0:2"], "the latest"
    assert mail.rows("list", "--since", "2100-01-01") == [], "none from the future"
    told = mail.run("list")
    assert f"{mail.topic}[0]@42  $.run.runId: {REASON}" in told.stdout, told.output
    assert "3 dead letters" in told.stderr
    assert mail.run("list", "--since", "yesterday").exit_code == 2


def test_show(mail: Mail) -> None:
    """One letter is shown whole, and the place in its document is marked; nothing in it moves the terminal."""
    shown = mail.run("show", "0:1").stdout
    assert '>   "run": {' in shown, f"what is nearest above the missing runId is marked:\n{shown}"
    assert shown.count("\n> ") == 1, "one place"
    assert f"reason       {REASON}" in shown
    assert "\\x1b[2J not ours" in mail.run("show", "0:2").stdout, "control characters are spelled out"
    whole = json.loads(mail.run("show", "0:0", "--json").stdout)
    assert (whole["value"].encode(), whole["headers"]) == (GOOD, [["trace", "x"]])
    for wrong, words in {
        "0:9": "the topic has 0:0 to 0:2",
        "7:0": "dead letter 7:0 does not exist",
        "x": "not a valid PARTITION:OFFSET",
    }.items():
        done = mail.run("show", wrong)
        assert (done.exit_code, words in done.stderr) == (2, True), done.output


def test_redrive(mail: Mail) -> None:
    """What decodes goes back as it was, once; the rest is refused with its reason; a dry run does nothing."""
    dry = mail.run("redrive", "--all", "--dry-run")
    assert (dry.exit_code, mail.server.records(mail.topic)) == (1, []), "nothing is written"
    assert "1 would be redriven, 2 would be refused" in dry.stderr, dry.output

    before = int(time.time() * 1000)
    done = mail.rows("redrive", "--all")
    assert {row["letter"]: row["outcome"] for row in done} == {"0:0": "redriven", "0:1": "refused", "0:2": "refused"}
    assert "$.run.runId" in next(row["hindrance"] for row in done if row["letter"] == "0:1")
    (back,) = mail.kit.browse(mail.topic)
    assert (back.key, back.value, back.headers) == (b"job", GOOD, (("trace", b"x"),)), "the original record"
    assert back.timestamp_ms >= before, "it is new in its topic, where retention begins to count"

    again = mail.run("redrive", "--all")
    assert (again.exit_code, "0 redriven, 2 refused, 1 went back before" in again.stderr) == (1, True), again.output
    assert len(mail.server.records(mail.topic)) == 1, "it went back once"
    assert {row["letter"]: row["state"] for row in mail.rows("list")}["0:0"] == "redriven"
    assert "state        redriven" in mail.run("show", "0:0").stdout
    assert mail.run("show", "0:3").exit_code == 2, "a mark is no letter"


def test_redrive_named_and_forced(mail: Mail) -> None:
    """Letters can be named; force sends what would be rejected again, but nothing without a topic to go to."""
    assert mail.run("redrive", "0:0").exit_code == 0
    assert mail.run("redrive", "0:0").exit_code == 0, "safe to repeat"
    assert len(mail.server.records(mail.topic)) == 1
    forced = {row["letter"]: row["outcome"] for row in mail.rows("redrive", "0:0", "0:1", "0:2", "--force")}
    assert forced == {"0:0": "redriven", "0:1": "redriven", "0:2": "refused"}
    assert [record.value for record in mail.server.records(mail.topic)] == [GOOD, GOOD, BAD]
    for arguments in ([], ["0:0", "--all"]):
        done = mail.run("redrive", *arguments)
        assert (done.exit_code, "say which letters" in done.stderr) == (2, True), done.output


def test_marks_lie_beside_their_letters(kafka_broker: KafkaBroker) -> None:
    """In a topic of several partitions a mark lies in its letter's, so that retention takes the letter first."""
    kit = KafkaKit(kafka_broker)
    topic, dead = kit.topic(), kit.topic(4)
    records = [Record(topic, 0, number, b"job%d" % number, GOOD, 1) for number in range(12)]
    with closing(TopicDeadLetters(kit.producer(), dead)) as letters:
        letters.write([DeadLetter(record, "wrong") for record in records])
    env = {
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": kafka_broker.bootstrap,
        "HEADWATER_KAFKA__TOPIC": topic,
        "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": dead,
    }
    for _ in range(2):
        assert headwater("dead-letters", "redrive", "--all", env=env).exit_code == 0
    assert len(kafka_broker.records(topic)) == len(records)
    marks = [(record, dict(record.headers)) for record in kit.browse(dead) if REDRIVEN in dict(record.headers)]
    assert len(marks) == len(records)
    for record, headers in marks:
        assert headers[REDRIVEN].startswith(b"%d:" % record.partition), f"{record} marks {headers[REDRIVEN]!r}"
        assert parse_dead_letter(record).record.headers == (), "a mark has no headers but its own"
