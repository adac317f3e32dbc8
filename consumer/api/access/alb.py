"""People whom an Application Load Balancer of AWS has authenticated.

Its action `authenticate-oidc` adds the header `x-amzn-oidc-data`: a token that it signs with ES256, whose header names
the load balancer. Base64 in it keeps its padding, which libraries for JSON Web Tokens refuse.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable, Collection
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from starlette.requests import Request

from consumer.api.access.oidc import LEEWAY_S, MOST_CHARS, principal_of
from consumer.api.access.public_keys import NamedKeys
from consumer.api.access.scopes import Scope, permitted, refuse_other_origins, unauthenticated
from consumer.errors import UsageError

HEADER = "x-amzn-oidc-data"
_ARN = re.compile(r"arn:(aws[a-z-]*):elasticloadbalancing:([a-z0-9-]+):\d{12}:loadbalancer/app/[\w-]+/[0-9a-f]+")
_KID = re.compile(r"[A-Za-z0-9-]{1,64}")
_COORDINATE = 32


class _RefusedError(Exception):
    """The token of a load balancer is not valid; the message says why, without any of its content."""


class LoadBalancer:
    """Authentication by the header of a load balancer.

    Args:
        arn: ARN of the load balancer; tokens of others are rejected.
        keys: Its public keys.
        scopes: The scopes of everyone whom it has authenticated.
        now: Seconds since 1970, UTC.
    """

    def __init__(
        self, arn: str, keys: NamedKeys, scopes: Collection[Scope], now: Callable[[], float] = time.time
    ) -> None:
        self._arn = arn
        self._keys = keys
        self._scopes = frozenset(scopes)
        self._now = now

    async def check(self, request: Request, scope: Scope) -> str:
        """Returns the subject whom the load balancer has authenticated."""
        token = request.headers.get(HEADER, "")
        # A browser sends the load balancer's cookie along with what a page of another site asks it to send.
        refuse_other_origins(request)
        try:
            claims = await self._claims(token)
        except _RefusedError as error:
            raise unauthenticated(request, None, str(error)) from None
        return permitted(request, principal_of(claims), self._scopes, scope)

    async def _claims(self, token: str) -> dict[str, Any]:
        head, dot, signature = token.rpartition(".")
        if not dot or len(token) > MOST_CHARS:
            raise _RefusedError(f"no {HEADER}")
        header, claims = (_document(part) for part in (*head.split("."), "")[:2])
        kid = header.get("kid")
        if header.get("alg") != "ES256" or header.get("signer") != self._arn:
            raise _RefusedError("signed by another load balancer")
        # The id becomes a part of a URL, and nothing of it is proved yet.
        if not isinstance(kid, str) or not _KID.fullmatch(kid):
            raise _RefusedError("no id of a key")
        _verify(await self._keys.named(kid), head.encode(), _decoded(signature))
        self._check_times(header, claims)
        return claims

    def _check_times(self, *documents: dict[str, Any]) -> None:
        for document in documents:
            end = document.get("exp")
            if not isinstance(end, int | float) or end <= self._now() - LEEWAY_S:
                raise _RefusedError("expired")


def _decoded(text: str) -> bytes:
    try:
        padded = text.rstrip("=")
        return base64.b64decode(padded + "=" * (-len(padded) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _RefusedError("not base64") from None


def _document(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(_decoded(text))
    except orjson.JSONDecodeError:
        raise _RefusedError("not JSON") from None
    if not isinstance(found, dict):
        raise _RefusedError("not an object")
    return found


def _verify(pem: bytes, signed: bytes, signature: bytes) -> None:
    if len(signature) != 2 * _COORDINATE:
        raise _RefusedError("signature of another length")
    halves = signature[:_COORDINATE], signature[_COORDINATE:]
    der = utils.encode_dss_signature(*(int.from_bytes(half, "big") for half in halves))
    try:
        key = load_pem_public_key(pem)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise _RefusedError("key of another kind")
        key.verify(der, signed, ec.ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise _RefusedError("signature does not match") from None


def keys_url(arn: str) -> str:
    """Returns where the public keys of a load balancer's Region are.

    Raises:
        UsageError: It is not the ARN of an Application Load Balancer.
    """
    found = _ARN.fullmatch(arn)
    if not found:
        raise UsageError(f"serve.alb_arn is {arn!r}; set it to the ARN of an Application Load Balancer")
    partition, region = found[1], found[2]
    if partition == "aws-us-gov":
        return f"https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}"
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return f"https://public-keys.auth.elb.{region}.{suffix}"
