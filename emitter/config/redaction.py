"""Redaction of secrets in settings, so that no message shows one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

MASK = "***"

_SECRET_NAME = re.compile(r"pass|secret|token|key|credential|jaas|connection_?string", re.IGNORECASE)
# Masking a shorter one would make messages unreadable.
_SHORTEST = 3


def secrets_in(settings: Any, name: str = "") -> Iterator[str]:
    """Yields possible secrets in settings of any shape: by the setting's name, or as a part of a URL.

    Args:
        settings: A value, or mappings and lists of values.
        name: The setting's name.
    """
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from secrets_in(value, f"{name}.{key}" if _SECRET_NAME.search(name) else str(key))
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from secrets_in(value, name)
    elif isinstance(settings, str | int | float) and not isinstance(settings, bool):
        if _SECRET_NAME.search(name) and not name.endswith(("_env", "_file", "message_key")):
            yield str(settings)
        yield from _in_url(str(settings))


def redact(text: str, secrets: Iterable[str]) -> str:
    """Returns a text with a mask in place of each secret."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, MASK)
    return text


def public_url(url: str) -> str:
    """Returns a URL without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an invalid URL"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _in_url(text: str) -> Iterator[str]:
    before, at, _ = text.rpartition("@")
    user, _, password = before.rpartition("//")[2].partition(":")
    if at and (password or "://" in text):
        yield password or user
    _, mark, query = text.partition("?")
    if mark and "://" in text:
        for part in query.split("&"):
            _, equals, value = part.partition("=")
            if equals:
                yield value
