"""Kafka as a broker: the only module that imports kafka-python, which has no types. Import it where it is needed.

The producer is idempotent and waits for all in-sync replicas. Defects of kafka-python 3.0 are handled here: the
constructor connects, logs the reason of a failure without raising it, and leaves sockets open; `close` raises on a
timeout.
"""

import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from kafka import KafkaProducer
from kafka import errors as kafka_errors
from kafka.codec import has_lz4, has_snappy, has_zstd
from kafka.net.compat import KafkaNetClient
from kafka.net.sasl.oauth import AbstractTokenProvider

from emitter.brokers.broker import DeliveryCallback
from emitter.config.transport_config import KafkaConfig
from emitter.errors import ClockError, DeliveryError, RefusedError, RejectedError, TooLargeError, UnavailableError
from emitter.record import MAX_BYTES, Record

# The limit for one attempt to connect, or to get the metadata of the topic, in seconds; the sender retries.
_ATTEMPT = 5.0
_REQUEST = 30.0
_SIZES = "Raise `max_request_size` and the topic's max.message.bytes"
_LIBRARIES: dict[str, tuple[Callable[[], Any], str]] = {
    "zstd": (has_zstd, "zstandard"),
    "lz4": (has_lz4, "lz4"),
    "snappy": (has_snappy, "cramjam"),
}

# The size limit is checked here, on compressed events; kafka-python's own applies to uncompressed ones.
_UNBOUNDED = 2**31 - 1

# A record without a time of its own, which brokers never refuse for its time.
_NO_TIME = -1

_TOO_LARGE = (kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError)
_REJECTING = (
    kafka_errors.InvalidRecordError,
    kafka_errors.PolicyViolationError,
)
_REFUSING = (
    kafka_errors.AuthorizationError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.SecurityDisabledError,
    kafka_errors.InvalidTopicError,
    kafka_errors.UnsupportedVersionError,
    kafka_errors.KafkaConfigurationError,
    ValueError,
)


class KafkaBroker:
    """A connected producer.

    Args:
        config: The transport's settings.

    Raises:
        UnavailableError: No broker answers, or none has the topic.
        RefusedError: The brokers refuse the credentials, or a library for them is not installed.
    """

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._closed = self._must_reconnect = self._omits_time = False
        self._open()

    def _open(self) -> None:
        clients: list[_Client] = []

        def client(**configs: Any) -> _Client:
            clients.append(_Client(**configs))
            return clients[-1]

        try:
            self._producer = KafkaProducer(**producer_settings(self._config), kafka_client=client)
        except (kafka_errors.KafkaError, OSError, ValueError) as error:
            causes = [unused.cause(error) for unused in clients]
            for unused in clients:
                unused.close()
            raise self._translated((causes or [error])[-1]) from error
        self._require_topic(clients[-1])

    def send(self, record: Record, on_delivery: DeliveryCallback) -> None:
        """Hands a record to the producer, whose thread reports the result."""
        require_size(record, self._config)
        if self._must_reconnect:
            self._close_producer()
            self._open()
            self._must_reconnect = False
        try:
            timestamp_ms = _NO_TIME if self._omits_time else record.timestamp_ms
            future = self._producer.send(record.topic, key=record.key, value=record.value, timestamp_ms=timestamp_ms)
        except kafka_errors.KafkaError as error:
            raise self._translated(error) from error
        future.add_callback(lambda _: on_delivery(None))
        future.add_errback(partial(self._settle_failed, on_delivery))

    def close(self) -> None:
        """Closes the producer; records that it still holds are reported as unavailable."""
        if not self._closed:
            self._closed = True
            self._close_producer()

    def _close_producer(self) -> None:
        try:
            self._producer.close(0)
        except kafka_errors.KafkaTimeoutError:
            # It raised before it stopped its thread. Once its records are aborted there is nothing to wait for.
            self._producer._sender.force_close()  # noqa: SLF001
            self._producer.close(1)

    def _settle_failed(self, on_delivery: DeliveryCallback, error: Exception) -> None:
        """Reports a failed record, and stops the producer: later records must not overtake it.

        This runs in the producer's thread, before it sends more. In 3.0 an idempotent producer is unusable after a
        record that was too large: it fails all later records with that error, which does not apply to them.
        """
        failure = self._translated(error)
        self._omits_time |= isinstance(failure, ClockError)
        if self._must_reconnect and isinstance(failure, RejectedError):
            failure = UnavailableError(self._message("an earlier event was not accepted"))
        self._must_reconnect = True
        self._producer._sender.force_close()  # noqa: SLF001
        on_delivery(failure)

    def _require_topic(self, client: "_Client") -> None:
        client.causes.clear()
        try:
            self._producer.partitions_for(self._config.topic)
        except kafka_errors.KafkaError as error:
            cause = client.cause(error)
            self.close()
            if isinstance(cause, kafka_errors.KafkaTimeoutError):
                advice = f"topic {self._config.topic!r} does not exist: create it, or correct `topic`"
                raise UnavailableError(f"kafka at {self._config.where}: {advice}") from error
            # The brokers may advertise other addresses than those that were reached.
            raise self._translated(cause) from error
        client.stop_watching()

    def _translated(self, error: Exception) -> DeliveryError:
        text = str(error) or type(error).__name__
        if isinstance(error, _TOO_LARGE):
            return TooLargeError(self._message(f"{text}. {_SIZES}"))
        if isinstance(error, kafka_errors.InvalidTimestampError):
            return ClockError(self._message(f"{text}: correct the clock of this machine"))
        if isinstance(error, _REJECTING):
            return RejectedError(self._message(text))
        if isinstance(error, _REFUSING):
            advice = f"check the credentials and permissions (auth: {self._config.auth}, topic {self._config.topic!r})"
            return RefusedError(self._message(f"{text}: {advice}"))
        return UnavailableError(self._message(text + self._advice(error, text)))

    def _advice(self, error: Exception, text: str) -> str:
        if isinstance(error, (kafka_errors.QuotaViolationError, kafka_errors.ThrottlingQuotaExceededError)):
            return ": the quota of this client is exhausted; raise it"
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return ": use the brokers' names in their certificate, and set `ca_file` if a private authority signed it"
        if "socket disconnected" in text and self._config.auth in {"scram", "iam"}:
            # kafka-python 3.0 loses a response that arrives together with the end of the connection.
            return " (brokers also refuse credentials this way: check them)"
        return ""

    def _message(self, text: str) -> str:
        if self._config.password:
            text = text.replace(self._config.password, "***")
        return f"kafka at {self._config.where}: {text}"


def require_size(record: Record, config: KafkaConfig) -> None:
    """Checks an event's size before it is sent.

    Raises:
        TooLargeError: Kafka can't accept the event, or the consumer would reject it as a dead letter.
    """
    if len(record.value) > MAX_BYTES:
        reason = f"an event of {len(record.value)} bytes is too large: the consumer reads at most {MAX_BYTES}"
        raise TooLargeError(f"kafka at {config.where}: {reason}, however well it is compressed")
    size = record.size
    if size > config.max_request_size and config.compression != "none":
        # For any codec, the size with gzip is close enough; the broker checks the topic's own limit.
        size = len(zlib.compress(record.value))
    if size > config.max_request_size:
        raise TooLargeError(f"kafka at {config.where}: an event of {record.size} bytes is too large. {_SIZES}")


def producer_settings(config: KafkaConfig) -> dict[str, Any]:
    """Returns kafka-python's settings for the transport's settings.

    Raises:
        RefusedError: A library that they need is not installed.
    """
    # At least one attempt ends within `close_timeout`, so that the summary has the reason why nothing was sent.
    attempt_ms = round(max(1.0, min(_ATTEMPT, config.close_timeout / 2)) * 1000)
    return {
        "bootstrap_servers": list(config.bootstrap_servers),
        "client_id": "headwater-emitter",
        "enable_idempotence": True,
        "acks": "all",
        "compression_type": _codec(config.compression),
        # Events of one run are similar: larger batches compress much better.
        "linger_ms": 5,
        "batch_size": 128 * 1024,
        "max_request_size": _UNBOUNDED,
        "delivery_timeout_ms": round(config.delivery_timeout * 1000),
        "request_timeout_ms": round(min(_REQUEST, config.delivery_timeout) * 1000),
        "bootstrap_timeout_ms": attempt_ms,
        "max_block_ms": attempt_ms,
        "reconnect_backoff_max_ms": 1000,
        "metrics_enabled": False,
        **_security(config),
    }


def _codec(compression: str) -> str | None:
    if compression == "auto":
        return next((codec for codec in ("zstd", "lz4") if _LIBRARIES[codec][0]()), "gzip")
    if compression in _LIBRARIES:
        installed, package = _LIBRARIES[compression]
        if not installed():
            raise RefusedError(f"`compression: {compression}` needs the package {package}: install it, or set `auto`")
    return None if compression == "none" else compression


def _security(config: KafkaConfig) -> dict[str, Any]:
    if config.auth == "plaintext":
        return {"security_protocol": "PLAINTEXT"}
    tls = {"ssl_cafile": config.ca_file, "ssl_check_hostname": True}
    if config.auth == "tls":
        return {"security_protocol": "SSL", **tls}
    if config.auth == "scram":
        sasl = {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": config.username,
            "sasl_plain_password": config.password,
        }
    else:
        sasl = {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": _MskTokens(config.region or "")}
    return {"security_protocol": "SASL_SSL", **tls, **sasl}


class _MskTokens(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python has no types
    """Signs a fresh MSK IAM token for each connection, with boto's usual chain of credentials."""

    def __init__(self, region: str) -> None:
        super().__init__()
        try:
            from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # noqa: PLC0415 # loads boto, which only iam needs
        except ImportError as error:
            raise RefusedError("`auth: iam` needs the package aws-msk-iam-sasl-signer-python") from error
        self._region = region
        self._signer = MSKAuthTokenProvider

    def token(self) -> str:
        token, _expiry_ms = self._signer.generate_auth_token(self._region)
        return str(token)


class _Client(KafkaNetClient):  # type: ignore[misc]  # kafka-python has no types
    """A network client that keeps the reasons of lost connections, which kafka-python only logs."""

    def __init__(self, **configs: Any) -> None:
        super().__init__(**configs)
        self.causes: list[Exception] = []
        self._connect = self._manager.get_connection
        self._manager.get_connection = self._get_connection

    def cause(self, error: Exception) -> Exception:
        """Returns the cause of an error: a refusal if there was one, else the latest loss of a connection."""
        refusals = (cause for cause in self.causes if isinstance(cause, _REFUSING))
        return next(refusals, (self.causes or [error])[-1])

    def stop_watching(self) -> None:
        """Stops keeping reasons: the connected producer reports each failure with its record."""
        self._manager.get_connection = self._connect

    def _get_connection(self, node_id: Any, **options: Any) -> Any:
        connection = self._connect(node_id, **options)
        connection.close_future.add_errback(partial(self._remember, node_id))
        return connection

    def _remember(self, node_id: Any, cause: Exception) -> None:
        self.causes.append(cause)
        if isinstance(cause, _REFUSING):
            # The manager raises it at its next attempt, which ends the attempts.
            self._manager._auth_failures[node_id] = cause  # noqa: SLF001
