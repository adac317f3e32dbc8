"""Rebalances of a real group: each partition has an owner again, whatever its members missed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import MemberToRemove
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

from consumer.kafka.group_consumer import GroupConsumer
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.brokers.group_member import SESSION_S
from tests.support.processes.servers import KafkaBroker
from tests.support.waiting import wait_until

pytestmark = pytest.mark.each_kafka

PATIENCE_S = 120.0

CYCLES = int(os.environ.get("CYCLES", "3"))
"""Times that members are stopped and killed; `.ci/slow` has many more."""

PARTITIONS = 4


@contextmanager
def polling(source: GroupConsumer) -> Iterator[None]:
    """A member that polls all the time, in a thread of its own."""
    stop, failures = threading.Event(), []

    def poll() -> None:
        try:
            source.subscribe(lambda _: None)
            while not stop.is_set():
                source.poll(0.1, 100)
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            source.close()

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive(), "the member did not stop"
    assert not failures, f"the member ended with {failures}"


def members(broker: KafkaBroker, group: str) -> tuple[str, dict[str, str]]:
    """The state of a group, and the member id for each client id."""
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        found: dict[str, Any] = admin.describe_groups([group])[group]
    return found["group_state"], {member["client_id"]: member["member_id"] for member in found["members"]}


def test_a_member_that_was_removed_claims_nothing(kafka_broker: KafkaBroker) -> None:
    """A member joins again together with a new one: its former partitions are free for both.

    A member of another topic holds the rebalance open until both have joined.
    """
    kafka = KafkaKit(kafka_broker)
    topic, group = kafka.topic(partitions=2), f"group-{uuid.uuid4().hex[:8]}"

    def member(name: str) -> GroupConsumer:
        return GroupConsumer(kafka.settings(topic=topic, group_id=group, client_id=name))

    holder = KafkaConsumer(
        kafka.topic(),
        bootstrap_servers=kafka_broker.bootstrap,
        group_id=group,
        client_id="holder",
        enable_auto_commit=False,
        partition_assignment_strategy=(CooperativeStickyAssignor,),
    )

    def has_joined() -> bool:
        holder.poll(timeout_ms=100)
        return kafka_broker.shares(group) == {"removed": {0, 1}, "holder": {0}}

    def both_join() -> bool:
        state, joined = members(kafka_broker, group)
        return state == "PreparingRebalance" and joined.keys() == {"removed", "new", "holder"}

    def each_has_one() -> bool:
        return kafka_broker.shares(group) in ({"removed": {0}, "new": {1}}, {"removed": {1}, "new": {0}})

    with ExitStack() as stack:
        held = stack.enter_context(closing(holder))
        stack.enter_context(polling(member("removed")))
        wait_until(has_joined, "the first assignment")
        with KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap) as admin:
            admin.remove_group_members(group, [MemberToRemove(members(kafka_broker, group)[1]["removed"])])
        stack.enter_context(polling(member("new")))
        wait_until(both_join, "both members' joining")
        held.close()
        wait_until(each_has_one, "an assignment of each partition")


class Members:
    """Processes that are the members of a group.

    Args:
        broker: Where the group is.
        topic: Read by all.
        group: The group's name.
        chance: Decides what happens, and when.
    """

    def __init__(self, broker: KafkaBroker, topic: str, group: str, chance: random.Random) -> None:
        self._arguments = [broker.bootstrap, topic, group]
        self._chance = chance
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Starts a process with this client id."""
        command = [sys.executable, "-m", "tests.support.brokers.group_member", *self._arguments, name]
        self._running[name] = subprocess.Popen(command, cwd=Path(__file__).parents[3])

    def disturb(self) -> str:
        """Pauses a member, perhaps for longer than its session, or replaces it; says which."""
        name, what = self._chance.choice(sorted(self._running)), self._chance.choice(("pause", "pause", "kill"))
        member = self._running[name]
        if what == "pause":
            member.send_signal(signal.SIGSTOP)
            time.sleep(self._chance.uniform(0.0, 2 * SESSION_S))
            member.send_signal(signal.SIGCONT)
        else:
            member.kill()
            member.wait()
            self.start(name)
        time.sleep(self._chance.choice((0.0, 0.2, 1.0, SESSION_S)))
        return f"{what} {name}"

    def check(self) -> None:
        """All of them run."""
        ended = {name: member.returncode for name, member in self._running.items() if member.poll() is not None}
        assert not ended, f"members ended: {ended}"

    def close(self) -> None:
        """Kills them all."""
        for member in self._running.values():
            member.kill()
            member.wait()


@pytest.mark.timeout(3_600)
def test_each_partition_is_read_whatever_members_miss(kafka_broker: KafkaBroker) -> None:
    """Three members, of which some are paused or killed, also several in one rebalance; then records come."""
    seed = random.randrange(2**32) if CYCLES > 3 else 1
    chance = random.Random(seed)
    topic, group = kafka_broker.create_topic(partitions=PARTITIONS), f"group-{uuid.uuid4().hex[:8]}"
    with (
        closing(Members(kafka_broker, topic, group, chance)) as members,
        closing(KafkaProducer(bootstrap_servers=kafka_broker.bootstrap)) as producer,
    ):
        for name in ("one", "two", "three"):
            members.start(name)
        for cycle in range(CYCLES):
            done = [members.disturb() for _ in range(chance.randint(1, 3))]
            for partition in range(PARTITIONS):
                producer.send(topic, b"{}", partition=partition)
            producer.flush()

            def is_read() -> bool:
                members.check()
                return kafka_broker.lag(topic, group) == 0

            wait_until(is_read, f"reading after {', '.join(done)} in cycle {cycle} of seed {seed}")
