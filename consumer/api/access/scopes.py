"""Permissions, and the port of what decides about them."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol

import structlog
from starlette.requests import Request

from consumer.api.problems import Problem

_log = structlog.get_logger(__name__)


class Scope(StrEnum):
    """A permission."""

    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"


class Access(Protocol):
    """Decides about requests."""

    async def check(self, request: Request, scope: Scope) -> str:
        """Returns who sent the request, as logs and records name it.

        Raises:
            Problem: 401 without valid credentials, 403 without the scope, 429 for too many reads, 503 if keys that are
                needed can't be fetched now.
        """
        ...


def bearer_token(request: Request) -> str:
    """Returns the token of the header Authorization; empty if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def unauthenticated(request: Request, principal: str | None, reason: str) -> Problem:
    """Logs a request without valid credentials and returns its answer; the reason is in the log alone.

    Args:
        request: The request.
        principal: Who it says to be; None if unknown. Never a secret.
        reason: Why the credentials are not valid.
    """
    audit(request, principal, 401, reason)
    return Problem(401, "no valid key or token: send Authorization: Bearer ...", headers={"WWW-Authenticate": "Bearer"})


def permitted(request: Request, principal: str, has: Collection[Scope], scope: Scope) -> str:
    """Returns the principal if it has a scope; admin includes all.

    Raises:
        Problem: 403 if it lacks the scope.
    """
    if scope in has or Scope.ADMIN in has:
        return principal
    audit(request, principal, 403, f"no scope {scope}")
    raise Problem(403, f"{principal} lacks the scope {scope}")


def refuse_other_origins(request: Request) -> None:
    """Rejects requests that a page of another site sends in the name of its visitor.

    Raises:
        Problem: 403 if the request says another origin than the host that it is sent to.
    """
    origin = request.headers.get("origin", "")
    if origin and origin.partition("://")[2] != request.headers.get("host", ""):
        audit(request, None, 403, "sent by a page of another origin")
        raise Problem(403, "requests of pages of other origins are not taken")


def audit(request: Request, principal: str | None, status: int, reason: str) -> None:
    """Logs a denied request: who, from where, which path; without query string, headers and body."""
    client = request.client.host if request.client else None
    _log.warning(
        "request denied",
        path=request.url.path,
        method=request.method,
        client=client,
        principal=principal,
        status=status,
        reason=reason,
    )
