"""What a Neptune instance says of itself: versions, role, and the time (its user guide, "Instance Status")."""

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

ANSWER_TIMEOUT_S: Final = 10.0

SPOKEN: Final = "3.7."
"""How the versions of TinkerPop begin that this client speaks."""


def inspect_neptune(address: Address, clock: Callable[[], float] = time.time) -> list[Finding]:
    """Returns findings from the status of an instance, and of its clock against this machine's.

    Args:
        address: Address of the graph; the request is signed as those of its WebSocket are.
        clock: Seconds since 1970, UTC.
    """
    client = data_client(address, ANSWER_TIMEOUT_S)
    url = f"{client.meta.endpoint_url}/status"
    began = clock()
    try:
        status = client.get_engine_status()
        headers, found = status["ResponseMetadata"]["HTTPHeaders"], _judged(status)
    except ClientError as error:
        code = status_of(error)
        hint = "; grant neptune-db:GetEngineStatus, or mind the clock" if code == HTTPStatus.FORBIDDEN else ""
        headers = error.response["ResponseMetadata"]["HTTPHeaders"]
        found = [Finding("status", State.WARNING, f"{url} answers {code}: {message_of(error)[:300]}{hint}")]
    except (BotoCoreError, ValueError) as error:
        return [Finding("status", State.WARNING, f"{url} does not answer: {error}")]
    return [*found, *_clock(headers, (began + clock()) / 2)]


def _judged(status: Mapping[str, Any]) -> list[Finding]:
    gremlin = str((status.get("gremlin") or {}).get("version", "unknown")).removeprefix("tinkerpop-")
    message = f"Neptune {status.get('dbEngineVersion', 'of unknown version')}, TinkerPop {gremlin}"
    state = State.OK
    if not gremlin.startswith(SPOKEN):
        state, message = (
            State.WARNING,
            f"{message}; Headwater speaks {SPOKEN}x, and others may not know its steps",
        )
    found = [Finding("version", state, message)]
    if (role := status.get("role", "writer")) != "writer":
        message = f"it is a {role}, which takes no writes: name the cluster's endpoint"
        found.append(Finding("role", State.FAILED, message))
    if (health := status.get("status", "healthy")) != "healthy":
        found.append(Finding("health", State.WARNING, f"it calls itself {health}"))
    return found


def _clock(headers: Mapping[str, str], now_s: float) -> list[Finding]:
    try:
        server_s = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return []
    # The header is cut to the second.
    return [clock_finding(server_s + 0.5 - now_s, "Neptune's")]
