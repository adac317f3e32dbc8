"""Public keys that sign tokens: fetched over HTTPS when a token names one that is not known, and remembered."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from consumer.api.access.anonymous import is_loopback
from consumer.api.problems import Problem, unavailable
from consumer.errors import UsageError

TIMEOUT_S = 5.0
MOST_BYTES = 1024 * 1024
REMEMBERED_S = 3600.0
"""Seconds after which keys are fetched again."""
PAUSE_S = 10.0
"""Seconds between two fetches, whatever tokens name: an unknown key must not become a load of the provider."""

Fetch = Callable[[str], bytes]

_log = structlog.get_logger(__name__)


def checked_url(url: str, setting: str) -> str:
    """Returns a URL that keys may be fetched from: HTTPS, or on this machine.

    Raises:
        UsageError: It is neither.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return url
    raise UsageError(f"{setting} is {url!r}; set it to an https:// URL")


def fetch(url: str) -> bytes:
    """Fetches a document.

    Raises:
        OSError: It can't be fetched, or it is too long.
    """
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 -- see `checked_url`
        data: bytes = answer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise OSError(f"it is longer than {MOST_BYTES} bytes")
    return data


class PublicKeys:
    """The keys of an identity provider (RFC 7517).

    Args:
        issuer: Its URL, below which its configuration is (OpenID Connect Discovery 1.0, section 4).
        url: Where its keys are; read from its configuration if it is empty.
        fetch: Fetches a document.
        clock: Seconds; monotonic.
    """

    def __init__(
        self, issuer: str, url: str = "", fetch: Fetch = fetch, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer = issuer
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: KeySet | None = None
        self._tried = float("-inf")
        self._fetched = float("-inf")

    async def holding(self, kid: str | None) -> KeySet:
        """Returns the keys, fetched again if none of them is of an id.

        Raises:
            Problem: 503 if there are none yet, and they can't be fetched.
        """
        if self._is_old(kid):
            async with self._lock:
                if self._is_old(kid):
                    await self._refresh()
        if self._keys is None:
            raise unavailable("the keys of the identity provider can't be fetched now")
        return self._keys

    def _is_old(self, kid: str | None) -> bool:
        now = self._clock()
        if now - self._tried < PAUSE_S:
            return False
        known = {key.kid for key in self._keys.keys} if self._keys is not None else set()
        return now - self._fetched > REMEMBERED_S or (kid not in known if kid is not None else not known)

    async def _refresh(self) -> None:
        self._tried = self._clock()
        try:
            self._keys = await asyncio.to_thread(self._read)
            self._fetched = self._tried
        except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
            _log.warning("identity provider's keys not fetched", issuer=self._issuer, error=str(error))

    def _read(self) -> KeySet:
        if not self._url:
            found: Any = orjson.loads(self._fetch(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"))
            try:
                self._url = checked_url(str(found["jwks_uri"]), "the provider's jwks_uri")
            except UsageError as error:
                raise ValueError(str(error)) from None
        return KeySet.import_key_set(orjson.loads(self._fetch(self._url)))


class NamedKeys:
    """Keys that are each at a URL of their own, as those of load balancers are.

    Args:
        base: The URL to which a key's id is added.
        fetch: Fetches a document.
        clock: Seconds; monotonic.
    """

    MOST = 100

    def __init__(self, base: str, fetch: Fetch = fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._base = base.rstrip("/")
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._known: dict[str, bytes] = {}
        self._failed: dict[str, float] = {}

    async def named(self, kid: str) -> bytes:
        """Returns a key.

        Raises:
            Problem: 503 if it can't be fetched.
        """
        async with self._lock:
            if kid not in self._known:
                await self._add(kid)
            return self._known[kid]

    async def _add(self, kid: str) -> None:
        if self._clock() - self._failed.get(kid, float("-inf")) < PAUSE_S:
            raise _no_key()
        try:
            found = await asyncio.to_thread(self._fetch, f"{self._base}/{kid}")
        except (OSError, ValueError) as error:
            _log.warning("load balancer's key not fetched", kid=kid, error=str(error))
            _remember(self._failed, kid, self._clock(), self.MOST)
            raise _no_key() from None
        _remember(self._known, kid, found, self.MOST)


def _no_key() -> Problem:
    return unavailable("the key of the load balancer can't be fetched now")


def _remember(known: dict[str, Any], key: str, value: object, most: int) -> None:
    while len(known) >= most:
        del known[next(iter(known))]
    known[key] = value
