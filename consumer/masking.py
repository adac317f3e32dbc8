"""Masks secrets in URLs before a text is logged or printed.

A graph's URL may have a token in its query, and errors of the HTTP and WebSocket clients quote the URL.
"""

from __future__ import annotations

import re

MASK = "***"

_URL = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://)([^\s'\"<>]+)")
_SHOWN = frozenset({"region", "iam"})
"""Settings in the query of a `neptune://` URL that are not secret."""


def masked(text: str) -> str:
    """Replaces user information, query values and fragment of each URL in a text by `***`."""
    return _URL.sub(_masked_url, text) if "://" in text else text


def _masked_url(found: re.Match[str]) -> str:
    scheme, rest = found[1], found[2]
    cut = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
    authority, path = rest[:cut], rest[cut:]
    user, at_sign, host = authority.rpartition("@")
    shown = f"{scheme}{MASK}@{host}" if at_sign and user else f"{scheme}{authority}"
    path, hash_sign, _ = path.partition("#")
    path, question, query = path.partition("?")
    settings = "&".join(_masked_setting(setting) for setting in query.split("&"))
    return f"{shown}{path}{question}{settings}{hash_sign}{MASK if hash_sign else ''}"


def _masked_setting(setting: str) -> str:
    name, equals, value = setting.partition("=")
    if not setting or name in _SHOWN:
        return setting
    return f"{name}={MASK}" if equals and value else MASK if not equals else setting
