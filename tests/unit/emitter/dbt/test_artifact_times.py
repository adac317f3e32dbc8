"""Times with any number of digits, as moments."""

from hypothesis import given
from hypothesis import strategies as st

from emitter.dbt.artifact_times import earliest, latest, of_nanoseconds

NANOSECONDS = st.integers(0, 4_000_000_000 * 10**9)


@given(st.lists(NANOSECONDS, min_size=1))
def test_the_order_is_that_of_the_moments(moments: list[int]) -> None:
    """Also where zeros at the end are left out, as dbt v2 does."""
    times = [of_nanoseconds(moment).removesuffix("Z").rstrip("0") + "Z" for moment in moments]
    times = [time.replace(".Z", "Z") for time in times]
    assert earliest(times) == times[moments.index(min(moments))]
    assert latest(times) == times[moments.index(max(moments))]


def test_nanoseconds_are_written_in_full() -> None:
    """None of the nine digits is lost."""
    assert of_nanoseconds(1_763_626_504_118_204_009) == "2025-11-20T08:15:04.118204009Z"


def test_what_is_no_time_decides_nothing() -> None:
    """A broken value does not become the start of a run unless there is no other."""
    assert latest(["", "2026-11-20T08:15:04Z", "no time"]) == "2026-11-20T08:15:04Z"
