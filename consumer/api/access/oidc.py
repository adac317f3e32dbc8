"""Tokens of an identity provider: JSON Web Tokens that it signed for this server (RFC 7519, RFC 9068)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from joserfc import jws, jwt
from joserfc.errors import JoseError
from starlette.requests import Request

from consumer.api.access.public_keys import PublicKeys
from consumer.api.access.scopes import Scope, bearer_token, permitted, unauthenticated

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a public key; with a shared secret, a process that can verify a token can also make one."""

LEEWAY_S = 60
"""Seconds by which the provider's clock may differ."""

MOST_CHARS = 16_384
"""Characters of a token."""

_REGISTRY = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)


class Claims(NamedTuple):
    """The claims that a token must have.

    Attributes:
        issuer: Its issuer.
        audience: One of those that it is for.
        scopes_in: The claim with its scopes, with dots into nested ones: a text with spaces between, or a list.
        prefix: Stands before each scope in it, such as `headwater:`.
    """

    issuer: str
    audience: str
    scopes_in: str = "scope"
    prefix: str = ""


class Tokens:
    """Authentication by `Authorization: Bearer JWT`.

    Args:
        claims: What tokens have to say.
        keys: The provider's keys.
        now: Seconds since 1970, UTC.
    """

    def __init__(self, claims: Claims, keys: PublicKeys, now: Callable[[], float] = time.time) -> None:
        self._claims = claims
        self._keys = keys
        self._now = now

    async def check(self, request: Request, scope: Scope) -> str:
        """Returns the subject of the request's token."""
        token = bearer_token(request)
        if not token or len(token) > MOST_CHARS:
            raise unauthenticated(request, None, "no token")
        try:
            kid = jws.extract_compact(token.encode()).headers().get("kid")
        except (JoseError, ValueError):
            raise unauthenticated(request, None, "not a token") from None
        keys = await self._keys.holding(kid if isinstance(kid, str) else None)
        try:
            read = jwt.decode(token, keys, registry=_REGISTRY)
            self._validate(read.claims)
        except (JoseError, ValueError) as error:
            raise unauthenticated(request, None, f"token refused: {type(error).__name__}") from None
        return permitted(request, principal_of(read.claims), self._scopes(read.claims), scope)

    def _validate(self, claims: dict[str, Any]) -> None:
        jwt.JWTClaimsRegistry(
            now=lambda: int(self._now()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._claims.issuer},
            aud={"essential": True, "value": self._claims.audience},
            exp={"essential": True},
            sub={"essential": True},
        ).validate(claims)

    def _scopes(self, claims: Mapping[str, Any]) -> set[Scope]:
        return scopes_of(claims, self._claims.scopes_in, self._claims.prefix)


def scopes_of(claims: Mapping[str, Any], path: str, prefix: str) -> set[Scope]:
    """Returns the scopes in a claim; what is no scope of ours does not count."""
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    named: Collection[Any] = value.split() if isinstance(value, str) else value if isinstance(value, list) else ()
    found = {str(one).removeprefix(prefix) for one in named if str(one).startswith(prefix)}
    return {scope for scope in Scope if scope.value in found}


def principal_of(claims: Mapping[str, Any]) -> str:
    """Returns the subject as logs and records name it: short, and of printable ASCII characters."""
    return str(claims.get("sub") or "")[:200].encode("unicode_escape").decode("ascii")
