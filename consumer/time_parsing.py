"""Moments as people type them: a time, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from consumer.errors import UsageError
from schemas.timestamps import canonical_time

_DURATION = re.compile(r"(\d{1,9})(s|m|h|d|w)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def duration_s(text: str) -> int | None:
    """The seconds of a duration such as `90s`, `15m`, `12h`, `7d` or `2w`; None where it is none."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _SECONDS[found[2]] if found else None


def moment_ms(text: str, now_s: float, option: str) -> int:
    """A moment in milliseconds since 1970, UTC.

    Args:
        text: A time of RFC 3339, such as `2026-11-21T05:00:00Z`, a date, or a duration before now.
        now_s: Seconds since 1970, UTC.
        option: Where the text was given, for the error.

    Raises:
        UsageError: It is none of these.
    """
    ago = duration_s(text)
    if ago is not None:
        return max(0, int((now_s - ago) * 1000))
    try:
        spelled = canonical_time(text if "T" in text.upper() or ":" in text else f"{text}T00:00:00Z")
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is neither a time, such as 2026-11-21T05:00:00Z, nor a duration, such as 12h or 7d"
        ) from None
    return max(0, int(datetime.fromisoformat(spelled).timestamp() * 1000))


def spelled_time(timestamp_ms: int) -> str:
    """A record's timestamp as RFC 3339, to the second; as a number where it is on no calendar."""
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(timestamp_ms)
