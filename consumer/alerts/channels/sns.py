"""Amazon SNS: alerts as messages of a topic, with rule and severity as message attributes for filter policies.

A FIFO topic removes repeated ids for five minutes by itself, and keeps the alerts of one dataset in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from consumer.alerts.channels.aws_errors import failure, refusal
from consumer.alerts.cloud_event import CloudEvent

MOST = 10
"""Entries of a PublishBatch request."""

MOST_OF_A_GROUP = 128
"""Characters of a message group's id."""


class SnsClient(Protocol):
    """The call of boto3's client that is made."""

    def publish_batch(self, **parameters: Any) -> dict[str, Any]:
        """Publishes up to ten messages."""


class Sns:
    """Publishes events to one topic.

    Args:
        client: boto3's.
        topic: ARN of the topic.
    """

    most = MOST

    def __init__(self, client: SnsClient, topic: str) -> None:
        self._client = client
        self._topic = topic
        self._fifo = topic.endswith(".fifo")

    def send(self, events: Sequence[CloudEvent]) -> None:
        """Publishes events in one request."""
        what, advice = f"PublishBatch to {self._topic}", "check the topic and the permission sns:Publish"
        entries = [self._entry(number, event) for number, event in enumerate(events)]
        try:
            answer = self._client.publish_batch(TopicArn=self._topic, PublishBatchRequestEntries=entries)
        except (ClientError, BotoCoreError) as error:
            raise failure(error, what, advice) from error
        for failed in answer.get("Failed", ()):
            raise refusal(failed.get("Code", ""), failed.get("Message", ""), what, advice)

    def _entry(self, number: int, event: CloudEvent) -> dict[str, Any]:
        named = {"rule": event.rule, "severity": event.severity, "type": event.type}
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in named.items()}
        entry = {"Id": str(number), "Message": event.structured().decode(), "MessageAttributes": attributes}
        if self._fifo:
            entry |= {"MessageGroupId": _group(event.subject), "MessageDeduplicationId": event.id}
        return entry

    def close(self) -> None:
        """Closes nothing: boto3's connections end with the process."""


def _group(subject: str) -> str:
    """Returns a group's id: of a dataset's name the characters that SNS takes, from its end, where names differ."""
    kept = "".join(character if character.isascii() and character.isprintable() else "_" for character in subject)
    return kept.replace(" ", "_")[-MOST_OF_A_GROUP:] or "headwater"
