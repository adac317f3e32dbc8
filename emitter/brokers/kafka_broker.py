"""Kafka as a broker: the one module that knows kafka-python, which has no types. Import it only where it is needed.

A producer that is idempotent and waits for all in-sync replicas. The quirks of 3.0 are dealt with here: the constructor
connects, tells why it failed to its log alone, and leaves sockets behind; `close` raises when time runs out.
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

from emitter.brokers.broker import Settle
from emitter.config.transport_config import KafkaConfig
from emitter.errors import DeliveryError, RefusedError, RejectedError, TooLargeError, UnavailableError
from emitter.record import MAX_BYTES, Record

# The longest attempt to connect, or to learn where the topic's partitions are; Delivery makes the next. In seconds.
_ATTEMPT = 5.0
_REQUEST = 30.0
_SIZES = "Raise `max_request_size` and the topic's max.message.bytes"
_LIBRARIES: dict[str, tuple[Callable[[], Any], str]] = {
    "zstd": (has_zstd, "zstandard"),
    "lz4": (has_lz4, "lz4"),
    "snappy": (has_snappy, "cramjam"),
}

# The bound on what is sent is checked here, on compressed events; kafka-python's own is on uncompressed ones.
_UNBOUNDED = 2**31 - 1

_TOO_LARGE = (kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError)
_REJECTING = (
    kafka_errors.InvalidRecordError,
    kafka_errors.InvalidTimestampError,
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

    Raises:
        UnavailableError: if no broker answers, or none knows the topic.
        RefusedError: if the brokers refuse the credentials, or a library for them is missing here.
    """

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._closed = self._spoilt = False
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

    def send(self, record: Record, settle: Settle) -> None:
        """Hands a record to the producer, whose thread settles it."""
        require_size(record, self._config)
        if self._spoilt:
            self._close_producer()
            self._open()
            self._spoilt = False
        try:
            future = self._producer.send(
                record.topic, key=record.key, value=record.value, timestamp_ms=record.timestamp_ms
            )
        except kafka_errors.KafkaError as error:
            raise self._translated(error) from error
        future.add_callback(lambda _: settle(None))
        future.add_errback(partial(self._settle_failed, settle))

    def close(self) -> None:
        """Closes the producer; what it still holds is settled as unavailable."""
        if not self._closed:
            self._closed = True
            self._close_producer()

    def _close_producer(self) -> None:
        try:
            self._producer.close(0)
        except kafka_errors.KafkaTimeoutError:
            # It raised before it stopped anything. Once its records are aborted there is nothing to wait for.
            self._producer._sender.force_close()  # noqa: SLF001
            self._producer.close(1)

    def _settle_failed(self, settle: Settle, error: Exception) -> None:
        """Settles a record that failed, and lets nothing more through: what follows must not overtake it.

        We are in the producer's own thread, before it sends more. In 3.0 an idempotent producer is of no use after a
        record that was too large: it fails all that follows with the same error, which is not theirs.
        """
        failure = self._translated(error)
        if self._spoilt and isinstance(failure, RejectedError):
            failure = UnavailableError(self._say("an earlier event was not taken"))
        self._spoilt = True
        self._producer._sender.force_close()  # noqa: SLF001
        settle(failure)

    def _require_topic(self, client: "_Client") -> None:
        client.causes.clear()
        try:
            self._producer.partitions_for(self._config.topic)
        except kafka_errors.KafkaError as error:
            cause = client.cause(error)
            self.close()
            if isinstance(cause, kafka_errors.KafkaTimeoutError):
                advice = f"topic {self._config.topic!r} is not there: create it, or correct `topic`"
                raise UnavailableError(f"kafka at {self._config.where}: {advice}") from error
            # The brokers may advertise other addresses than those that were reached so far.
            raise self._translated(cause) from error
        client.stop_watching()

    def _translated(self, error: Exception) -> DeliveryError:
        text = str(error) or type(error).__name__
        if isinstance(error, _TOO_LARGE):
            return TooLargeError(self._say(f"{text}. {_SIZES}"))
        if isinstance(error, _REJECTING):
            return RejectedError(self._say(text))
        if isinstance(error, _REFUSING):
            advice = f"check the credentials and what they may do (auth: {self._config.auth}, {self._config.topic!r})"
            return RefusedError(self._say(f"{text}: {advice}"))
        return UnavailableError(self._say(text + self._advice(error, text)))

    def _advice(self, error: Exception, text: str) -> str:
        if isinstance(error, (kafka_errors.QuotaViolationError, kafka_errors.ThrottlingQuotaExceededError)):
            return ": the quota of this client is used up; have it raised"
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return ": name the brokers as their certificate does, and set `ca_file` if a private authority signed it"
        if "socket disconnected" in text and self._config.auth in {"scram", "iam"}:
            # kafka-python 3.0 loses an answer that comes together with the end of the connection.
            return " (which is also how brokers refuse credentials: check them)"
        return ""

    def _say(self, text: str) -> str:
        if self._config.password:
            text = text.replace(self._config.password, "***")
        return f"kafka at {self._config.where}: {text}"


def require_size(record: Record, config: KafkaConfig) -> None:
    """Checks an event's size before it is sent.

    Raises:
        TooLargeError: if Kafka can't take it, or the consumer would only make a dead letter of it.
    """
    if len(record.value) > MAX_BYTES:
        reason = f"an event of {len(record.value)} bytes is too large: the consumer reads at most {MAX_BYTES}"
        raise TooLargeError(f"kafka at {config.where}: {reason}, however well it is compressed")
    size = record.size
    if size > config.max_request_size and config.compression != "none":
        # Whatever the codec is, gzip's size is near enough; the topic's own limit is the broker's to check.
        size = len(zlib.compress(record.value))
    if size > config.max_request_size:
        raise TooLargeError(f"kafka at {config.where}: an event of {record.size} bytes is too large. {_SIZES}")


def producer_settings(config: KafkaConfig) -> dict[str, Any]:
    """Returns kafka-python's settings for ours.

    Raises:
        RefusedError: if a library that they need is not installed.
    """
    # At least one attempt ends before dbt's end is due, so that the summary can tell why nothing was sent.
    attempt_ms = round(max(1.0, min(_ATTEMPT, config.close_timeout / 2)) * 1000)
    return {
        "bootstrap_servers": list(config.bootstrap_servers),
        "client_id": "headwater-emitter",
        "enable_idempotence": True,
        "acks": "all",
        "compression_type": _codec(config.compression),
        # Events of one run resemble each other: larger batches compress many times better.
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
    """A network client that keeps what kafka-python only logs: why its connections were lost."""

    def __init__(self, **configs: Any) -> None:
        super().__init__(**configs)
        self.causes: list[Exception] = []
        self._connect = self._manager.get_connection
        self._manager.get_connection = self._get_connection

    def cause(self, error: Exception) -> Exception:
        """Returns what lies behind an error: a refusal if there was one, else the latest loss of a connection."""
        refusals = (cause for cause in self.causes if isinstance(cause, _REFUSING))
        return next(refusals, (self.causes or [error])[-1])

    def stop_watching(self) -> None:
        """Keeps nothing more: from here on the producer hands each failure to its record."""
        self._manager.get_connection = self._connect

    def _get_connection(self, node_id: Any, **options: Any) -> Any:
        connection = self._connect(node_id, **options)
        connection.close_future.add_errback(partial(self._remember, node_id))
        return connection

    def _remember(self, node_id: Any, cause: Exception) -> None:
        self.causes.append(cause)
        if isinstance(cause, _REFUSING):
            # The manager raises it at its next attempt, which makes an end of the attempts.
            self._manager._auth_failures[node_id] = cause  # noqa: SLF001
