"""What a Gremlin server's errors mean: Neptune's codes, and Neptune's code for what a plain server says.

The meaning is in the `code` of the message (Neptune's user guide, "Graph Engine Error Messages and Codes"), not in the
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
"""Neptune's codes after which the same request may succeed. A writer that has become a replica is found again by its
name."""

CONFLICTS = frozenset({"ConstraintViolationException"})
"""Codes of a request that does not fit what is in the graph: the end of an edge is missing, or a merge met another one
of the same id. Whoever sent it has to look at the graph again."""

TOO_MUCH = frozenset({"MemoryLimitExceededException", "QueryLimitException", "TimeLimitExceededException"})
"""Codes after which a smaller request may succeed where the same one would not."""

RECONNECTED = frozenset({"ReadOnlyViolationException", "AccessDeniedException"})
"""Codes after which a new connection may reach another instance, or carry a newer signature."""

_PLAIN = (
    (re.compile(r"modified in another transaction|already exists"), "ConcurrentModificationException"),
    (re.compile(r"could not be resolved"), "ConstraintViolationException"),
    (re.compile(r"timeout occurred|[Ee]valuation exceeded|evaluationTimeout"), "TimeLimitExceededException"),
    (re.compile(r"Rate limiting"), "ThrottlingException"),
)
"""What a plain Gremlin Server says, and Neptune's code for it."""


def code_of(message: str) -> tuple[str, str]:
    """Neptune's code in an error's message, and the words; for a plain Gremlin Server Neptune's code for its words."""
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
