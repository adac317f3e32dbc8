"""Amazon EventBridge: alerts as events of a bus, with the CloudEvent as their detail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from consumer.alerts.channels.aws_errors import failure, refusal
from consumer.alerts.cloud_event import CloudEvent

MOST = 10
"""Entries of a PutEvents request."""

SOURCE = "headwater"
"""The source by which rules of a bus select the events."""


class EventsClient(Protocol):
    """The call of boto3's client that is made."""

    def put_events(self, **parameters: Any) -> dict[str, Any]:
        """Puts up to ten events."""


class EventBridge:
    """Puts events on one bus.

    Args:
        client: boto3's.
        bus: Name or ARN of the bus.
    """

    most = MOST

    def __init__(self, client: EventsClient, bus: str) -> None:
        self._client = client
        self._bus = bus

    def send(self, events: Sequence[CloudEvent]) -> None:
        """Puts events in one request; all of them are sent again where one failed, with the same ids."""
        what, advice = f"PutEvents on {self._bus}", "check the bus and the permission events:PutEvents"
        try:
            answer = self._client.put_events(Entries=[self._entry(event) for event in events])
        except (ClientError, BotoCoreError) as error:
            raise failure(error, what, advice) from error
        for entry in answer.get("Entries", ()):
            if entry.get("ErrorCode"):
                raise refusal(entry["ErrorCode"], entry.get("ErrorMessage", ""), what, advice)

    def _entry(self, event: CloudEvent) -> dict[str, Any]:
        return {
            "Source": SOURCE,
            "DetailType": event.type,
            "Detail": event.structured().decode(),
            "Resources": [],
            "EventBusName": self._bus,
        }

    def close(self) -> None:
        """Closes nothing: boto3's connections end with the process."""
