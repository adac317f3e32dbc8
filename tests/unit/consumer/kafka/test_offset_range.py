"""Parts of a topic, as people say them."""

from collections.abc import Mapping

import pytest

from consumer.errors import UsageError
from consumer.kafka.offset_range import Position, RangeBound

ENDS = {0: 10, 1: 20}


def at_time(time_ms: int) -> Mapping[int, int | None]:
    """A topic with a record each second in partition 0, and none so late in 1."""
    return {0: time_ms // 1000, 1: None}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), {0: 3, 1: 4}),
        (("beginning",), {0: 3, 1: 4}),
        (("7",), {0: 7, 1: 7}),
        (("1:5",), {1: 5}),
        (("0:5", "1:99"), {0: 5, 1: 99}),
        (("1970-01-01T00:00:06Z",), {0: 6, 1: 20}),
        (("94s",), {0: 6, 1: 20}),
    ],
)
def test_bounds(texts: tuple[str, ...], expected: dict[int, int]) -> None:
    """What is said becomes an offset in each partition that is meant; late times are a partition's end."""
    assert RangeBound.parse(texts, 100.0, "--from").resolve(ENDS, at_time, {0: 3, 1: 4}) == expected


@pytest.mark.parametrize("texts", [("1", "2"), ("0:1", "7d"), ("x",), ("-1",), ("0:1:2",), ("end",)])
def test_what_says_nothing(texts: tuple[str, ...]) -> None:
    """Several bounds for one end, and what is none, are mistakes that name the option."""
    with pytest.raises(UsageError, match="--from"):
        RangeBound.parse(texts, 0.0, "--from")


def test_ends_that_leave_nothing() -> None:
    """From the end, or to the beginning, is not what somebody means."""
    assert RangeBound.parse(["end"], 0.0, "--to") == RangeBound()
    with pytest.raises(UsageError, match="--to beginning leaves nothing to read"):
        RangeBound.parse(["beginning"], 0.0, "--to")


def test_partitions_that_are_not_there() -> None:
    """A partition beyond the last is told with how many there are."""
    with pytest.raises(UsageError, match="partition 2 does not exist; the topic has partitions 0 to 1"):
        RangeBound(offsets={2: 0}).resolve(ENDS, at_time, {})


def test_positions() -> None:
    """They are written as they are read."""
    assert str(Position.parse("3:14")) == "3:14"
    with pytest.raises(UsageError, match="not a valid PARTITION:OFFSET"):
        Position.parse("3")
