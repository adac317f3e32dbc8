"""Client options from settings, and the client library's errors as Headwater's.

kafka-python has no types; only this module and those that call the library know its options and errors.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
from kafka import errors
from kafka.net.sasl.oauth import AbstractTokenProvider

from consumer.config.settings import MIB, KafkaSettings
from consumer.errors import HeadwaterError, TransientError, UsageError
from emitter.optimized_bytecode import obstacle

MAX_MESSAGE_BYTES = 8 * MIB
"""Bytes of the largest record of a topic that Headwater creates.

MSK Serverless allows at most 8 MiB ("Configuration properties for MSK Serverless clusters", MSK developer guide).
"""

_PERMANENT_ERRORS = (
    errors.AuthorizationError,
    errors.SaslAuthenticationFailedError,
    errors.InvalidSessionTimeoutError,
    errors.InvalidGroupIdError,
    errors.KafkaConfigurationError,
    errors.IllegalArgumentError,
    errors.UnsupportedCodecError,
    errors.InvalidTopicError,
)
"""Errors that no retry cures."""

_MSK_HOST = re.compile(r"\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com")


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Returns the keyword arguments that consumer, producer and admin client share.

    Raises:
        UsageError: `auth` is iam, and the region is neither set nor part of the brokers' names; or Python runs without
            assert statements, which the library needs to read a response.
    """
    return {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": settings.client_id,
        "request_timeout_ms": int(settings.request_timeout_s * 1000),
        "bootstrap_timeout_ms": 10_000,
        # By the library's default a broker that was away for a while is not contacted for another half a minute.
        "reconnect_backoff_max_ms": 2_000,
        **security_options(settings),
    }


def security_options(settings: KafkaSettings) -> dict[str, Any]:
    """Returns the keyword arguments for TLS and authentication.

    Raises:
        UsageError: As `client_options`.
    """
    if (reason := obstacle()) is not None:
        raise UsageError(reason)
    if settings.auth == "plaintext":
        return {"security_protocol": "PLAINTEXT"}
    tls = {"ssl_cafile": str(settings.ca_file) if settings.ca_file else None}
    if settings.auth == "tls":
        return {"security_protocol": "SSL", **tls}
    if settings.auth == "scram":
        return {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": settings.username,
            "sasl_plain_password": settings.password.get_secret_value() if settings.password else None,
            **tls,
        }
    return {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_oauth_token_provider": IamTokenProvider(region(settings)),
        **tls,
    }


def region(settings: KafkaSettings) -> str:
    """Returns the AWS region of the cluster.

    Raises:
        UsageError: The region is not set, and the brokers' names do not contain it.
    """
    if settings.region:
        return settings.region
    for server in settings.bootstrap_servers:
        if found := _MSK_HOST.search(server):
            return found[1]
    raise UsageError("kafka.auth = iam needs a region, and the brokers' names contain none; set kafka.region")


class IamTokenProvider(AbstractTokenProvider):  # type: ignore[misc] # the library has no types
    """Tokens for MSK from the AWS identity of this process (environment, profile, container or instance role).

    Args:
        region: The cluster's region, for example `us-east-1`.
        sign: Returns a token and its expiry in milliseconds since 1970.
        clock: Seconds since 1970.
    """

    MARGIN_S = 60.0

    def __init__(
        self,
        region: str,
        sign: Callable[[str], tuple[str, int]] = MSKAuthTokenProvider.generate_auth_token,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._region = region
        self._sign = sign
        self._clock = clock
        self._token = ""
        self._expires_s = 0.0

    def token(self) -> str:
        """Returns a token that is valid for at least a minute; reused by later connections while it is."""
        if self._clock() > self._expires_s - self.MARGIN_S:
            self._token, expires_ms = self._sign(self._region)
            self._expires_s = expires_ms / 1000
        return self._token


@contextmanager
def translate_errors(what: str, settings: KafkaSettings) -> Iterator[None]:
    """Translates the library's errors to Headwater's.

    Args:
        what: The operation and its topic, such as "reading of topic x".
        settings: The brokers, named in the errors.

    Raises:
        UsageError: The broker rejects a setting, so that a retry can't help.
        TransientError: Any other failure of the network or the broker.
    """
    where = f"{what} at {','.join(settings.bootstrap_servers)}"
    try:
        yield
    except HeadwaterError:
        raise
    except _PERMANENT_ERRORS as error:
        raise UsageError(f"{where} was rejected: {error}; run `headwater check` for what to change") from error
    except (errors.KafkaError, OSError) as error:
        raise TransientError(f"{where} failed: {error or type(error).__name__}") from error
