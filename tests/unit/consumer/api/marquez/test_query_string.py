"""Parameters with the rules of Marquez."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson
import pytest

from consumer.api.marquez.documents.statistics import intervals
from consumer.api.marquez.query_string import MOST_ITEMS, QueryString
from consumer.api.problems import Problem


def test_values_as_clients_write_them() -> None:
    """marquez-python writes `True`; the web UI sends empty times; the first of two values counts."""
    query = QueryString(
        "withDownstream=True&before=&after=2026-01-02&limit=5&limit=6&offset=7&sort=name&q=a+b%2Fc&depth="
    )
    assert query.flag("withDownstream")
    assert not query.flag("none")
    assert (query.moment("before"), query.moment("after")) == ("", "2026-01-02T00:00:00.000000Z")
    assert query.page() == (5, 7)
    assert query.choice("sort", ("NAME", "UPDATE_AT")) == "NAME"
    assert (query.text("q"), query.raw("q")) == ("a b/c", "a+b%2Fc")
    assert QueryString("limit=2000000").page().limit == MOST_ITEMS
    assert QueryString("s=FAILED&s=completed").choices("s", ("FAILED", "COMPLETED")) == ["FAILED", "COMPLETED"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("limit=x", 404),
        ("limit=", 404),
        ("limit=1.5", 404),
        ("limit=2147483648", 404),
        ("limit=-1", 400),
        ("limit=٣", 404),
    ],
)
def test_numbers_that_are_none(raw: str, status: int) -> None:
    """What can't be read is 404, what is below zero 400, as in Marquez."""
    with pytest.raises(Problem) as refused:
        QueryString(raw).number("limit", 10)
    assert refused.value.status == status
    document = orjson.loads(refused.value.response().body)
    assert document == ({"code": 404, "message": "HTTP 404 Not Found"} if status == 404 else document)
    assert ("errors" in document) is (status == 400)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "Mars/Base", "\x00", "Europe", "a" * 5_000])
def test_zones_that_are_none(name: str) -> None:
    """Each is a 400; none is a file that is read."""
    with pytest.raises(Problem) as refused:
        QueryString(f"timezone={name}").zone("timezone")
    assert refused.value.status == 400


def test_intervals_are_of_the_zone() -> None:
    """A day begins at midnight there, also where clocks change: that day is an hour shorter."""
    zone = ZoneInfo("Europe/Berlin")
    week = intervals("WEEK", zone, datetime(2026, 3, 30, 12, tzinfo=UTC))
    assert [one.start.astimezone(zone).hour for one in week] == [0] * 7
    hours = [(one.end.astimezone(UTC) - one.start.astimezone(UTC)).total_seconds() / 3600 for one in week]
    assert hours == [24, 24, 24, 24, 24, 23, 24]
    day = intervals("DAY", ZoneInfo("Asia/Kolkata"), datetime(2026, 3, 30, 12, 10, tzinfo=UTC))
    assert [day[0].document()["startInterval"], day[-1].document()["endInterval"]] == [
        "2026-03-29T12:30:00Z",
        "2026-03-30T12:30:00Z",
    ]
