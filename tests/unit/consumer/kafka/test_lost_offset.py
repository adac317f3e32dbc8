"""What is done about an offset that a topic does not have."""

from __future__ import annotations

import pytest

from consumer.errors import UsageError
from consumer.kafka.lost_offset import LostOffset
from consumer.processing.record import TopicPartition

PLACE = TopicPartition("events", 2)
OVERTAKEN = LostOffset(PLACE, position=5, beginning=60, end=100)
BEYOND = LostOffset(PLACE, position=140, beginning=60, end=100)
ANEW = LostOffset(PLACE, position=30, beginning=0, end=40, topic_recreated=True)


@pytest.mark.parametrize(
    ("found", "earliest", "latest"),
    [(OVERTAKEN, (60, 55), (100, 95)), (BEYOND, (60, 0), (100, 40)), (ANEW, (0, 0), (40, 40))],
    ids=["overtaken", "beyond", "anew"],
)
def test_where_it_goes_on(found: LostOffset, earliest: tuple[int, int], latest: tuple[int, int]) -> None:
    """Each policy has its offset, and a count of what will not be read, also of what `latest` leaves out."""
    resumed = [found.resume("earliest"), found.resume("latest")]
    assert [(offset, found.lost(offset)) for offset in resumed] == [earliest, latest]


@pytest.mark.parametrize("found", [OVERTAKEN, BEYOND, ANEW], ids=["overtaken", "beyond", "anew"])
def test_stop_says_both_offsets(found: LostOffset) -> None:
    """A person is told where the group is, what there is, and what to set."""
    with pytest.raises(UsageError) as caught:
        found.resume("stop")
    message = str(caught.value)
    for part in ("events[2]", str(found.position), str(found.beginning), str(found.end), "kafka.on_lost_offsets"):
        assert part in message, f"{part} is missing in: {message}"


def test_words_tell_the_kinds_apart() -> None:
    """Retention, a lost end and another topic are three stories."""
    assert str(OVERTAKEN).endswith("retention removed 55 unread records")
    assert str(BEYOND).endswith("the topic was recreated, or its log was truncated")
    assert "deleted and recreated" in str(ANEW)
