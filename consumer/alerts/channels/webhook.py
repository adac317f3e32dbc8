"""A webhook: one signed POST for each alert, a CloudEvent in structured mode.

The signature follows the Standard Webhooks specification: `webhook-id`, `webhook-timestamp` (seconds since 1970) and
`webhook-signature`, which is `v1,` and the Base64 of HMAC-SHA256 over `id.timestamp.body`. A receiver that checks the
timestamp against its clock is safe from recorded requests that are sent again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence

from consumer.alerts.channels.http_post import Post
from consumer.alerts.cloud_event import STRUCTURED, CloudEvent
from consumer.errors import UsageError

SECRET_PREFIX = "whsec_"  # noqa: S105 -- how a secret of the specification begins, not a secret
LEAST_BYTES = 24
"""Length of a secret by the specification, in bytes."""


def key_of(secret: str) -> bytes:
    """Reads the key of a secret: Base64 after `whsec_`, or else the text itself.

    Raises:
        UsageError: It is no Base64, or too short.
    """
    text = secret.strip()
    if text.startswith(SECRET_PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
        except binascii.Error:
            raise UsageError("the secret of a webhook begins with whsec_ but is not Base64 after it") from None
    else:
        key = text.encode()
    if len(key) < LEAST_BYTES:
        raise UsageError(f"the secret of a webhook has {len(key)} bytes; it needs at least {LEAST_BYTES}")
    return key


def signature(key: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """Signs a request."""
    signed = hmac.digest(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


class Webhook:
    """Posts each event to one URL.

    Args:
        post: Sends a request.
        key: The key of signatures; None for none.
        clock: Seconds since 1970.
    """

    most = 1

    def __init__(self, post: Post, key: bytes | None, clock: Callable[[], float]) -> None:
        self._post = post
        self._key = key
        self._clock = clock

    def send(self, events: Sequence[CloudEvent]) -> None:
        """Posts events one by one."""
        for event in events:
            body = event.structured()
            self._post(body, self._headers(event.id, body))

    def _headers(self, id_: str, body: bytes) -> dict[str, str]:
        timestamp = int(self._clock())
        headers = {"Content-Type": STRUCTURED, "webhook-id": id_, "webhook-timestamp": str(timestamp)}
        if self._key is not None:
            headers["webhook-signature"] = signature(self._key, id_, timestamp, body)
        return headers

    def close(self) -> None:
        """Closes connections."""
        self._post.close()
