"""Creates topics with settings that fit lineage events; existing topics stay as they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kafka import KafkaAdminClient, errors

from consumer.config.settings import MIB, KafkaSettings
from consumer.errors import TransientError, UsageError
from consumer.kafka.client_options import MAX_MESSAGE_BYTES, client_options, translate_errors
from consumer.kafka.connectivity import Problem, diagnose

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """Specification of a topic.

    Attributes:
        name: Its name.
        partitions: Number of partitions.
        replication_factor: Replicas of each partition; -1 is the cluster's default.
        configs: Kafka's topic-level settings.
    """

    name: str
    partitions: int
    replication_factor: int
    configs: dict[str, str]


@dataclass(frozen=True, slots=True)
class CreateResult:
    """A specified topic, and whether it was created or existed before."""

    name: str
    created: bool


def topic_specs(settings: KafkaSettings) -> tuple[TopicSpec, TopicSpec]:
    """Returns the specifications of the events' topic and of the dead-letter topic."""
    return (
        TopicSpec(
            settings.topic,
            settings.partitions,
            settings.replication_factor,
            # A dead letter is a record and its reason, so it may be a little larger than an event.
            _configs(days=7, max_bytes=MAX_MESSAGE_BYTES - MIB),
        ),
        TopicSpec(
            settings.dead_letter_topic,
            1,  # few records, which people read in order
            settings.replication_factor,
            _configs(days=30, max_bytes=MAX_MESSAGE_BYTES),
        ),
    )


def alert_topic_spec(settings: KafkaSettings, topic: str) -> TopicSpec:
    """Returns the specification of a topic that a channel of alerts writes to."""
    # Alerts are few, and one partition keeps them in order.
    return TopicSpec(topic, 1, settings.replication_factor, _configs(days=30, max_bytes=MIB))


def create_topics(settings: KafkaSettings, alert_topics: Iterable[str] = ()) -> list[CreateResult]:
    """Creates those of the specified topics that do not exist.

    Args:
        settings: The cluster, and the names of the events' topic and the dead-letter topic.
        alert_topics: Names of the topics that channels of alerts write to.

    Raises:
        UsageError: The broker rejects the settings, the user or the specification.
        TransientError: The broker can't be reached now.
    """
    diagnosis = diagnose(settings)
    if not diagnosis.ok and diagnosis.problem is not Problem.TOPIC_MISSING:
        raise (TransientError if diagnosis.problem.transient else UsageError)(diagnosis.message)
    with translate_errors("creating topics", settings):
        admin = KafkaAdminClient(**client_options(settings))
        try:
            specs = [*topic_specs(settings), *(alert_topic_spec(settings, topic) for topic in alert_topics)]
            return [CreateResult(spec.name, _create_topic(admin, spec)) for spec in specs]
        finally:
            admin.close()


def _create_topic(admin: KafkaAdminClient, plan: TopicSpec) -> bool:
    wanted = {
        plan.name: {
            "num_partitions": plan.partitions,
            "replication_factor": plan.replication_factor,
            "configs": plan.configs,
        }
    }
    try:
        admin.create_topics(wanted, wait_for_metadata=True)
    except errors.TopicAlreadyExistsError:
        return False
    except (
        errors.InvalidReplicationFactorError,
        errors.InvalidConfigurationError,
        errors.PolicyViolationError,
    ) as error:
        raise UsageError(f"topic {plan.name} can't be created: {error}") from error
    return True


def _configs(days: int, max_bytes: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(days * DAY_MS),
        "max.message.bytes": str(max_bytes),
        "compression.type": "producer",
        # By the producer's clock, brokers since Kafka 4.0 reject records that are more than an hour in the future.
        "message.timestamp.type": "LogAppendTime",
    }
