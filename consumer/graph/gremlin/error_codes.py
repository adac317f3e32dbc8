"""Error codes of Neptune, and their counterparts for messages of a plain Gremlin Server.

The `code` in the message is decisive (Neptune's user guide, "Graph Engine Error Messages and Codes"), not the
WebSocket's status.
"""

from __future__ import annotations

import json
import re

RETRIED = frozenset(
    {
        "CancelledByUserException",
        "ConcurrentModificationException",
        "InternalFailureException",
        "MemoryLimitExceededException",
        "QueryLimitExceededException",
        "ReadOnlyViolationException",
        "ThrottlingException",
        "TimeLimitExceededException",
        "TooManyRequestsException",
    }
)
"""Neptune's codes after which the same request may succeed. After a failover, the cluster's name resolves to the new
writer."""

CONFLICTS = frozenset({"ConstraintViolationException"})
"""Codes of a conflict with the graph: an end of an edge is missing, or two merges of one id collided. The writer has to
read again."""

# Some are in RETRIED too: what can't be divided may have failed for the load of others.
TOO_LARGE = frozenset({"MemoryLimitExceededException", "QueryLimitException", "TimeLimitExceededException"})
"""Codes after which only a smaller request may succeed."""

CROWDED = frozenset(
    {
        "ConcurrentModificationException",
        "MemoryLimitExceededException",
        "QueryLimitExceededException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes of a request that met too many others at the server."""

RECONNECTED = frozenset({"ReadOnlyViolationException", "AccessDeniedException"})
"""Codes after which a new connection may reach another instance, or carry a newer signature."""

# TinkerGraph names no code: its transactions, references and timeouts are known by their words alone.
_PLAIN = (
    (re.compile(r"modified in another transaction|already exists"), "ConcurrentModificationException"),
    (re.compile(r"could not be resolved"), "ConstraintViolationException"),
    (re.compile(r"timeout occurred|[Ee]valuation exceeded|evaluationTimeout"), "TimeLimitExceededException"),
    (re.compile(r"Rate limiting"), "ThrottlingException"),
)
"""Patterns of a plain Gremlin Server's messages, with Neptune's code for each."""


def code_of(message: str) -> tuple[str, str]:
    """Returns Neptune's code and the message of an error; for a plain Gremlin Server, the corresponding code."""
    # Neptune's body is JSON, behind whatever a proxy or driver has put before it.
    start = message.find("{")
    if start >= 0:
        try:
            body = json.loads(message[start:])
        except ValueError:
            body = {}
        if isinstance(body, dict) and "code" in body:
            return str(body["code"]), str(body.get("detailedMessage", ""))
    for pattern, code in _PLAIN:
        if pattern.search(message):
            return code, message
    return "", message
