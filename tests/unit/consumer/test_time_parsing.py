"""Moments as people type them."""

import pytest

from consumer.errors import UsageError
from consumer.time_parsing import (
    format_time,
    format_timestamp,
    parse_duration_s,
    parse_moment,
    parse_timestamp_ms,
    require_order,
)

NOW_S = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("2027-01-15T08:00:00Z", 1_800_000_000_000),
        ("2027-01-15T09:00:00.5+01:00", 1_800_000_000_500),
        ("2027-01-15", 1_799_971_200_000),
        ("90s", 1_799_999_910_000),
        ("2w", 1_798_790_400_000),
        ("999999999w", 0),
        ("1960-01-01", 0),
    ],
)
def test_times_and_durations(text: str, expected_ms: int) -> None:
    """A time is one, a duration is before now, and nothing is before 1970."""
    assert parse_timestamp_ms(text, NOW_S, "--from") == expected_ms


@pytest.mark.parametrize("text", ["", "soon", "7", "7 d", "-7d", "1.5h", "2027-13-01", "08:00"])
def test_what_is_neither(text: str) -> None:
    """Anything else is a mistake that names its option."""
    with pytest.raises(UsageError, match=r"--from .* is not a time"):
        parse_timestamp_ms(text, NOW_S, "--from")
    assert parse_duration_s(text) is None


def test_spelling() -> None:
    """A record's timestamp is shown as a time, and one that is on no calendar as it is."""
    assert format_timestamp(1_800_000_000_999) == "2027-01-15T08:00:00Z"
    assert format_timestamp(2**62) == str(2**62)
    assert format_time("2027-01-15T08:00:00.999999Z") == "2027-01-15T08:00:00Z"
    assert format_time("") == "-"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T05:00:00.123456+01:00", "2026-11-21T04:00:00.123456Z"),
        ("2026-11-21", "2026-11-21T00:00:00.000000Z"),
        ("1h", "2027-01-15T07:00:00.000000Z"),
    ],
)
def test_moments_as_events_have_them(text: str, expected: str) -> None:
    """To the microsecond, in the form that sorts."""
    assert parse_moment(text, NOW_S, "--at") == expected


@pytest.mark.parametrize(
    ("since", "until"), [("2d", "1d"), ("2027-01-14", "2027-01-15"), ("1h", "1h"), ("2099-01-01", None)]
)
def test_spans_of_time(since: str, until: str | None) -> None:
    """A span may be empty; the present has no end."""
    require_order(since, until, NOW_S, ("--from", "--to"))


@pytest.mark.parametrize(("since", "until"), [("1d", "2d"), ("2027-01-15", "2027-01-14"), ("2099-01-01", "0s")])
def test_spans_that_end_before_they_start(since: str, until: str) -> None:
    """A mistake that names both options."""
    with pytest.raises(UsageError, match=r"--from .* is later than --to .*; name the earlier moment with --from"):
        require_order(since, until, NOW_S, ("--from", "--to"))
