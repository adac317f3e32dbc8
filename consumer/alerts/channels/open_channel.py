"""From a channel's declaration to its adapter; clients are imported only for the channels that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from consumer.alerts import declarations
from consumer.alerts.channels.channel import Channel
from consumer.alerts.channels.http_post import HttpPost
from consumer.alerts.channels.slack import Slack
from consumer.alerts.channels.webhook import Webhook, key_of
from consumer.alerts.declarations import resolved
from consumer.config.settings import KafkaSettings
from consumer.errors import UsageError


def open_channel(declared: declarations.Channel, kafka: KafkaSettings, clock: Callable[[], float]) -> Channel:
    """Opens a channel; no receiver is asked yet.

    Args:
        declared: The channel's declaration.
        kafka: The cluster of channels of type `kafka`.
        clock: Seconds since 1970, for signatures.

    Raises:
        UsageError: A secret can't be read, a URL is not valid, or no AWS Region is configured.
    """
    try:
        return _opened(declared, kafka, clock)
    except UsageError as error:
        raise UsageError(f"channel {declared.name} of alerts: {error}") from error


def _opened(declared: declarations.Channel, kafka: KafkaSettings, clock: Callable[[], float]) -> Channel:
    match declared.type:
        case "kafka":
            from consumer.alerts.channels.kafka_topic import KafkaTopic  # noqa: PLC0415
            from consumer.kafka.producer import TopicProducer  # noqa: PLC0415

            return KafkaTopic(TopicProducer(kafka), declared.topic)
        case "webhook":
            key = key_of(resolved(declared.secret)) if declared.secret else None
            return Webhook(HttpPost(resolved(declared.url)), key, clock)
        case "slack":
            return Slack(HttpPost(resolved(declared.url)))
        case "sns":
            from consumer.alerts.channels.sns import Sns  # noqa: PLC0415

            return Sns(_client("sns", declared.region), declared.topic)
        case "eventbridge":
            from consumer.alerts.channels.eventbridge import EventBridge  # noqa: PLC0415

            return EventBridge(_client("events", declared.region), declared.bus)


def _client(service: str, region: str | None) -> Any:
    """Opens a client of boto3 that makes each request once: delivery has retries of its own.

    Raises:
        UsageError: No Region is configured.
    """
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import NoRegionError  # noqa: PLC0415

    config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
    try:
        return cast("Any", boto3.Session(region_name=region)).client(service, config=config)
    except NoRegionError:
        raise UsageError("no AWS Region is configured; set region, or AWS_REGION") from None
