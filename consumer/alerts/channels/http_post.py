"""A POST request and what its answer means: delivered, refused for good, or to be sent again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import urlsplit

import urllib3

from consumer.alerts.channels.channel import RetryAfter
from consumer.errors import RefusedWrite, TransientError, UsageError

TIMEOUT: Final = urllib3.Timeout(connect=5.0, read=10.0)

_DELIVERED: Final = range(200, 300)

_REFUSED: Final = frozenset({400, 413, 415, 422})
"""Answers to the content of a request. All others are about the way there, which an operator can correct meanwhile."""

MOST_OF_A_REASON: Final = 200
"""Characters of an answer that an error quotes."""

LONGEST_PAUSE_S: Final = 3600.0


class Post(Protocol):
    """Sends one request."""

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Sends a body.

        Raises:
            TransientError: No answer, or one that a later request may not get.
            RefusedWrite: The receiver does not take this body.
        """

    def close(self) -> None:
        """Closes connections."""


class HttpPost:
    """POST requests to one URL.

    The URL may be a secret itself, as that of a Slack webhook is: errors name its host alone.

    Args:
        url: Where to.
        pool: Connections; for tests.

    Raises:
        UsageError: It is no HTTP URL.
    """

    def __init__(self, url: str, pool: urllib3.PoolManager | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError("the URL of a channel must begin with https:// or http:// and name a host")
        self._url = url
        self._host = parts.hostname
        # Own retries, which are counted and logged, stand above this.
        self._pool = pool or urllib3.PoolManager(retries=False, timeout=TIMEOUT, maxsize=1)

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Sends a body."""
        try:
            answer = self._pool.request("POST", self._url, body=body, headers=dict(headers), redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise TransientError(f"{self._host} gave no answer ({type(error).__name__}): check the network") from error
        if answer.status in _DELIVERED:
            return
        reason = answer.data[:MOST_OF_A_REASON].decode("utf-8", "replace").strip()
        words = f"{self._host} answered {answer.status}" + (f": {reason}" if reason else "")
        if answer.status in _REFUSED:
            raise RefusedWrite(f"{words}; look at what the receiver expects")
        pause = _seconds(answer.headers.get("Retry-After"))
        if pause is not None:
            raise RetryAfter(words, pause)
        raise TransientError(f"{words}; check the channel's URL and the receiver")

    def close(self) -> None:
        """Closes connections."""
        self._pool.clear()


def _seconds(text: str | None) -> float | None:
    """Returns the value of Retry-After in seconds; a date, which few servers send, counts as absent."""
    return min(float(text), LONGEST_PAUSE_S) if text is not None and text.strip().isdecimal() else None
