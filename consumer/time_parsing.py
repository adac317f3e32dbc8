"""Times and durations as people type and read them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

from consumer.errors import UsageError
from schemas.timestamps import canonical_time

_DURATION = re.compile(r"(\d{1,9})(s|m|h|d|w)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def parse_duration_s(text: str) -> int | None:
    """Parses a duration such as `90s`, `15m`, `12h`, `7d` or `2w` to seconds; None if it is not one."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _SECONDS[found[2]] if found else None


def parse_timestamp_ms(text: str, now_s: float, option: str) -> int:
    """Parses a time, or a duration before now, to milliseconds since 1970 in UTC.

    Args:
        text: An RFC 3339 time, such as `2026-11-21T05:00:00Z`, a date, or a duration before now.
        now_s: Seconds since 1970 in UTC.
        option: Name of the option, for the error.

    Raises:
        UsageError: The text is neither of these.
    """
    ago = parse_duration_s(text)
    if ago is not None:
        return max(0, int((now_s - ago) * 1000))
    try:
        spelled = canonical_time(text if "T" in text.upper() or ":" in text else f"{text}T00:00:00Z")
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not a time, such as 2026-11-21T05:00:00Z, or a duration, such as 12h or 7d"
        ) from None
    return max(0, int(datetime.fromisoformat(spelled).timestamp() * 1000))


def parse_moment(text: str, now_s: float, option: str) -> str:
    """Parses a time, or a duration before now, to a time as events have it, to the microsecond.

    Args:
        text: An RFC 3339 time, a date, or a duration before now.
        now_s: Seconds since 1970 in UTC.
        option: Name of the option, for the error.

    Raises:
        UsageError: The text is neither of these.
    """
    if parse_duration_s(text) is None:
        with suppress(ValueError):
            return canonical_time(text if "T" in text.upper() or ":" in text else f"{text}T00:00:00Z")
    milliseconds = parse_timestamp_ms(text, now_s, option)
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def require_order(since: str, until: str | None, now_s: float, options: tuple[str, str]) -> None:
    """Requires that a span of time ends after its start.

    Args:
        since: Start of the span, as `parse_moment` takes it.
        until: Its end; None for the present, which has events of clocks that are ahead, too.
        now_s: Seconds since 1970 in UTC.
        options: Names of the options for start and end, for the error.

    Raises:
        UsageError: The start is later than the end, or one of them is no time.
    """
    start, end = options
    if until is not None and parse_moment(since, now_s, start) > parse_moment(until, now_s, end):
        raise UsageError(f"{start} {since!r} is later than {end} {until!r}; name the earlier moment with {start}")


def format_time(time: str) -> str:
    """Formats an event's time as RFC 3339 to the second, such as `2026-11-21T05:22:25Z`; `-` if it is unknown.

    Args:
        time: In UTC, as `canonical_time` returns it; may be empty.
    """
    return f"{time[:19]}Z" if time else "-"


def format_timestamp(timestamp_ms: int) -> str:
    """Formats a record's timestamp as RFC 3339 to the second; as a number if it is outside the calendar."""
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(timestamp_ms)
