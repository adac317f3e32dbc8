"""A cluster that can be reached, looked at closely: its version, the topics' settings, our rights, lag and clock.

Nothing is changed: rights are those that the broker says we have (KIP-430), and reading is done without a group.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaAdminClient, errors
from kafka.admin import ConfigResource
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from consumer.checks.finding import ODD_SKEW_S, Finding, State
from consumer.config.settings import MIB, KafkaSettings
from consumer.kafka.client_options import client_options, talking
from consumer.kafka.offset_range import Span
from consumer.kafka.topic_admin import DAY_MS
from consumer.kafka.topic_reader import Reader, reading
from consumer.processing.record import Record
from consumer.time_parsing import spelled_time

TIMESTAMPS: Final = "message.timestamp.type"
AHEAD: Final = "message.timestamp.after.max.ms"
"""How far a record's time may be ahead of the broker's; an hour by default since Kafka 4.0."""

KEYS: Final = ("cleanup.policy", "retention.ms", "max.message.bytes", "min.insync.replicas", TIMESTAMPS, AHEAD)
"""The settings of a topic that matter here."""

SAMPLED: Final = 16
"""How many partitions the newest record is looked for in."""

COORDINATOR_S: Final = 10.0
"""How long a new cluster may take until it has somebody who minds groups."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as the broker describes it.

    Attributes:
        name: Its name.
        partitions: How many it has.
        copies: The fewest copies that a partition of it has.
        lagging: Partitions of which a copy is not in sync.
        leaderless: Partitions that nobody serves.
        rights: What we may do, in Kafka's words; None where the broker does not tell.
        configs: Its settings by `KEYS`; empty where we may not see them.
    """

    name: str
    partitions: int
    copies: int
    lagging: int = 0
    leaderless: int = 0
    rights: frozenset[str] | None = None
    configs: Mapping[str, str] = field(default_factory=dict)


def examine(
    settings: KafkaSettings, clock: Callable[[], float] = time.time, *, as_member: bool = True
) -> list[Finding]:
    """All that can be found out about a cluster that `diagnose` finds nothing wrong with.

    Args:
        settings: Brokers, credentials, topics and group.
        clock: Seconds since 1970, UTC.
        as_member: Whether whoever asks needs the rights of `headwater consume`; who makes topics does not.

    Raises:
        UsageError: It refuses to tell.
        TransientError: It can't be reached any more.
    """
    with talking("looking at the cluster", settings), closing(KafkaAdminClient(**client_options(settings))) as admin:
        cluster = admin.describe_cluster()
        events, dead = (_topic(admin, name) for name in (settings.topic, settings.dead_letter_topic))
        brokers = len(cluster["brokers"])
        found = [
            Finding("cluster", State.OK, f"{cluster['cluster_id']}, {brokers} brokers, Kafka {_version(admin)}"),
            judge_topic(events, brokers),
            judge_topic(dead, brokers, letters_of=events),
        ]
        group, committed = _group(admin, settings)
    rights = [judge_rights(events, {"READ", "DESCRIBE"}), judge_rights(dead, {"WRITE", "DESCRIBE"}, {"READ"}), group]
    hindered = any(finding.state is State.FAILED for finding in rights)
    if not as_member:
        rights = [_harmless(finding) for finding in rights]
        hindered = hindered or events.rights is None
    found += rights
    if hindered:
        return found  # who may not read can't be told what there is to read
    with reading(settings, settings.topic) as reader:
        spans = reader.spans()
        return [*found, _lag(reader, spans, committed, clock()), _newest(reader, spans, clock())]


def judge_topic(topic: Topic, brokers: int, letters_of: Topic | None = None) -> Finding:
    """Whether a topic's settings fit what it is for.

    Args:
        topic: The topic.
        brokers: How many the cluster has.
        letters_of: The topic whose dead letters it keeps, if it does that.
    """
    failed = [words for wrong, words in _faults(topic) if wrong]
    warned = [words for odd, words in _oddities(topic, brokers, letters_of) if odd]
    state = State.FAILED if failed else State.WARNING if warned else State.OK
    return Finding(f"topic {topic.name}", state, "; ".join([_facts(topic), *failed, *warned]))


def _facts(topic: Topic) -> str:
    facts = f"{topic.partitions} partitions, {topic.copies} copies"
    if topic.configs:
        retention = _number(topic, "retention.ms")
        kept = "for ever" if retention < 0 else f"for {retention / DAY_MS:.3g} days"
        facts += f", kept {kept}, records of up to {_number(topic, 'max.message.bytes') / MIB:.3g} MiB"
    return facts


def _faults(topic: Topic) -> list[tuple[bool, str]]:
    least = _number(topic, "min.insync.replicas", 1)
    policy = topic.configs.get("cleanup.policy", "delete")
    return [
        (topic.leaderless > 0, f"{topic.leaderless} partitions have no leader: look after the brokers"),
        (
            "compact" in policy,
            "cleanup.policy is compact, which keeps one record a key and no other: set delete",
        ),
        (least > topic.copies, f"min.insync.replicas is {least}, more than there are copies: nothing can be written"),
    ]


def _oddities(topic: Topic, brokers: int, letters_of: Topic | None) -> list[tuple[bool, str]]:
    least, largest = _number(topic, "min.insync.replicas", 1), _number(topic, "max.message.bytes", MIB)
    of_events = _number(letters_of, "max.message.bytes", MIB) if letters_of is not None else 0
    return [
        (topic.lagging > 0, f"{topic.lagging} partitions have copies out of sync"),
        (topic.copies == 1 < brokers, "one copy only: a broker's disk takes it along; use three"),
        (least == topic.copies > 1, f"min.insync.replicas is {least}, so one broker less stops all writing: one fewer"),
        (0 <= _number(topic, "retention.ms", DAY_MS) < DAY_MS, "kept less than a day: a longer outage loses records"),
        (largest < MIB, "records of a MiB don't fit: raise max.message.bytes"),
        (0 < largest <= of_events, "the largest record does not fit with its reason: raise max.message.bytes by a MiB"),
        (
            topic.configs.get(TIMESTAMPS) != "LogAppendTime" and 0 <= _number(topic, AHEAD, 2 * DAY_MS) < DAY_MS,
            f"records of a clock that is ahead are refused, as by default since 4.0: set {TIMESTAMPS} to LogAppendTime",
        ),
        (not topic.configs, "its settings are not shown to us: grant DescribeConfigs to have them checked"),
    ]


def judge_rights(topic: Topic, needed: AbstractSet[str], by_hand: AbstractSet[str] = frozenset()) -> Finding:
    """Whether we may do with a topic what has to be done.

    Args:
        topic: The topic.
        needed: What the service does.
        by_hand: What only `headwater dead-letters` does besides.
    """
    what = f"rights on {topic.name}"
    if topic.rights is None:
        return Finding(what, State.WARNING, "the broker does not tell them")
    if missing := sorted(needed - topic.rights):
        return Finding(what, State.FAILED, f"{' and '.join(missing)} are missing; grant them")
    words = f"{' and '.join(sorted((needed | by_hand) & topic.rights))}"
    if missing := sorted(by_hand - topic.rights):
        words += f"; `headwater dead-letters` needs {' and '.join(missing)} as well, the service does not"
    return Finding(what, State.OK, words)


def _harmless(finding: Finding) -> Finding:
    """The same for somebody who does not join the group."""
    if finding.state is not State.FAILED:
        return finding
    return finding._replace(state=State.WARNING, words=f"{finding.words} to whoever runs the service")


def _topic(admin: Any, name: str) -> Topic:
    (described,) = admin.describe_topics([name])
    partitions = described["partitions"]
    resource = ConfigResource("TOPIC", name, dict.fromkeys(KEYS))
    configs = admin.describe_configs([resource], config_filter="all").get("topic", {}).get(name, {})
    rights = described.get("authorized_operations")
    return Topic(
        name,
        len(partitions),
        min((len(partition["replica_nodes"]) for partition in partitions), default=0),
        sum(len(partition["isr_nodes"]) < len(partition["replica_nodes"]) for partition in partitions),
        sum(partition["leader_id"] < 0 for partition in partitions),
        None if rights is None else frozenset(map(str, rights)),
        {key: str(config["value"]) for key, config in configs.items()},
    )


def _number(topic: Topic, key: str, otherwise: int = 0) -> int:
    return int(topic.configs.get(key, otherwise))


def _version(admin: Any) -> str:
    """As far as the protocol shows it: at least this one."""
    return ".".join(map(str, admin._manager.broker_version))  # noqa: SLF001 -- the public way names APIs only


def _group(admin: Any, settings: KafkaSettings) -> tuple[Finding, dict[int, int]]:
    """Our rights on the group and who is in it; what it has committed, by partition."""
    name = settings.group_id
    patiently = Retrying(
        retry=retry_if_exception_type(errors.CoordinatorNotAvailableError),
        stop=stop_after_delay(COORDINATOR_S),
        wait=wait_fixed(0.2),
        reraise=True,
    )
    try:
        group = patiently(admin.describe_groups, [name])[name]
        offsets = admin.list_group_offsets({name: None}).get(name, {})
    except errors.AuthorizationError:
        return Finding(f"group {name}", State.FAILED, "no permission to see it; grant READ and DESCRIBE on it"), {}
    committed = {
        partition.partition: kept.offset
        for partition, kept in offsets.items()
        if partition.topic == settings.topic and kept.offset >= 0
    }
    rights = group.get("authorized_operations")
    if rights is not None and not {"READ", "DESCRIBE"} <= set(rights):
        return Finding(f"group {name}", State.FAILED, "no permission to join it; grant READ on it"), committed
    members = len(group.get("members") or ())
    return Finding(f"group {name}", State.OK, f"{members} members, {str(group['group_state']).lower()}"), committed


def _lag(reader: Reader, spans: Sequence[Span], committed: Mapping[int, int], now_s: float) -> Finding:
    """How far the group is behind, and how long the oldest record waits."""
    if not committed:
        return Finding("lag", State.OK, f"the group has not committed yet; there are {_size(spans):,} records")
    left = [_left(span, committed.get(span.place.partition, span.start)) for span in spans]
    gone = sum(max(0, span.start - committed.get(span.place.partition, span.start)) for span in spans)
    words = f"{_size(left):,} records"
    if _size(left):
        longest = max(left, key=lambda span: span.stop - span.start)
        oldest = [record.timestamp_ms for record in _ends(reader, [longest], first=True)]
        words += "".join(f"; the oldest of {longest.place} waits for {now_s - at / 1000:,.0f} s" for at in oldest)
    if gone:
        return Finding("lag", State.WARNING, f"{words}; {gone:,} more are gone by retention before they were read")
    return Finding("lag", State.OK, words)


def _left(span: Span, committed: int) -> Span:
    return span._replace(start=min(span.stop, max(span.start, committed)))


def _size(spans: Sequence[Span]) -> int:
    return sum(span.stop - span.start for span in spans)


def _newest(reader: Reader, spans: Sequence[Span], now_s: float) -> Finding:
    """Reads the last record of partitions, which shows that reading works; and its time against ours."""
    times = [record.timestamp_ms for record in _ends(reader, spans[:SAMPLED], first=False)]
    if not times:
        return Finding("reading", State.OK, "no record to read yet")
    newest = max(times)
    ahead = newest / 1000 - now_s
    words = f"the newest record is of {spelled_time(newest)}"
    if ahead > ODD_SKEW_S:
        return Finding(
            "clock", State.WARNING, f"{words}, {ahead:,.0f} s from now: a producer's clock is wrong, or this machine's"
        )
    return Finding("reading", State.OK, f"{words}, {max(0, -ahead):,.0f} s ago")


def _ends(reader: Reader, spans: Sequence[Span], *, first: bool) -> list[Record]:
    """The first or the last record of each span that has one."""
    ends = [
        span._replace(stop=span.start + 1) if first else span._replace(start=span.stop - 1)
        for span in spans
        if span.start < span.stop
    ]
    return list(reader.records(ends))
