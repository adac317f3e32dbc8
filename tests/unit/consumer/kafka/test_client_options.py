"""From settings to the library's arguments, and from its errors to ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, errors

from consumer.config.settings import KafkaSettings
from consumer.errors import RetriesExhausted, TransientError, UsageError
from consumer.kafka.client_options import IamTokenProvider, region, security_options, translate_errors
from consumer.kafka.group_consumer import consumer_options
from consumer.kafka.producer import producer_options

SCRAM = {"auth": "scram", "username": "u", "password": "p"}


def settings(**values: object) -> KafkaSettings:
    """Settings of a cluster."""
    return KafkaSettings.model_validate(values)


def test_protocols() -> None:
    """Each way to sign in is one protocol and mechanism."""
    assert security_options(settings()) == {"security_protocol": "PLAINTEXT"}
    assert security_options(settings(auth="tls", ca_file="ca.pem")) == {
        "security_protocol": "SSL",
        "ssl_cafile": str(Path("ca.pem")),
    }
    scram = security_options(settings(**SCRAM))
    assert (scram["security_protocol"], scram["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (scram["sasl_plain_username"], scram["sasl_plain_password"]) == ("u", "p")
    iam = security_options(settings(auth="iam", region="eu-west-1"))
    assert (iam["security_protocol"], iam["sasl_mechanism"]) == ("SASL_SSL", "OAUTHBEARER")


def test_options_are_the_librarys() -> None:
    """The library knows every argument; it ignores or refuses others only when it connects."""
    known = settings(**SCRAM)
    assert set(consumer_options(known)) <= set(KafkaConsumer.DEFAULT_CONFIG)
    assert set(producer_options(known)) <= set(KafkaProducer.DEFAULT_CONFIG)
    assert consumer_options(known)["enable_auto_commit"] is False
    assert producer_options(known)["delivery_timeout_ms"] > producer_options(known)["request_timeout_ms"]


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("b-1.lineage.abc123.c2.kafka.eu-central-1.amazonaws.com:9098", "eu-central-1"),
        ("boot-abc.c1.kafka-serverless.us-east-1.amazonaws.com:9098", "us-east-1"),
    ],
)
def test_region_from_the_brokers_names(server: str, expected: str) -> None:
    """MSK's names tell the region; what is set goes before it."""
    assert region(settings(bootstrap_servers=server)) == expected
    assert region(settings(bootstrap_servers=server, region="set")) == "set"


def test_region_is_not_guessed() -> None:
    """Another name needs the setting."""
    with pytest.raises(UsageError, match=r"set kafka\.region"):
        region(settings(bootstrap_servers="localhost:9098"))


def test_token_is_kept_while_it_lasts() -> None:
    """A token is signed once and again a minute before it expires."""
    now = [1000.0]
    signed: list[str] = []

    def sign(where: str) -> tuple[str, int]:
        signed.append(where)
        return f"token {len(signed)}", int((now[0] + 900) * 1000)

    tokens = IamTokenProvider("us-east-1", sign, lambda: now[0])
    assert [tokens.token(), tokens.token()] == ["token 1", "token 1"]
    now[0] += 841
    assert tokens.token() == "token 2"
    assert signed == ["us-east-1", "us-east-1"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.TopicAuthorizationFailedError("t"), UsageError),
        (errors.SaslAuthenticationFailedError("p"), UsageError),
        (errors.UnsupportedCodecError("zstd"), UsageError),
        (errors.RebalanceInProgressError(), TransientError),
        (errors.CommitFailedError(), TransientError),
        (errors.KafkaTimeoutError("slow"), TransientError),
        (ConnectionResetError("gone"), TransientError),
        (RetriesExhausted("ours"), RetriesExhausted),
    ],
)
def test_errors_are_of_two_kinds(error: Exception, kind: type[Exception]) -> None:
    """What no second try mends is told apart from the rest; ours pass through."""
    with pytest.raises(kind) as caught, translate_errors("reading of topic t", settings()):
        raise error
    if error is not caught.value:
        assert "reading of topic t at localhost:9092" in str(caught.value)
