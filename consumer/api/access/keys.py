"""Keys with scopes.

A key is `hw_ID_SECRET`. Only its SHA-256 is stored, in a TOML file; several keys may be valid at once, so that one can
replace another. Logs name a key by its id.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from starlette.requests import Request

from consumer.api.access.scopes import Scope, bearer_token, permitted, unauthenticated
from consumer.config.toml_file import read_toml
from consumer.errors import UsageError

PREFIX = "hw_"
_KEY = re.compile(PREFIX + r"([A-Za-z0-9-]{1,64})_([A-Za-z0-9_-]{32,128})")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Key(NamedTuple):
    """A key as it is stored."""

    id: str
    sha256: str
    scopes: frozenset[Scope]


class Keys:
    """Authentication by `Authorization: Bearer hw_ID_SECRET`."""

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self._keys = dict(keys)

    async def check(self, request: Request, scope: Scope) -> str:
        """Returns the id of the request's key."""
        token = bearer_token(request)
        found = _KEY.fullmatch(token)
        key = self._keys.get(found[1]) if found else None
        digest = hashlib.sha256(token.encode()).hexdigest()
        # An unknown id costs the same comparison as a wrong secret.
        if not hmac.compare_digest(digest, key.sha256 if key else "0" * 64) or key is None:
            raise unauthenticated(request, found[1] if found else None, "no valid key")
        return permitted(request, key.id, key.scopes, scope)


def new_key(id_: str) -> tuple[str, str]:
    """Makes a key; returns it and the SHA-256 to store.

    Raises:
        UsageError: The id has characters that it may not have.
    """
    key = f"{PREFIX}{id_}_{secrets.token_urlsafe(32)}"
    if not _KEY.fullmatch(key):
        raise UsageError(f"{id_!r} is not a valid id of a key; use up to 64 letters, digits and hyphens")
    return key, hashlib.sha256(key.encode()).hexdigest()


def load_keys(file: Path) -> Keys:
    """Reads keys from a TOML file: tables `[[keys]]` with `id`, `sha256` and `scopes`.

    Raises:
        UsageError: The file can't be read, or a key in it is not valid.
    """
    advice = "name a file that this user may read with serve.keys_file; headwater create-key makes keys"
    entries = read_toml("the file of keys", file, advice).get("keys")
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{file} has no [[keys]]; headwater create-key makes one")
    keys = [_loaded(file, number, entry) for number, entry in enumerate(entries, 1)]
    if len({key.id for key in keys}) < len(keys):
        raise UsageError(f"{file} has two keys with one id")
    return Keys({key.id: key for key in keys})


def _loaded(file: Path, number: int, entry: Any) -> Key:
    entry = entry if isinstance(entry, dict) else {}
    scopes = entry.get("scopes")
    known = list(Scope)
    if not isinstance(entry.get("id"), str) or not _SHA256.fullmatch(str(entry.get("sha256"))):
        raise UsageError(f"key {number} in {file} needs an id and a sha256 of 64 hexadecimal digits")
    if not isinstance(scopes, list) or not scopes or not all(scope in known for scope in scopes):
        raise UsageError(f"key {entry['id']} in {file} needs scopes, of {', '.join(sorted(known))}")
    return Key(entry["id"], entry["sha256"], frozenset(map(Scope, scopes)))
