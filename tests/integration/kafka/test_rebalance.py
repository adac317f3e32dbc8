"""Rebalances of a real group: each partition has an owner again, whatever its members missed."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.admin import MemberToRemove
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

from consumer.kafka.group_consumer import GroupConsumer
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.processes.servers import KafkaBroker

pytestmark = pytest.mark.each_kafka

PATIENCE_S = 120.0


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


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Waits for what the members do."""
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {PATIENCE_S:g} s"
        pause.wait(0.05)


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
        wait_for(has_joined, "the first assignment")
        with KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap) as admin:
            admin.remove_group_members(group, [MemberToRemove(members(kafka_broker, group)[1]["removed"])])
        stack.enter_context(polling(member("new")))
        wait_for(both_join, "both members' joining")
        held.close()
        wait_for(each_has_one, "an assignment of each partition")
