"""Makes the topics, with settings that fit lineage events; leaves alone those that are there."""

from __future__ import annotations

from dataclasses import dataclass

from kafka import KafkaAdminClient, errors

from consumer.config.settings import MIB, KafkaSettings
from consumer.errors import TransientError, UsageError
from consumer.kafka.client_options import MAX_MESSAGE_BYTES, client_options, talking
from consumer.kafka.connectivity import Problem, diagnose

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic that should be there.

    Attributes:
        name: Its name.
        partitions: How many partitions it gets.
        replication_factor: Copies of each; -1 is the cluster's default.
        configs: Kafka's topic-level settings.
    """

    name: str
    partitions: int
    replication_factor: int
    configs: dict[str, str]


@dataclass(frozen=True, slots=True)
class TopicOutcome:
    """What became of one plan: `created`, or there before and left as it is."""

    name: str
    created: bool


def plans(settings: KafkaSettings) -> tuple[TopicPlan, TopicPlan]:
    """The events' topic and that of the dead letters."""
    return (
        TopicPlan(
            settings.topic,
            settings.partitions,
            settings.replication_factor,
            # A dead letter is a record and its reason, so it must be allowed to be a little larger than an event.
            _configs(days=7, max_bytes=MAX_MESSAGE_BYTES - MIB),
        ),
        TopicPlan(
            settings.dead_letter_topic,
            1,  # few and far between, and read by people in the order in which they came
            settings.replication_factor,
            _configs(days=30, max_bytes=MAX_MESSAGE_BYTES),
        ),
    )


def create(settings: KafkaSettings) -> list[TopicOutcome]:
    """Creates what is missing of the planned topics.

    Raises:
        UsageError: The broker refuses the settings, the user or the plan.
        TransientError: It can't be reached now.
    """
    diagnosis = diagnose(settings)
    if not diagnosis.ok and diagnosis.problem is not Problem.TOPIC_MISSING:
        raise (TransientError if diagnosis.problem.transient else UsageError)(diagnosis.words)
    with talking("creating topics", settings):
        admin = KafkaAdminClient(**client_options(settings))
        try:
            return [TopicOutcome(plan.name, _create(admin, plan)) for plan in plans(settings)]
        finally:
            admin.close()


def _create(admin: KafkaAdminClient, plan: TopicPlan) -> bool:
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
        # By the producer's clock, brokers since Kafka 4.0 refuse records that are more than an hour ahead of their own.
        "message.timestamp.type": "LogAppendTime",
    }
