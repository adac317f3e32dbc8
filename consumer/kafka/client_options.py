"""How to connect: from settings to the client library's arguments, and from its errors to ours.

The library (kafka-python) has no types; what it wants and what it throws is known here and in the modules that call it.
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
"""The largest record of a topic that Headwater creates.

MSK Serverless allows no more ("Configuration properties for MSK Serverless clusters", MSK developer guide).
"""

_REFUSED = (
    errors.AuthorizationError,
    errors.SaslAuthenticationFailedError,
    errors.InvalidSessionTimeoutError,
    errors.InvalidGroupIdError,
    errors.KafkaConfigurationError,
    errors.IllegalArgumentError,
    errors.UnsupportedCodecError,
    errors.InvalidTopicError,
)
"""What no second try mends."""

_MSK_HOST = re.compile(r"\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com")


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """The keyword arguments that consumer, producer and admin client share.

    Raises:
        UsageError: `auth` is iam, and the region is neither set nor in the brokers' names; or Python leaves out its
            assert statements, without which the library reads no answer.
    """
    return {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": settings.client_id,
        "request_timeout_ms": int(settings.request_timeout_s * 1000),
        "bootstrap_timeout_ms": 10_000,
        # The library's default lets a broker that was away for a while be away for half a minute longer.
        "reconnect_backoff_max_ms": 2_000,
        **security_options(settings),
    }


def security_options(settings: KafkaSettings) -> dict[str, Any]:
    """How the connection is secured and who we are, as keyword arguments.

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
        "sasl_oauth_token_provider": IamTokens(region(settings)),
        **tls,
    }


def region(settings: KafkaSettings) -> str:
    """The AWS region of the cluster.

    Raises:
        UsageError: It is not set, and the brokers' names don't tell it.
    """
    if settings.region:
        return settings.region
    for server in settings.bootstrap_servers:
        if found := _MSK_HOST.search(server):
            return found[1]
    raise UsageError("kafka.auth = iam needs the region: set kafka.region, as it can't be read from the brokers' names")


class IamTokens(AbstractTokenProvider):  # type: ignore[misc] # the library has no types
    """Signs in to MSK with the AWS identity of this process (environment, profile, container or instance role).

    Args:
        region: The cluster's region, for example `us-east-1`.
        sign: Gives a token and when it expires, in milliseconds since 1970.
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
        """A token that holds for a minute at least; asked for at each connect, so it is kept while it lasts."""
        if self._clock() > self._expires_s - self.MARGIN_S:
            self._token, expires_ms = self._sign(self._region)
            self._expires_s = expires_ms / 1000
        return self._token


@contextmanager
def talking(what: str, settings: KafkaSettings) -> Iterator[None]:
    """Turns the library's errors into ours.

    Args:
        what: What is being done, and of which topic: "reading of topic x".
        settings: Where the brokers are.

    Raises:
        UsageError: The broker refuses what the settings say; trying again would not help.
        TransientError: Everything else that goes wrong between here and the broker.
    """
    where = f"{what} at {','.join(settings.bootstrap_servers)}"
    try:
        yield
    except HeadwaterError:
        raise
    except _REFUSED as error:
        raise UsageError(f"{where} was refused: {error}; `headwater check` tells what to change") from error
    except (errors.KafkaError, OSError) as error:
        raise TransientError(f"{where} failed: {error or type(error).__name__}") from error
