"""Keys beside another way to authenticate."""

from __future__ import annotations

from starlette.requests import Request

from consumer.api.access.keys import PREFIX
from consumer.api.access.scopes import Access, Scope, bearer_token


class KeysOr:
    """Keys for programs, and another way for all that send no key.

    Args:
        keys: Decides about requests with a key.
        other: Decides about all others.
    """

    def __init__(self, keys: Access, other: Access) -> None:
        self._keys = keys
        self._other = other

    async def check(self, request: Request, scope: Scope) -> str:
        """Returns who sent the request."""
        access = self._keys if bearer_token(request).startswith(PREFIX) else self._other
        return await access.check(request, scope)
