"""SNS and EventBridge as boto3 speaks to them: what is published arrives in a queue behind each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from consumer.alerts.alert import Severity
from consumer.alerts.channels.open_channel import open_channel
from consumer.alerts.declarations import Channel
from consumer.config.settings import KafkaSettings
from consumer.errors import TransientError
from tests.support.alerts.example_event import example

REGION = "us-east-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A look-alike of AWS in this process, and credentials for it."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    values = {"ENDPOINT_URL": f"http://{host}:{port}", "ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test"}
    for name, value in {**values, "DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    yield
    server.stop()


def client(service: str) -> Any:
    """A client of boto3."""
    session: Any = boto3.Session()
    return session.client(service)


def queue() -> tuple[str, str]:
    """A queue's URL and ARN."""
    url = client("sqs").create_queue(QueueName="alerts")["QueueUrl"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, attributes["Attributes"]["QueueArn"]


def received(url: str) -> list[dict[str, Any]]:
    """The bodies of the messages in a queue."""
    messages = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in messages]


@pytest.mark.usefixtures("aws")
def test_sns() -> None:
    """A subscription with a filter policy gets what it asks for, and no more."""
    topic = client("sns").create_topic(Name="alerts")["TopicArn"]
    url, arn = queue()
    policy = {"FilterPolicy": json.dumps({"severity": ["breaking"]})}
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=policy)
    channel = open_channel(Channel(name="sns", type="sns", topic=topic), KafkaSettings(), lambda: 0.0)
    channel.send([example(1), example(2, Severity.INFO)])
    (message,) = received(url)
    assert json.loads(message["Message"])["id"] == example(1).id


@pytest.mark.usefixtures("aws")
def test_eventbridge() -> None:
    """A rule on a custom bus selects by the type, and gets the CloudEvent as the detail."""
    client("events").create_event_bus(Name="lineage")
    url, arn = queue()
    pattern = json.dumps({"source": ["headwater"], "detail-type": ["io.headwater.alert.lost_source.v1"]})
    client("events").put_rule(Name="lost", EventBusName="lineage", EventPattern=pattern)
    client("events").put_targets(Rule="lost", EventBusName="lineage", Targets=[{"Id": "1", "Arn": arn}])
    channel = open_channel(Channel(name="bus", type="eventbridge", bus="lineage"), KafkaSettings(), lambda: 0.0)
    channel.send([example()])
    (event,) = received(url)
    assert event["detail"]["id"] == example().id
    assert event["detail"]["data"]["summary"] == "titles lost its source <title_crew> & more"


@pytest.mark.usefixtures("aws")
def test_a_missing_topic_is_transient() -> None:
    """An operator can create it while the alerts wait."""
    missing = f"arn:aws:sns:{REGION}:123456789012:none"
    channel = open_channel(Channel(name="sns", type="sns", topic=missing), KafkaSettings(), lambda: 0.0)
    with pytest.raises(TransientError, match="sns:Publish"):
        channel.send([example()])
