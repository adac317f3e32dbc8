"""Inspection of a reachable cluster: version, topic settings, permissions, lag and clock.

It changes nothing: the broker reports the permissions (KIP-430), and reading is done without a group.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import errors
from kafka.admin import ConfigResource

from consumer.checks.finding import WARN_SKEW_S, Finding, State
from consumer.config.settings import MIB, KafkaSettings
from consumer.kafka.client_options import client_options, translate_errors
from consumer.kafka.cluster_admin import ClusterAdmin
from consumer.kafka.offset_range import OffsetRange
from consumer.kafka.topic_admin import DAY_MS
from consumer.kafka.topic_reader import TopicReader, open_reader
from consumer.processing.record import Record, TopicPartition
from consumer.retry import retrying, uniform
from consumer.time_parsing import format_timestamp
from schemas.counted import counted

TIMESTAMPS: Final = "message.timestamp.type"
AHEAD: Final = "message.timestamp.after.max.ms"
"""Maximum time of a record ahead of the broker's; an hour by default since Kafka 4.0."""

KEYS: Final = ("cleanup.policy", "retention.ms", "max.message.bytes", "min.insync.replicas", TIMESTAMPS, AHEAD)
"""The settings of a topic that are inspected."""

MAX_SAMPLED_PARTITIONS: Final = 16
"""Maximum partitions whose newest record is read."""

COORDINATOR_TIMEOUT_S: Final = 10.0
"""Seconds that a new cluster may need to elect a group coordinator."""


_WITHOUT_COORDINATOR: Final = (
    errors.CoordinatorNotAvailableError,
    errors.CoordinatorLoadInProgressError,
    errors.NotCoordinatorError,
)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as the broker describes it.

    Attributes:
        name: Its name.
        partitions: Number of partitions.
        replicas: The smallest number of replicas of a partition.
        out_of_sync: Number of partitions with a replica out of sync.
        leaderless: Number of partitions without a leader.
        permissions: The permissions in Kafka's words; None if the broker does not report them.
        configs: The settings by `KEYS`; empty without permission to see them.
    """

    name: str
    partitions: int
    replicas: int
    out_of_sync: int = 0
    leaderless: int = 0
    permissions: frozenset[str] | None = None
    configs: Mapping[str, str] = field(default_factory=dict)


def inspect_cluster(
    settings: KafkaSettings, clock: Callable[[], float] = time.time, *, as_member: bool = True
) -> list[Finding]:
    """Returns all findings about a cluster in which `diagnose` finds no problem.

    Args:
        settings: Brokers, credentials, topics and group.
        clock: Seconds since 1970 in UTC.
        as_member: True if the caller needs the permissions of `headwater consume`; creating topics does not.

    Raises:
        UsageError: The cluster denies the inspection.
        TransientError: The cluster can't be reached any more.
    """
    with (
        translate_errors("inspecting the cluster", settings),
        closing(ClusterAdmin(**client_options(settings))) as admin,
    ):
        cluster = admin.describe_cluster()
        events, dead = (_topic(admin, name) for name in (settings.topic, settings.dead_letter_topic))
        brokers = len(cluster["brokers"])
        found = [
            Finding(
                "cluster",
                State.OK,
                f"{cluster['cluster_id']}, {counted(brokers, 'broker')}, Kafka {admin.broker_version()}",
            ),
            check_topic(events, brokers),
            check_topic(dead, brokers, dead_letters_of=events),
        ]
        group, committed = check_group(admin, settings, events.partitions)
    permissions = [
        check_permissions(events, {"READ", "DESCRIBE"}),
        check_permissions(dead, {"WRITE", "DESCRIBE"}, {"READ"}),
        group,
    ]
    hindered = any(finding.state is State.FAILED for finding in permissions)
    if not as_member:
        permissions = [_downgrade_to_warning(finding) for finding in permissions]
        hindered = hindered or events.permissions is None
    found += permissions
    if hindered:
        return found  # without the permission to read, there is no lag to report
    with open_reader(settings, settings.topic) as reader:
        spans = reader.ranges()
        return [*found, _lag(reader, spans, committed, clock()), _newest(reader, spans, clock())]


def check_topic(topic: Topic, brokers: int, dead_letters_of: Topic | None = None) -> Finding:
    """Checks that a topic's settings fit its purpose.

    Args:
        topic: The topic.
        brokers: Number of brokers in the cluster.
        dead_letters_of: For a dead-letter topic, the topic of its records.
    """
    failed = [message for wrong, message in _failures(topic) if wrong]
    warned = [message for odd, message in _warnings(topic, brokers, dead_letters_of) if odd]
    state = State.FAILED if failed else State.WARNING if warned else State.OK
    return Finding(f"topic {topic.name}", state, "; ".join([_facts(topic), *failed, *warned]))


def _facts(topic: Topic) -> str:
    facts = f"{counted(topic.partitions, 'partition')}, {counted(topic.replicas, 'replica')}"
    if topic.configs:
        days = _number(topic, "retention.ms") / DAY_MS
        kept = "forever" if days < 0 else f"for {days:.3g} {'day' if days == 1 else 'days'}"
        facts += f", kept {kept}, records of up to {_number(topic, 'max.message.bytes') / MIB:.3g} MiB"
    return facts


def _failures(topic: Topic) -> list[tuple[bool, str]]:
    least = _number(topic, "min.insync.replicas", 1)
    policy = topic.configs.get("cleanup.policy", "delete")
    return [
        (
            topic.leaderless > 0,
            f"{counted(topic.leaderless, 'partition has', 'partitions have')} no leader; check the brokers",
        ),
        (
            "compact" in policy,
            "cleanup.policy is compact, which keeps only one record per key; set it to delete",
        ),
        (
            least > topic.replicas,
            f"min.insync.replicas is {least}, more than the replicas, so no write succeeds; lower it",
        ),
    ]


def _warnings(topic: Topic, brokers: int, dead_letters_of: Topic | None) -> list[tuple[bool, str]]:
    least, largest = _number(topic, "min.insync.replicas", 1), _number(topic, "max.message.bytes", MIB)
    of_events = _number(dead_letters_of, "max.message.bytes", MIB) if dead_letters_of is not None else 0
    return [
        (
            topic.out_of_sync > 0,
            f"{counted(topic.out_of_sync, 'partition has', 'partitions have')} replicas out of sync",
        ),
        (topic.replicas == 1 < brokers, "one replica only, which a broker's disk failure loses; use three"),
        (
            least == topic.replicas > 1,
            f"min.insync.replicas is {least}, so the loss of one broker stops all writes; lower it by one",
        ),
        (
            0 <= _number(topic, "retention.ms", DAY_MS) < DAY_MS,
            "kept less than a day, so a longer outage loses records; raise retention.ms",
        ),
        (largest < MIB, "records of 1 MiB do not fit; raise max.message.bytes"),
        (0 < largest <= of_events, "the largest record does not fit with its reason; raise max.message.bytes by 1 MiB"),
        (
            topic.configs.get(TIMESTAMPS) != "LogAppendTime" and 0 <= _number(topic, AHEAD, 2 * DAY_MS) < DAY_MS,
            f"records with a time ahead are rejected, the default since Kafka 4.0; set {TIMESTAMPS} to LogAppendTime",
        ),
        (not topic.configs, "its settings are not visible; grant DescribeConfigs to have them checked"),
    ]


def check_permissions(topic: Topic, needed: AbstractSet[str], by_hand: AbstractSet[str] = frozenset()) -> Finding:
    """Checks that the permissions on a topic suffice.

    Args:
        topic: The topic.
        needed: Permissions of the service.
        by_hand: Further permissions of `headwater dead-letters`.
    """
    what = f"permissions on {topic.name}"
    if topic.permissions is None:
        return Finding(what, State.WARNING, "the broker does not report them")
    if missing := sorted(needed - topic.permissions):
        return Finding(what, State.FAILED, f"{' and '.join(missing)} are missing; grant them")
    message = f"{' and '.join(sorted((needed | by_hand) & topic.permissions))}"
    if missing := sorted(by_hand - topic.permissions):
        message += f"; `headwater dead-letters` also needs {' and '.join(missing)}; the service does not"
    return Finding(what, State.OK, message)


def _downgrade_to_warning(finding: Finding) -> Finding:
    """Returns the finding for a caller that does not join the group."""
    if finding.state is not State.FAILED:
        return finding
    return finding._replace(state=State.WARNING, message=f"{finding.message} to the identity of the service")


def _topic(admin: Any, name: str) -> Topic:
    (described,) = admin.describe_topics([name])
    partitions = described["partitions"]
    resource = ConfigResource("TOPIC", name, dict.fromkeys(KEYS))
    configs = admin.describe_configs([resource], config_filter="all").get("topic", {}).get(name, {})
    permissions = described.get("authorized_operations")
    return Topic(
        name,
        len(partitions),
        min((len(partition["replica_nodes"]) for partition in partitions), default=0),
        sum(len(partition["isr_nodes"]) < len(partition["replica_nodes"]) for partition in partitions),
        sum(partition["leader_id"] < 0 for partition in partitions),
        None if permissions is None else frozenset(map(str, permissions)),
        {key: str(config["value"]) for key, config in configs.items()},
    )


def _number(topic: Topic, key: str, otherwise: int = 0) -> int:
    return int(topic.configs.get(key, otherwise))


def _has_no_coordinator(error: BaseException) -> bool:
    return isinstance(error, _WITHOUT_COORDINATOR)


def check_group(admin: Any, settings: KafkaSettings, partitions: int) -> tuple[Finding, dict[int, int]]:
    """Returns the state of the group and the permissions on it; and its committed offsets by partition.

    Args:
        admin: A client of the cluster.
        settings: The group and its topic.
        partitions: Number of partitions of the topic.

    Raises:
        KafkaError: The cluster does not answer, or has no coordinator of the group for longer than a moment.
    """
    name = settings.group_id
    # The coordinator of a new group is available only after a moment, and may move once more.
    with_retries = retrying(_has_no_coordinator, uniform(0.2, 0.3), max_elapsed_s=COORDINATOR_TIMEOUT_S)
    try:
        group = with_retries(admin.describe_groups, [name])[name]
        offsets = with_retries(admin.list_group_offsets, {name: None}).get(name, {})
    except errors.AuthorizationError:
        return Finding(f"group {name}", State.FAILED, "no permission to see it; grant READ and DESCRIBE on it"), {}
    committed = {
        partition.partition: kept.offset
        for partition, kept in offsets.items()
        if partition.topic == settings.topic and kept.offset >= 0
    }
    permissions = group.get("authorized_operations")
    if permissions is not None and not {"READ", "DESCRIBE"} <= set(permissions):
        return Finding(f"group {name}", State.FAILED, "no permission to join it; grant READ on it"), committed
    members = counted(len(group.get("members") or ()), "member")
    message = f"{members}, {str(group['group_state']).lower()}"
    if unowned := _unowned_partitions(group, settings.topic, partitions):
        message += f"; no member reads {', '.join(map(str, unowned))}; new partitions wait for kafka.metadata_max_age_s"
        message += " at most; if it stays so, restart a member"
        return Finding(f"group {name}", State.WARNING, message), committed
    return Finding(f"group {name}", State.OK, message), committed


def _unowned_partitions(group: Mapping[str, Any], topic: str, partitions: int) -> list[TopicPartition]:
    """Returns the partitions that no member of a stable group reads; none of a group that rebalances or is empty."""
    if group["group_state"] != "Stable":
        return []
    assigned = [each for member in group["members"] for each in member["member_assignment"]["assigned_partitions"]]
    owned = {number for each in assigned if each["topic"] == topic for number in each["partitions"]}
    return [TopicPartition(topic, number) for number in range(partitions) if number not in owned]


def _lag(reader: TopicReader, spans: Sequence[OffsetRange], committed: Mapping[int, int], now_s: float) -> Finding:
    """Returns the number of unread records, and how long the oldest one has waited."""
    if not committed:
        return Finding(
            "lag", State.OK, f"the group has not committed yet; the topic has {counted(_size(spans), 'record')}"
        )
    left = [_unread_range(span, committed.get(span.topic_partition.partition, span.start)) for span in spans]
    gone = sum(max(0, span.start - committed.get(span.topic_partition.partition, span.start)) for span in spans)
    message = counted(_size(left), "record")
    if _size(left):
        longest = max(left, key=lambda span: span.stop - span.start)
        oldest = _times(_edge_records(reader, [longest], first=True))
        message += "".join(
            f"; the oldest of {longest.topic_partition} has waited {now_s - at / 1000:,.0f} s" for at in oldest
        )
    if gone:
        return Finding("lag", State.WARNING, f"{message}; retention removed {gone:,} more before they were read")
    return Finding("lag", State.OK, message)


def _unread_range(span: OffsetRange, committed: int) -> OffsetRange:
    return span._replace(start=min(span.stop, max(span.start, committed)))


def _size(spans: Sequence[OffsetRange]) -> int:
    return sum(span.stop - span.start for span in spans)


def _newest(reader: TopicReader, spans: Sequence[OffsetRange], now_s: float) -> Finding:
    """Reads the newest record of partitions, which proves that reading works; and compares its time with the clock."""
    found = _edge_records(reader, spans[:MAX_SAMPLED_PARTITIONS], first=False)
    times = _times(found)
    if not times:
        return Finding("reading", State.OK, "the newest records have no time" if found else "no record yet")
    newest = max(times)
    ahead = newest / 1000 - now_s
    message = f"the newest record is from {format_timestamp(newest)}"
    if ahead > WARN_SKEW_S:
        return Finding(
            "clock",
            State.WARNING,
            f"{message}, {ahead:,.0f} s in the future; correct the producer's clock or this machine's",
        )
    return Finding("reading", State.OK, f"{message}, {max(0, -ahead):,.0f} s ago")


def _times(records: Sequence[Record]) -> list[int]:
    """Returns the times of those records that have one: a producer may leave it out."""
    return [record.timestamp_ms for record in records if record.timestamp_ms > 0]


def _edge_records(reader: TopicReader, spans: Sequence[OffsetRange], *, first: bool) -> list[Record]:
    """Returns the first or the last record of each range that has one."""
    ends = [
        span._replace(stop=span.start + 1) if first else span._replace(start=span.stop - 1)
        for span in spans
        if span.start < span.stop
    ]
    return list(reader.records(ends))
