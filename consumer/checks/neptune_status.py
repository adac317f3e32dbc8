"""What a Neptune instance says of itself: versions, role, and the time (its user guide, "Instance Status")."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from consumer.checks.finding import Finding, State, clock_finding
from consumer.errors import HeadwaterError
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.gremlin.sigv4 import signed

ANSWER_TIMEOUT_S: Final = 10.0

SPOKEN: Final = "3.7."
"""How the versions of TinkerPop begin that this client speaks."""


def inspect_neptune(address: Address, clock: Callable[[], float] = time.time) -> list[Finding]:
    """What its status endpoint tells, and its clock against ours.

    Args:
        address: The graph's; the request is signed as those of its WebSocket are.
        clock: Seconds since 1970, UTC.
    """
    url = f"https://{urlsplit(address.url).netloc}/status"
    context = ssl.create_default_context()
    began = clock()
    try:
        request = urllib.request.Request(url, headers=signed("GET", url, None, {}, address.region))
        with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S, context=context) as answer:  # noqa: S310
            headers, found = answer.headers, _judged(json.load(answer))
    except urllib.error.HTTPError as error:
        message = f"{url} answers {error.code}: {error.read().decode(errors='replace')[:300]}"
        hint = "; grant neptune-db:GetEngineStatus, or mind the clock" if error.code == 403 else ""  # noqa: PLR2004 -- HTTP's
        headers, found = error.headers, [Finding("status", State.WARNING, message + hint)]
    except (OSError, ValueError, HeadwaterError) as error:
        return [Finding("status", State.WARNING, f"{url} does not tell: {error}")]
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
        server_s = parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except ValueError:
        return []
    # The header is cut to the second.
    return [clock_finding(server_s + 0.5 - now_s, "Neptune's")]
