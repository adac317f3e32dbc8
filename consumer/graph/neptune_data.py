"""boto3's client of Neptune's data API (`neptunedata`): the bulk loader and the status of an instance."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from boto3.session import Session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from consumer.errors import TransientError, UsageError
from consumer.graph.gremlin.connection import GraphError
from consumer.graph.gremlin.endpoint import Address

UNSIGNED_REGION = "us-east-1"
"""Region of a client without signed requests, because boto3 requires one."""

_TRANSIENT = (429, 500, 502, 503, 504)


def data_client(address: Address, timeout_s: float) -> Any:
    """Returns boto3's client of the cluster's data API.

    Args:
        address: Address of the graph; requests are signed as those of its WebSocket are.
        timeout_s: Seconds for the connection, and for each read of a response.
    """
    parts = urlsplit(address.url)
    config = Config(
        connect_timeout=timeout_s,
        read_timeout=timeout_s,
        # `watch` asks again by itself; with boto3's retries one question would take several timeouts.
        retries={"total_max_attempts": 1},
        **({} if address.region else {"signature_version": UNSIGNED}),
    )
    return Session().client(
        "neptunedata",
        endpoint_url=f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}",
        region_name=address.region or UNSIGNED_REGION,
        config=config,
        # The WebSocket's variable comes first, so that both trust the same certificates; None selects botocore's own.
        verify=os.environ.get("SSL_CERT_FILE") or os.environ.get("AWS_CA_BUNDLE"),
    )


@contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Translates errors of boto3 to those of the graph.

    Args:
        what: Name of the called part and its address, for the message.

    Raises:
        TransientError: Neptune is unreachable or unavailable.
        GraphError: Neptune rejects the request.
        UsageError: There are no AWS credentials.
    """
    try:
        yield
    except ClientError as error:
        code = status_of(error)
        message = f"{what} returned {code}: {message_of(error)}"
        raise (TransientError(message) if code in _TRANSIENT else GraphError(message)) from error
    except NoCredentialsError as error:
        raise UsageError(
            "no AWS credentials to sign requests to Neptune: set a role, a profile or AWS_ACCESS_KEY_ID"
        ) from error
    # A proxy before the cluster may answer with anything, also without the fields that the caller reads.
    except (BotoCoreError, KeyError, ValueError) as error:
        raise TransientError(f"{what} does not respond: {error}") from error


def status_of(error: ClientError) -> int:
    """Returns the HTTP status of an error response."""
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def message_of(error: ClientError) -> str:
    """Returns Neptune's code and message in an error response."""
    response: dict[str, Any] = dict(error.response)
    fields = response.get("Error") or {}
    return f"{fields.get('Code')}: {response.get('detailedMessage') or fields.get('Message') or 'no message'}"
