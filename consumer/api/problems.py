"""Errors of the API: one JSON shape, and what each failure of a lower layer becomes.

`{"code": 400, "message": "...", "errors": [{"path": "$.run", "reason": "..."}]}`; `errors` is there for invalid events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog
from starlette.responses import Response

from consumer.errors import HeadwaterError, TransientError, UnknownName, UnusableGraph, UsageError

_log = structlog.get_logger(__name__)

RETRY_AFTER_S = 1
"""Seconds after which a client that met 503 should try again."""


class Problem(Exception):
    """An answer other than success.

    Attributes:
        status: HTTP status.
        message: What is wrong and what to do.
        errors: Faults of an event: JSON path and reason.
        headers: Further headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Returns the answer."""
        document: dict[str, Any] = {"code": self.status, "message": self.message}
        if self.errors:
            document["errors"] = list(self.errors)
        return Response(orjson.dumps(document), self.status, self.headers, "application/json")


def unavailable(message: str) -> Problem:
    """Returns a 503 that asks the client to try again: stock OpenLineage clients lose events on 429."""
    return Problem(503, message, headers={"Retry-After": str(RETRY_AFTER_S)})


def without_paths(error: HeadwaterError) -> HeadwaterError:
    """Returns the error for clients, who must not see the server's paths; logs one that differs."""
    if isinstance(error, UnusableGraph):
        _log.error("graph is unusable", error=str(error))
        return TransientError("the graph can't be used now; the server's log has the reason")
    if not error.public:
        return error
    _log.warning("graph failed", error=str(error))
    return type(error)(error.public)


def of_error(error: HeadwaterError) -> Problem:
    """Returns the answer for an error of the query layer or a store."""
    if isinstance(error, UsageError):
        return Problem(404 if isinstance(error, UnknownName) else 400, str(error))
    if isinstance(error, TransientError):
        return unavailable(str(error))
    return Problem(500, str(error))
