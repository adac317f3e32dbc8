"""What is remembered, and that it is bounded by bytes."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.lineage.byte_cache import OVERHEAD, Memo


def test_what_is_asked_for_stays() -> None:
    """An entry that is asked for outlives any number of others; one that is not goes."""
    memo = Memo[str, int](100 * OVERHEAD)
    memo.put("dear", 1, 0)
    memo.put("forgotten", 2, 0)
    for number in range(1000):
        memo.put(str(number), number, 0)
        assert memo.get("dear") == 1, f"gone after {number} others"
    assert memo.get("forgotten") is None


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 30 * OVERHEAD)), max_size=200))
def test_bounded(puts: list[tuple[int, int]]) -> None:
    """What is held never weighs more than it may, and is always what was put."""
    memo = Memo[int, int](100 * OVERHEAD)
    for key, weight in puts:
        assert memo.get(key) in {None, key}
        assert memo.put(key, key, weight) == key
        held = [weight for part in (memo._young, memo._old) for _, weight in part.values()]
        assert sum(held) <= 100 * OVERHEAD, f"{sum(held)} bytes are held"
