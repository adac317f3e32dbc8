"""Requests of each channel, and the meaning of answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from consumer.alerts.channels.channel import RetryAfter
from consumer.alerts.channels.eventbridge import EventBridge
from consumer.alerts.channels.http_post import HttpPost
from consumer.alerts.channels.kafka_topic import KafkaTopic
from consumer.alerts.channels.slack import MOST_OF_A_TEXT, Slack, message
from consumer.alerts.channels.sns import Sns
from consumer.alerts.channels.webhook import Webhook, key_of, signature
from consumer.alerts.cloud_event import CloudEvent, digest, trial_event
from consumer.errors import RefusedWrite, TransientError, UsageError
from consumer.processing.ports import Outgoing, TooLargeError
from tests.support.alerts.example_event import example
from tests.support.alerts.http_receiver import HttpReceiver

SCHEMA = Path(__file__).parents[3] / "data" / "cloudevents" / "spec.json"
WINDOW = ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def events() -> list[CloudEvent]:
    """One of each form."""
    return [example(), digest([example(1), example(2)], "daily", WINDOW), trial_event("/headwater", WINDOW[0])]


@pytest.mark.parametrize("event", events(), ids=lambda event: event.kind)
def test_events_follow_the_specification(event: CloudEvent) -> None:
    """The schema of CloudEvents, and its rules for the names of attributes."""
    document = orjson.loads(event.structured())
    jsonschema_rs.validator_for(orjson.loads(SCHEMA.read_bytes()), validate_formats=True).validate(document)
    assert document["specversion"] == "1.0"
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in document)
    assert document["type"] == f"io.headwater.alert.{event.kind}.v1"


def test_binary_mode_has_the_attributes_as_headers() -> None:
    """As the Kafka protocol binding asks."""
    event = example()
    headers, body = event.binary()
    assert dict(headers) == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_id": event.id.encode(),
        "ce_source": b"/headwater",
        "ce_type": b"io.headwater.alert.lost_source.v1",
        "ce_subject": b"arn:aws:glue:us-east-1:123456789012/table/imdb/titles",
        "ce_time": b"2026-01-02T10:00:00.000000Z",
        "ce_rule": b"lost-source",
        "ce_severity": b"breaking",
    }
    assert orjson.loads(body) == orjson.loads(event.structured())["data"]


def test_ids_follow_from_what_happened() -> None:
    """Equal alerts have equal ids, other ones have others; so have digests."""
    assert example(1).id == example(1).id != example(2).id
    one = digest([example(1), example(2)], "daily", WINDOW)
    assert one.id == digest([example(1), example(2)], "daily", WINDOW).id
    others = [digest([example(1)], "daily", WINDOW), digest([example(1), example(2)], "weekly", WINDOW)]
    assert one.id not in {other.id for other in others}


def test_a_large_digest_stays_small() -> None:
    """Below what SNS and EventBridge take."""
    found = digest([example(number) for number in range(1_000)], "daily", WINDOW)
    assert len(found.structured()) < 256 * 1024
    assert (len(found.data["alerts"]), found.data["more_alerts"]) == (100, 900)


def test_signatures_are_those_of_standard_webhooks() -> None:
    """The example of the specification's reference libraries."""
    found = signature(key_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["whsec_not base64", "whsec_c2hvcnQ=", "short"])
def test_a_secret_must_be_one(secret: str) -> None:
    """Long enough, and Base64 where it says so; the error does not show it."""
    with pytest.raises(UsageError) as error:
        key_of(secret)
    assert secret not in str(error.value)


def test_a_webhook_is_signed_over_id_time_and_body() -> None:
    """A receiver checks the signature with the key alone."""
    with HttpReceiver() as receiver:
        channel = Webhook(HttpPost(receiver.url), key_of(SECRET), lambda: 1_767_348_000.5)
        channel.send([example()])
        channel.close()
    (request,) = receiver.requests
    headers, key = request.headers, base64.b64decode(SECRET.removeprefix("whsec_"))
    assert headers["content-type"] == "application/cloudevents+json"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (example().id, "1767348000")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert orjson.loads(request.body)["id"] == example().id


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (400, {}, RefusedWrite),
        (413, {}, RefusedWrite),
        (302, {"Location": "http://elsewhere.example"}, TransientError),
        (401, {}, TransientError),
        (404, {}, TransientError),
        (503, {}, TransientError),
        (429, {"Retry-After": "7"}, RetryAfter),
    ],
)
def test_what_an_answer_means(status: int, headers: dict[str, str], kind: type[Exception]) -> None:
    """Only what is wrong with the content is refused; the URL, which may be a secret, is in no error."""
    with HttpReceiver() as receiver:
        receiver.answers = [(status, headers)]
        with pytest.raises(kind) as error:
            Slack(HttpPost(receiver.url)).send([example()])
    assert type(error.value) is kind
    assert str(status) in str(error.value)
    assert "secret" not in str(error.value)
    if isinstance(error.value, RetryAfter):
        assert error.value.seconds == 7.0


def test_no_answer_is_transient() -> None:
    """The receiver is gone."""
    with HttpReceiver() as receiver:
        url = receiver.url
    with pytest.raises(TransientError) as error:
        Webhook(HttpPost(url), None, lambda: 0.0).send([example()])
    assert "secret" not in str(error.value)


def test_a_url_must_be_one() -> None:
    """Of HTTP, with a host."""
    for url in ("ftp://host/x", "host/x", "https://"):
        with pytest.raises(UsageError):
            HttpPost(url)


@pytest.mark.parametrize("event", events(), ids=lambda event: event.kind)
def test_slack_messages_keep_the_limits(event: CloudEvent) -> None:
    """A text for notifications, few blocks, and no markup from names."""
    said = message(event)
    assert 0 < len(said["text"]) <= MOST_OF_A_TEXT
    assert 2 <= len(said["blocks"]) <= 50
    texts = [block["text"]["text"] for block in said["blocks"] if block["type"] == "section"]
    assert all(0 < len(text) <= MOST_OF_A_TEXT for text in texts)
    assert "<title_crew>" not in orjson.dumps(said).decode()
    assert event.id in said["blocks"][-1]["elements"][0]["text"]


def test_a_slack_message_names_owners_and_links() -> None:
    """The change, the affected datasets and the links."""
    said = message(example())
    text = said["blocks"][1]["text"]["text"]
    assert "affects 2 datasets, nearest: titles (ana), titles (no owner)" in text
    assert "exposures: board" in text
    assert "also: titles: directors was dropped" in text
    assert "<https://lineage.example/?node=titles&at=2026|lineage>" in text


class Aws:
    """boto3's client, which keeps what it is asked and answers what it should."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.asked: list[dict[str, Any]] = []
        self._answer = answer

    def publish_batch(self, **parameters: Any) -> dict[str, Any]:
        """Keeps the request."""
        return self._asked(parameters)

    def put_events(self, **parameters: Any) -> dict[str, Any]:
        """Keeps the request."""
        return self._asked(parameters)

    def _asked(self, parameters: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(parameters)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def refusal(code: str) -> ClientError:
    """An error answer of AWS."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


def test_sns_has_attributes_and_fifo_fields() -> None:
    """A filter policy sees rule and severity; a FIFO topic gets the id and a group that it allows."""
    client = Aws({"Successful": [], "Failed": []})
    Sns(client, "arn:aws:sns:us-east-1:123456789012:alerts.fifo").send([example()])
    (entry,) = client.asked[0]["PublishBatchRequestEntries"]
    assert entry["MessageAttributes"]["severity"] == {"DataType": "String", "StringValue": "breaking"}
    assert entry["MessageDeduplicationId"] == example().id
    assert entry["MessageGroupId"] == "arn:aws:glue:us-east-1:123456789012/table/imdb/titles"
    assert orjson.loads(entry["Message"])["id"] == example().id


def test_eventbridge_has_the_event_as_detail() -> None:
    """With its type, by which rules of a bus select it."""
    client = Aws({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
    EventBridge(client, "lineage").send([example()])
    (entry,) = client.asked[0]["Entries"]
    assert (entry["Source"], entry["DetailType"]) == ("headwater", "io.headwater.alert.lost_source.v1")
    assert (entry["EventBusName"], orjson.loads(entry["Detail"])["id"]) == ("lineage", example().id)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal("ThrottlingException"), TransientError),
        (refusal("AuthorizationError"), TransientError),
        (refusal("NotFoundException"), TransientError),
        (refusal("InvalidParameter"), RefusedWrite),
        (ConnectTimeoutError(endpoint_url="https://sns"), TransientError),
        ({"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}, TransientError),
        ({"Failed": [{"Id": "0", "Code": "InvalidParameter", "SenderFault": True}]}, RefusedWrite),
        ({"Entries": [{"ErrorCode": "ThrottlingException"}]}, TransientError),
    ],
)
def test_what_an_answer_of_aws_means(answer: dict[str, Any] | Exception, kind: type[Exception]) -> None:
    """Of the request and of one of its entries."""
    channel = (
        EventBridge(Aws(answer), "bus") if isinstance(answer, dict) and "Entries" in answer else Sns(Aws(answer), "t")
    )
    with pytest.raises(kind):
        channel.send([example()])


class Producer:
    """A producer that fails as it is asked to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.written: list[tuple[str, list[Outgoing]]] = []
        self._error = error

    def write(self, topic: str, records: Any) -> None:
        """Keeps records."""
        if self._error is not None:
            raise self._error
        self.written.append((topic, list(records)))

    def close(self) -> None:
        """Closes nothing."""


def test_kafka_is_keyed_by_dataset() -> None:
    """So that the alerts of one dataset stay in order; what an operator can correct is tried again."""
    producer = Producer()
    KafkaTopic(producer, "alerts").send([example()])
    ((topic, ((key, _, _),)),) = producer.written
    assert (topic, key) == ("alerts", example().subject.encode())
    with pytest.raises(RefusedWrite):
        KafkaTopic(Producer(TooLargeError("alerts", [0])), "alerts").send([example()])
    with pytest.raises(TransientError):
        KafkaTopic(Producer(UsageError("not authorized")), "alerts").send([example()])
