"""Canonical timestamps, which sort as strings."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)? ?"
    r"(?:(?:[Zz]|UTC|GMT)(?:\[[\w+/-]+\])?|([+-])(\d\d):?(\d\d)?(?: ?([Zz]|UTC|GMT)|\[[\w+/-]+\])?)?",
    re.ASCII,
)

LEAP = "60"


def canonical_time(text: str) -> str:
    """Returns a timestamp in UTC with six fraction digits, such as `2026-11-21T05:22:25.824607Z`.

    Digits beyond six are truncated, which never reverses the order of two timestamps. A timestamp without a zone is in
    UTC. RFC 3339's lower-case letters and space, and missing seconds (as Java writes a full minute), are accepted. A
    zone's name after the offset, as Java writes it, is ignored, and so is a Z after an offset of zero. A leap second,
    which is the last one of a month in UTC, becomes the last microsecond before the next month.

    Raises:
        ValueError: The text is not a timestamp, or not on the calendar; the message has the expected form.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a timestamp; expected one like 2026-11-21T05:22:25.824607Z")
    year, month, day, hour, minute, second, fraction, sign, hours, minutes, utc = match.groups()
    leaps = second == LEAP
    micros = "999999" if leaps else (fraction or "")[:6].ljust(6, "0")
    seconds = 59 if leaps else int(second or 0)
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), seconds, tzinfo=UTC)
        if utc and int(hours) + int(minutes or 0):
            raise ValueError(f"{utc} contradicts the offset before it")  # noqa: TRY301 - one handler for both
        if sign is not None:
            moment = moment.replace(tzinfo=_zone(sign, int(hours), int(minutes or 0))).astimezone(UTC)
        if leaps and not _ends_a_month(moment):
            raise ValueError("second must be in 0..59; 60 is the last second of a month in UTC")  # noqa: TRY301
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text[:40]!r} is not on the calendar: {error}") from error
    # isoformat() would leave a zero fraction out, and strftime does not pad the year everywhere.
    return f"{moment.isoformat()[:19]}.{micros}Z"


def _ends_a_month(moment: datetime) -> bool:
    """True for the last whole second of a month that a calendar without leap seconds has."""
    following = moment + timedelta(seconds=1)
    return (following.day, following.hour, following.minute, following.second) == (1, 0, 0, 0)


def _zone(sign: str, hours: int, minutes: int) -> timezone:
    if minutes > 59:  # noqa: PLR2004 - minutes of an hour
        raise ValueError("an offset's minutes must be in 0..59")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if sign == "-" else offset)
