"""What a topic's settings and rights mean; clusters of several brokers, which the tests' is not."""

from dataclasses import replace
from typing import Any

import pytest
from kafka import errors

from consumer.checks.finding import State
from consumer.checks.kafka_cluster import Topic, check_group, check_permissions, check_topic
from consumer.config.settings import KafkaSettings

CONFIGS = {
    "cleanup.policy": "delete",
    "retention.ms": str(7 * 24 * 3600 * 1000),
    "max.message.bytes": str(8 * 1024 * 1024),
    "min.insync.replicas": "2",
}
TOPIC = Topic("events", 6, 3, permissions=frozenset({"READ", "DESCRIBE"}), configs=CONFIGS)
DEAD = replace(TOPIC, configs={**CONFIGS, "max.message.bytes": str(9 * 1024 * 1024)})


def test_good_topics() -> None:
    """Three copies, two of them in sync, kept for a week: nothing to say."""
    assert check_topic(TOPIC, 3) == (
        "topic events",
        State.OK,
        "6 partitions, 3 replicas, kept for 7 days, records of up to 8 MiB",
    )
    assert check_topic(DEAD, 3, dead_letters_of=TOPIC).state is State.OK
    assert "kept forever" in check_topic(replace(TOPIC, configs={**CONFIGS, "retention.ms": "-1"}), 3).message


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({"leaderless": 2}, State.FAILED, "2 partitions have no leader"),
        ({"out_of_sync": 1}, State.WARNING, "1 partition has replicas out of sync"),
        ({"replicas": 1, "configs": {**CONFIGS, "min.insync.replicas": "1"}}, State.WARNING, "one replica only"),
        ({"replicas": 2}, State.WARNING, "loss of one broker stops all writes"),
        ({"replicas": 1}, State.FAILED, "more than the replicas"),
        ({"configs": {**CONFIGS, "cleanup.policy": "compact,delete"}}, State.FAILED, "set it to delete"),
        ({"configs": {**CONFIGS, "max.message.bytes": "1000"}}, State.WARNING, "raise max.message.bytes"),
        ({"configs": {**CONFIGS, "retention.ms": "3600000"}}, State.WARNING, "kept less than a day"),
        ({"configs": {}}, State.WARNING, "grant DescribeConfigs"),
    ],
)
def test_what_is_wrong_with_a_topic(change: dict[str, object], state: State, words: str) -> None:
    """Each fault is told with its consequence; what loses or stops records fails, what may do so is warned of."""
    found = check_topic(replace(TOPIC, **change), 3)  # type: ignore[arg-type] # fields of several types
    assert (found.state, words in found.message) == (state, True), found


def test_dead_letters_must_fit() -> None:
    """A topic for dead letters takes the largest record with its reason."""
    found = check_topic(TOPIC, 3, dead_letters_of=TOPIC)
    assert (found.state, "does not fit with its reason" in found.message) == (State.WARNING, True), found


def test_rights() -> None:
    """What is missing is named; a broker that does not tell is no failure."""
    assert check_permissions(TOPIC, {"READ"}).state is State.OK
    assert check_permissions(TOPIC, {"READ", "WRITE"}).message == "WRITE are missing; grant them"
    assert check_permissions(replace(TOPIC, permissions=None), {"READ"}).state is State.WARNING


class MovingCoordinator:
    """A client of a cluster that has just made its topic of offsets: each request fails first."""

    def __init__(self) -> None:
        self._to_raise: dict[str, list[type[errors.KafkaError]]] = {
            "describe": [errors.CoordinatorNotAvailableError, errors.CoordinatorLoadInProgressError],
            "offsets": [errors.NotCoordinatorError],
        }

    def _fail(self, request: str) -> None:
        if self._to_raise[request]:
            raise self._to_raise[request].pop()

    def describe_groups(self, names: list[str]) -> dict[str, Any]:
        """The state of groups."""
        self._fail("describe")
        return {name: {"group_state": "Dead", "members": []} for name in names}

    def list_group_offsets(self, groups: dict[str, None]) -> dict[str, Any]:
        """Their offsets."""
        self._fail("offsets")
        return {name: {} for name in groups}


def test_the_coordinator_of_a_new_group_moves() -> None:
    """A check that runs right after topics were made does not fail for it."""
    finding, committed = check_group(MovingCoordinator(), KafkaSettings(group_id="headwater"), 1)
    assert (finding.what, finding.state, committed) == ("group headwater", State.OK, {})
