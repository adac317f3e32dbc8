"""What kafka-python is told for each way to authenticate, and what is too large to be sent."""

from typing import Any

import pytest

from emitter.brokers.kafka_broker import producer_settings, require_size
from emitter.config.transport_config import KafkaConfig
from emitter.errors import RefusedError, TooLargeError
from emitter.record import MAX_BYTES, Record

SECRET = "planted-s3cret"


def settings(**params: Any) -> dict[str, Any]:
    """Returns kafka-python's settings for ours."""
    return producer_settings(KafkaConfig.from_dict({"bootstrap_servers": "b:1", **params}, {}))


def test_the_producer_is_safe() -> None:
    """Idempotent, acknowledged by all, and within the times that were set."""
    made = settings(delivery_timeout=20, close_timeout=4, max_request_size=5_000_000)
    assert (made["enable_idempotence"], made["acks"]) == (True, "all")
    assert (made["delivery_timeout_ms"], made["request_timeout_ms"]) == (20_000, 20_000)
    assert made["bootstrap_timeout_ms"] == 2000, "no attempt would end before the summary is due"
    assert made["max_request_size"] > 5_000_000, "kafka-python measures events before they are compressed"


@pytest.mark.parametrize(
    ("params", "protocol", "mechanism"),
    [
        ({}, "PLAINTEXT", None),
        ({"auth": "tls", "ca_file": __file__}, "SSL", None),
        ({"auth": "scram", "username": "u", "password": SECRET}, "SASL_SSL", "SCRAM-SHA-512"),
        ({"auth": "iam", "region": "eu-west-1"}, "SASL_SSL", "OAUTHBEARER"),
    ],
)
def test_each_auth_has_its_protocol(params: dict[str, Any], protocol: str, mechanism: str | None) -> None:
    """As MSK's listeners expect it; TLS always checks the host's name."""
    made = settings(**params)
    assert made["security_protocol"] == protocol
    assert made.get("sasl_mechanism") == mechanism
    assert made.get("ssl_check_hostname") == (True if protocol.endswith("SSL") else None)
    assert made.get("ssl_cafile") == params.get("ca_file")


def test_iam_signs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the region, anew for each connection, without the secret in what is shown of it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    provider = settings(auth="iam", region="eu-west-1")["sasl_oauth_token_provider"]
    assert len(provider.token()) > 100
    assert SECRET not in repr(provider)


def test_compression_is_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` falls back to gzip; a codec asked for by name that isn't there is told."""
    absent = (lambda: False, "package")
    monkeypatch.setattr("emitter.brokers.kafka_broker._LIBRARIES", {"zstd": absent, "lz4": absent, "snappy": absent})
    assert settings()["compression_type"] == "gzip"
    assert settings(compression="none")["compression_type"] is None
    with pytest.raises(RefusedError, match="`compression: zstd` needs the package package"):
        settings(compression="zstd")
    monkeypatch.setattr("emitter.brokers.kafka_broker._LIBRARIES", {"zstd": absent, "lz4": (lambda: True, "lz4")})
    assert settings()["compression_type"] == "lz4"


def check_size(record: Record, **params: Any) -> None:
    """Checks a record's size with our settings."""
    require_size(record, KafkaConfig.from_dict({"bootstrap_servers": "b:1", **params}, {}))


def test_kafka_measures_what_is_compressed() -> None:
    """Each codec has its own size; without one it is the event's."""
    large = Record("t", b"k", b"x" * 300_000, 0)
    check_size(large, max_request_size=20_000)
    with pytest.raises(TooLargeError, match=r"kafka at b:1: an event of 300001 bytes is too large\. Raise `max_"):
        check_size(large, max_request_size=20_000, compression="none")


def test_the_consumer_measures_what_is_not() -> None:
    """However well it is compressed, and whatever Kafka would take; raising Kafka's limits would be of no use."""
    check_size(Record("t", b"k", b"x" * MAX_BYTES, 0))
    with pytest.raises(TooLargeError) as raised:
        check_size(Record("t", b"k", b"x" * (MAX_BYTES + 1), 0), max_request_size=2 * MAX_BYTES)
    assert f"an event of {MAX_BYTES + 1} bytes is too large: the consumer reads at most {MAX_BYTES}" in str(
        raised.value
    )
    assert "Raise" not in str(raised.value)
