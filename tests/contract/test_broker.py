"""What every broker does for the loop: the embedded one, Kafka 3 and 4, and Kafka behind TLS and a password."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, suppress

import pytest

from consumer.errors import TransientError, UsageError
from consumer.kafka.dead_letter_topic import TopicDeadLetters, dead_letter_headers, parse_dead_letter
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.ports import RecordSource
from consumer.processing.record import Record, TopicPartition
from tests.support.brokers.both_brokers import KafkaKit, Kit, MemoryKit
from tests.support.brokers.in_memory_broker import Broker
from tests.support.processes.servers import KafkaBroker
from tests.support.variants import one_of
from tests.support.waiting import wait_until

PATIENCE_S = 120.0


BROKERS = ("memory", "file", "kafka-4", *one_of(("kafka-scram", "kafka")))


@pytest.fixture(params=BROKERS)
def kit(request: pytest.FixtureRequest) -> Iterator[Kit]:
    """Each broker in turn."""
    if request.param in {"memory", "file"}:
        path = request.getfixturevalue("tmp_path") / "log.db" if request.param == "file" else None
        with closing(Broker(path)) as broker:
            yield MemoryKit(broker)
    else:
        fixture = "kafka_4_broker" if request.param == "kafka-4" else "kafka_broker"
        server: KafkaBroker = request.getfixturevalue(fixture)
        yield KafkaKit(server, secure=request.param == "kafka-scram")


def nobody(_: Collection[TopicPartition]) -> None:
    """Does not mind what is revoked."""


def send(kit: Kit, topic: str, *values: str, key: str | None = None) -> None:
    """Writes texts under one key."""
    with closing(kit.producer()) as producer:
        producer.write(topic, [(key.encode() if key else None, value.encode(), ()) for value in values])


def send_to_all(kit: Kit, topic: str) -> bool:
    """Writes under many keys, so that every partition gets some; false, to be waited with for what comes of it."""
    for key in "abcdefgh":
        send(kit, topic, key, key=key)
    return False


def until(step: Callable[[], bool], what: str) -> None:
    """Steps until it is so; each step polls, and so waits by itself."""
    wait_until(step, what, pause_s=0)


def take(source: RecordSource, count: int) -> list[Record]:
    """Polls until so many records are there."""
    found: list[Record] = []

    def enough() -> bool:
        found.extend(source.poll(0.2, count))
        return len(found) >= count

    until(enough, f"receiving {count} records")
    return found


class Member:
    """A member that polls all the time in a thread of its own, as a service does."""

    def __init__(self, source: RecordSource) -> None:
        self.records: list[Record] = []
        self.gone: set[TopicPartition] = set()
        self.committed: set[TopicPartition] = set()
        self.to_commit: set[TopicPartition] = set()
        self._source = source
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._source.subscribe(self.gone.update)
            while not self._stop.is_set():
                self.records += self._source.poll(0.1, 10)
                with suppress(TransientError):  # a rebalance; poll and try again, says the port
                    for place in self.to_commit - self.committed:
                        self._source.commit({place: 1})
                        self.committed.add(place)
        except BaseException as error:
            self._errors.append(error)
            raise

    def places(self) -> set[TopicPartition]:
        """The partitions that it has read from."""
        return {record.topic_partition for record in self.records}

    def owns(self) -> int:
        """How many partitions it has begun to read."""
        return len(self._source.lag())

    def close(self) -> None:
        """Stops polling and leaves the group."""
        self._stop.set()
        self._thread.join(PATIENCE_S)
        self._source.close()
        assert not self._errors, f"a member failed: {self._errors}"


class Losses(dict[TopicPartition, int]):
    """Records that are lost, by partition."""

    def __call__(self, place: TopicPartition, count: int) -> None:
        """Adds a loss."""
        self[place] = self.get(place, 0) + count


def commit_ahead(kit: Kit, topic: str, offset: int) -> None:
    """Commits an offset that the topic does not have yet, as it is when the topic's end was lost."""
    with closing(kit.source(topic, "g")) as source:
        source.subscribe(nobody)
        take(source, 1)
        source.commit({TopicPartition(topic, 0): offset})


class TestBroker:
    """The contract."""

    def test_keeps_order_and_content(self, kit: Kit) -> None:
        """Records of one partition come in the order of their writing, with key, value and headers as written."""
        topic = kit.topic()
        with closing(kit.producer()) as producer:
            producer.write(topic, [(b"k", b"one", (("h", b"1"), ("h", b"2"))), (None, b"two", ()), (b"k", None, ())])
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(nobody)
            found = take(source, 3)
        assert [(record.key, record.value) for record in found] == [(b"k", b"one"), (None, b"two"), (b"k", None)]
        assert found[0].headers == (("h", b"1"), ("h", b"2")), "headers keep their order and may repeat"
        assert [record.offset for record in found] == [0, 1, 2]
        assert 10**12 < found[0].timestamp_ms < 10**13, "the timestamp is milliseconds since 1970"

    def test_gives_no_more_than_asked(self, kit: Kit) -> None:
        """A poll is bounded, and the next one goes on where it ended."""
        topic = kit.topic()
        send(kit, topic, *"abcde")
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(nobody)
            first = take(source, 2)
            assert len(first) == 2
            assert [record.value for record in first + take(source, 3)] == [b"a", b"b", b"c", b"d", b"e"]

    def test_goes_on_from_the_commit(self, kit: Kit) -> None:
        """A member that comes later begins at what was committed, not at what was read."""
        topic = kit.topic()
        send(kit, topic, *"abc")
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(nobody)
            take(source, 3)
            source.commit({TopicPartition(topic, 0): 2})
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(nobody)
            assert [record.value for record in take(source, 1)] == [b"c"]

    def test_redelivers_what_was_not_committed(self, kit: Kit) -> None:
        """Without a commit, everything comes again."""
        topic = kit.topic()
        send(kit, topic, *"ab")
        for _ in range(2):
            with closing(kit.source(topic, "g")) as source:
                source.subscribe(nobody)
                assert [record.value for record in take(source, 2)] == [b"a", b"b"]

    def test_groups_are_apart(self, kit: Kit) -> None:
        """What one group commits is nothing to another."""
        topic = kit.topic()
        send(kit, topic, "a")
        for group in ("one", "two"):
            with closing(kit.source(topic, group)) as source:
                source.subscribe(nobody)
                assert take(source, 1)[0].value == b"a"
                source.commit({TopicPartition(topic, 0): 1})

    def test_latest_begins_at_the_end(self, kit: Kit) -> None:
        """A new group may skip what is there; from then on nothing is skipped, not even after a crash."""
        topic = kit.topic()
        send(kit, topic, "old")
        with closing(kit.source(topic, "g", begin="latest")) as source:
            source.subscribe(nobody)
            until(lambda: source.poll(0.2, 10) == [] and source.lag() == {TopicPartition(topic, 0): 0}, "beginning")
        send(kit, topic, "while away")
        with closing(kit.source(topic, "g", begin="latest")) as source:
            source.subscribe(nobody)
            assert [record.value for record in take(source, 1)] == [b"while away"]

    def test_added_partitions_are_read(self, kit: Kit) -> None:
        """Partitions that are added are read from their first record, also under `latest`: nobody meant to skip it."""
        topic = kit.topic()
        with closing(kit.source(topic, "g", begin="latest")) as source:
            source.subscribe(nobody)
            until(lambda: source.poll(0.2, 10) == [] and len(source.lag()) == 1, "beginning")
            kit.add_partitions(topic, 4)
            send_to_all(kit, topic)
            assert {record.value for record in take(source, 8)} == {key.encode() for key in "abcdefgh"}

    def test_partitions_added_while_away_are_read(self, kit: Kit) -> None:
        """Partitions that are added while no member is there are no older records that `latest` would skip."""
        topic = kit.topic()
        with closing(kit.source(topic, "g", begin="latest")) as source:
            source.subscribe(nobody)
            until(lambda: source.poll(0.2, 10) == [] and len(source.lag()) == 1, "beginning")
        kit.add_partitions(topic, 4)
        until(lambda: send_to_all(kit, topic) or len({record.partition for record in kit.browse(topic)}) == 4, "adding")
        written = {record.topic_partition: record.offset for record in kit.browse(topic)}
        with closing(kit.source(topic, "g", begin="latest")) as source:
            source.subscribe(nobody)
            found = take(source, sum(last + 1 for last in written.values()))
        assert {record.topic_partition: record.offset for record in found} == written

    def test_latest_is_the_same_end_for_all(self, kit: Kit) -> None:
        """Members that come to a new group under `latest` skip what is there, whichever of them is the first."""
        topic = kit.topic(partitions=4)
        send_to_all(kit, topic)
        old = {record.topic_partition: record.offset for record in kit.browse(topic)}
        assert len(old) == 4
        with (
            closing(Member(kit.source(topic, "g", begin="latest"))) as first,
            closing(Member(kit.source(topic, "g", begin="latest"))) as second,
        ):
            wait_until(lambda: first.owns() + second.owns() == 4 and first.owns() == 2, "sharing")
            send_to_all(kit, topic)
            wait_until(lambda: first.places() | second.places() == old.keys(), "reading of all partitions")
            found = first.records + second.records
        assert [record for record in found if record.offset <= old[record.topic_partition]] == []

    def test_rebalances(self, kit: Kit) -> None:
        """A second member gets a share, the first is told what it lost, and each commits its own."""
        topic = kit.topic(partitions=2)
        both = {TopicPartition(topic, 0), TopicPartition(topic, 1)}
        with closing(Member(kit.source(topic, "g"))) as first:
            send_to_all(kit, topic)
            wait_until(lambda: first.places() == both, "reading of both partitions")
            with closing(Member(kit.source(topic, "g"))) as second:
                wait_until(lambda: len(first.gone) == 1, "the revocation of one partition")
                wait_until(lambda: second.places() == first.gone, "the new owner's reading, from the beginning")
                first.to_commit = both - first.gone
                second.to_commit = set(first.gone)
                wait_until(lambda: first.committed | second.committed == both, "committing by both")
                assert not second.gone, "the second member should have kept what it got"

    def test_takes_over_from_who_leaves(self, kit: Kit) -> None:
        """What a member read and left uncommitted comes to the one that stays."""
        topic = kit.topic(partitions=2)
        with closing(Member(kit.source(topic, "g"))) as stays:
            with closing(Member(kit.source(topic, "g"))) as leaves:
                wait_until(lambda: bool(leaves.places()) or send_to_all(kit, topic), "reading by the second member")
                # While the other one still holds its share, or what is taken over at once would be forgotten here.
                stays.records.clear()
            wait_until(lambda: leaves.places() <= stays.places(), "taking over")

    def test_lag_is_what_was_not_given(self, kit: Kit) -> None:
        """The lag counts down as records are given, and ends at nought."""
        topic = kit.topic()
        place = TopicPartition(topic, 0)
        send(kit, topic, *"abcde")
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(nobody)
            assert source.lag() == {}, "nothing is owned yet"
            assert len(take(source, 2)) == 2
            assert source.lag() == {place: 3}
            take(source, 3)
            assert source.lag() == {place: 0}
        assert source.lag() == {}, "who has left owns nothing"

    def test_retention_overtakes_the_reader(self, kit: Kit) -> None:
        """What retention takes before it is read is counted, and reading goes on at what is left."""
        topic, lost = kit.topic(), Losses()
        send(kit, topic, *"abc")
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(nobody, lost)
            take(source, 3)
            source.heartbeat(0.5)  # ends the fetch that is under way, or it would bring some of what follows
            send(kit, topic, *"defghij")
            kit.truncate(TopicPartition(topic, 0), 7)
            found = take(source, 3)
        assert [record.offset for record in found] == [7, 8, 9]
        assert lost == {TopicPartition(topic, 0): 4}, "d, e, f and g were never read"

    def test_retention_overtakes_the_group_while_it_is_away(self, kit: Kit) -> None:
        """A loss during an outage is told by the next member, and not again by the one after."""
        topic, lost = kit.topic(), Losses()
        place = TopicPartition(topic, 0)
        send(kit, topic, *"abcdef")
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(nobody)
            take(source, 6)
            source.commit({place: 2})
        kit.truncate(place, 5)
        for _ in range(2):
            with closing(kit.source(topic, "g")) as source:
                source.subscribe(nobody, lost)
                assert [record.value for record in take(source, 1)] == [b"f"]
        assert lost == {place: 3}, "c, d and e are lost, once"

    def test_offset_beyond_the_end(self, kit: Kit) -> None:
        """A group that is beyond the topic's end reads what is there; nothing is known to be lost."""
        topic, lost = kit.topic(), Losses()
        send(kit, topic, *"ab")
        commit_ahead(kit, topic, 40)
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(nobody, lost)
            assert [record.value for record in take(source, 2)] == [b"a", b"b"]
        assert lost == {}

    def test_lost_offsets_latest(self, kit: Kit) -> None:
        """Under `latest` it goes on at the end, and what it leaves out is counted."""
        topic, lost = kit.topic(), Losses()
        place = TopicPartition(topic, 0)
        send(kit, topic, *"abcdef")
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(nobody)
            take(source, 1)
            source.commit({place: 1})
        kit.truncate(place, 3)
        with closing(kit.source(topic, "g", "latest")) as source:
            source.subscribe(nobody, lost)
            until(lambda: source.poll(0.2, 10) == [] and bool(lost), "telling of the loss")
            send(kit, topic, "g")
            assert [record.value for record in take(source, 1)] == [b"g"]
        assert lost == {place: 5}

    def test_lost_offsets_stop(self, kit: Kit) -> None:
        """Under `stop` it ends with both offsets in words, and commits nothing."""
        topic = kit.topic()
        send(kit, topic, *"ab")
        commit_ahead(kit, topic, 40)
        for _ in range(2):
            with closing(kit.source(topic, "g", "stop")) as source:
                source.subscribe(nobody)
                with pytest.raises(UsageError, match=r"is at 40, but .*ends at 2.*on_lost_offsets is stop"):
                    take(source, 1)

    def test_topic_made_anew(self, kit: Kit) -> None:
        """Another topic of the same name is read from its first record, though it has more than was read of the old."""
        topic, gone = kit.topic(), set[TopicPartition]()
        place = TopicPartition(topic, 0)
        send(kit, topic, *"abc")
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(gone.update)
            take(source, 3)
            kit.make_anew(topic)
            send(kit, topic, *"ABCDE")
            found: dict[int, bytes | None] = {}

            def all_read() -> bool:
                with suppress(TransientError):  # while there is none of its name
                    found.update({record.offset: record.value for record in source.poll(0.2, 10)})
                return len(found) == 5

            until(all_read, "reading of the new topic")
            source.commit({place: 5})
        assert found == dict(enumerate([b"A", b"B", b"C", b"D", b"E"]))
        assert gone == {place}, "what was in hand of the old one is void"

    def test_heartbeat_takes_nothing(self, kit: Kit) -> None:
        """A member that waits stays one, and reads on afterwards where it was."""
        topic = kit.topic()
        send(kit, topic, "a")
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(nobody)
            take(source, 1)
            send(kit, topic, "b", "c")
            for _ in range(3):
                source.heartbeat(0.2)
            source.commit({TopicPartition(topic, 0): 1})
            assert [record.value for record in take(source, 2)] == [b"b", b"c"]

    def test_heartbeat_before_the_first_record(self, kit: Kit) -> None:
        """What is assigned while a member only waits is read afterwards, from its beginning."""
        topic = kit.topic()
        send(kit, topic, "a", "b")
        with closing(kit.source(topic, "g")) as source:
            source.subscribe(nobody)
            for _ in range(5):
                source.heartbeat(0.2)
            assert [record.value for record in take(source, 2)] == [b"a", b"b"]

    def test_dead_letters_carry_their_origin(self, kit: Kit) -> None:
        """A dead letter is the record as it was, with reason, path and place in headers, and can be read back."""
        topic, dead = kit.topic(), kit.topic()
        rejected = Record(topic, 3, 41, b"job", b"{]", 1700000000123, (("trace", b"x"),))
        letter = DeadLetter(rejected, "no JSON: é", "$.inputs[2]")
        tombstone = DeadLetter(Record(topic, 0, 42, None, None, 1700000000124), "no value")
        with closing(TopicDeadLetters(kit.producer(), dead)) as dead_letters:
            dead_letters.write([letter, tombstone])
        found = list(kit.browse(dead))
        assert dict(found[0].headers) == {
            "trace": b"x",
            "headwater.reason": "no JSON: é".encode(),
            "headwater.path": b"$.inputs[2]",
            "headwater.topic": topic.encode(),
            "headwater.partition": b"3",
            "headwater.offset": b"41",
            "headwater.timestamp": b"1700000000123",
        }
        assert (found[0].key, found[0].value) == (b"job", b"{]")
        assert parse_dead_letter(found[0]) == letter
        assert dead_letter_headers(parse_dead_letter(found[0])) == found[0].headers, (
            "a letter that is rejected again keeps one set of headers"
        )
        assert (found[1].value, parse_dead_letter(found[1]).reason) == (None, "no value")

    def test_browses_everything(self, kit: Kit) -> None:
        """Browsing gives all records of all partitions, and needs no group."""
        topic = kit.topic(partitions=3)
        for key in "abcdefgh":
            send(kit, topic, key, key=key)
        assert sorted(record.value or b"" for record in kit.browse(topic)) == [
            b"a",
            b"b",
            b"c",
            b"d",
            b"e",
            b"f",
            b"g",
            b"h",
        ]
        assert list(kit.browse(kit.topic())) == []

    def test_names_the_missing_topic(self, kit: Kit) -> None:
        """Joining for a topic that is not there is a mistake to be corrected, not something to wait for."""
        missing = pytest.raises(UsageError, match="topic not-there does not exist")
        with closing(kit.source("not-there", "g")) as source, missing:
            source.subscribe(nobody)
