"""Who may do what: no authentication on loopback, or keys with scopes.

A key is `hw_ID_SECRET`. Only its SHA-256 is stored, in a TOML file; several keys may be valid at once, so that one can
replace another. Logs name a key by its id.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import structlog
from starlette.requests import Request

from consumer.api.problems import Problem
from consumer.errors import UsageError

_KEY = re.compile(r"hw_([A-Za-z0-9-]{1,64})_([A-Za-z0-9_-]{32,128})")
_SHA256 = re.compile(r"[0-9a-f]{64}")

_log = structlog.get_logger(__name__)


class Scope(StrEnum):
    """A permission of a key."""

    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"


class Access(Protocol):
    """Decides about requests."""

    def check(self, request: Request, scope: Scope) -> str:
        """Returns who sent the request.

        Raises:
            Problem: 401 without a valid key, 403 if the key lacks the scope.
        """
        ...


class Anonymous:
    """No authentication; only for servers that listen on loopback."""

    def check(self, request: Request, scope: Scope) -> str:  # noqa: ARG002 -- the protocol's signature
        """Returns `anonymous`."""
        return "anonymous"


class Key(NamedTuple):
    """A key as it is stored."""

    id: str
    sha256: str
    scopes: frozenset[Scope]


class Keys:
    """Authentication by `Authorization: Bearer hw_ID_SECRET`."""

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self._keys = dict(keys)

    def check(self, request: Request, scope: Scope) -> str:
        """Returns the id of the request's key."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = _KEY.fullmatch(token.strip()) if scheme.lower() == "bearer" else None
        key = self._keys.get(found[1]) if found else None
        digest = hashlib.sha256(token.strip().encode()).hexdigest()
        # An unknown id costs the same comparison as a wrong secret.
        if not hmac.compare_digest(digest, key.sha256 if key else "0" * 64) or key is None:
            _denied(request, found[1] if found else None, "no valid key")
            raise Problem(
                401, "no valid key: send Authorization: Bearer hw_...", headers={"WWW-Authenticate": "Bearer"}
            )
        if scope not in key.scopes and Scope.ADMIN not in key.scopes:
            _denied(request, key.id, f"no scope {scope}")
            raise Problem(403, f"key {key.id} lacks the scope {scope}")
        return key.id


def _denied(request: Request, key: str | None, reason: str) -> None:
    client = request.client.host if request.client else None
    _log.warning("request denied", path=request.url.path, method=request.method, client=client, key=key, reason=reason)


def new_key(id_: str) -> tuple[str, str]:
    """Makes a key; returns it and the SHA-256 to store.

    Raises:
        UsageError: The id has characters that it may not have.
    """
    key = f"hw_{id_}_{secrets.token_urlsafe(32)}"
    if not _KEY.fullmatch(key):
        raise UsageError(f"{id_!r} is not a valid id of a key; use up to 64 letters, digits and hyphens")
    return key, hashlib.sha256(key.encode()).hexdigest()


def load_keys(file: Path) -> Keys:
    """Reads keys from a TOML file: tables `[[keys]]` with `id`, `sha256` and `scopes`.

    Raises:
        UsageError: The file can't be read, or a key in it is not valid.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the keys in {file} can't be read: {error}") from None
    entries = document.get("keys")
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{file} has no [[keys]]; headwater create-key makes one")
    keys = [_loaded(file, number, entry) for number, entry in enumerate(entries, 1)]
    if len({key.id for key in keys}) < len(keys):
        raise UsageError(f"{file} has two keys with one id")
    return Keys({key.id: key for key in keys})


def _loaded(file: Path, number: int, entry: Any) -> Key:
    entry = entry if isinstance(entry, dict) else {}
    scopes = entry.get("scopes")
    known = set(Scope)
    if not isinstance(entry.get("id"), str) or not _SHA256.fullmatch(str(entry.get("sha256"))):
        raise UsageError(f"key {number} in {file} needs an id and a sha256 of 64 hexadecimal digits")
    if not isinstance(scopes, list) or not scopes or not known.issuperset(scopes):
        raise UsageError(f"key {entry['id']} in {file} needs scopes, of {', '.join(sorted(known))}")
    return Key(entry["id"], entry["sha256"], frozenset(map(Scope, scopes)))


def is_loopback(host: str) -> bool:
    """True if an address reaches this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
