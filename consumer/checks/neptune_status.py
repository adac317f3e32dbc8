"""Checks of a Neptune instance's status: versions, role and clock (user guide, "Instance Status")."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from consumer.checks.finding import Finding, State, clock_finding
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.neptune_data import data_client, message_of, status_of

RESPONSE_TIMEOUT_S: Final = 10.0

SUPPORTED_PREFIX: Final = "3.7."
"""Prefix of the TinkerPop versions that this client supports."""


def inspect_neptune(address: Address, clock: Callable[[], float] = time.time) -> list[Finding]:
    """Returns findings from the status of an instance, and of its clock against this machine's.

    Args:
        address: Address of the graph; the request is signed as those of its WebSocket are.
        clock: Seconds since 1970, UTC.
    """
    client = data_client(address, RESPONSE_TIMEOUT_S)
    url = f"{client.meta.endpoint_url}/status"
    began = clock()
    try:
        status = client.get_engine_status()
        headers, found = status["ResponseMetadata"]["HTTPHeaders"], _check_status(status)
    except ClientError as error:
        code = status_of(error)
        hint = "; grant neptune-db:GetEngineStatus, and check the clock" if code == HTTPStatus.FORBIDDEN else ""
        headers = error.response["ResponseMetadata"]["HTTPHeaders"]
        found = [Finding("status", State.WARNING, f"{url} returned {code}: {message_of(error)[:300]}{hint}")]
    except (BotoCoreError, ValueError) as error:
        return [Finding("status", State.WARNING, f"{url} does not respond: {error}")]
    return [*found, *_check_clock(headers, (began + clock()) / 2)]


def _check_status(status: Mapping[str, Any]) -> list[Finding]:
    gremlin = str((status.get("gremlin") or {}).get("version", "unknown")).removeprefix("tinkerpop-")
    message = f"Neptune {status.get('dbEngineVersion', 'of unknown version')}, TinkerPop {gremlin}"
    state = State.OK
    if not gremlin.startswith(SUPPORTED_PREFIX):
        state, message = (
            State.WARNING,
            f"{message}; Headwater supports {SUPPORTED_PREFIX}x, and other versions may lack some of its steps",
        )
    found = [Finding("version", state, message)]
    if (role := status.get("role", "writer")) != "writer":
        message = f"the instance is a {role}, which accepts no writes: use the cluster's endpoint"
        found.append(Finding("role", State.FAILED, message))
    if (health := status.get("status", "healthy")) != "healthy":
        found.append(Finding("health", State.WARNING, f"the instance reports {health}"))
    return found


def _check_clock(headers: Mapping[str, str], now_s: float) -> list[Finding]:
    try:
        server_s = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return []
    # The header is truncated to the second.
    return [clock_finding(server_s + 0.5 - now_s, "Neptune's")]
