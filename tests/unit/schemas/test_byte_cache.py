"""What is kept, and that it is bounded by bytes."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from schemas.byte_cache import LARGEST_SHARE, OVERHEAD, ByteCache


def test_what_fits_stays() -> None:
    """As many entries as there is room for are all found again; an entry of too large a share is not kept."""
    cache = ByteCache[int, int](100 * OVERHEAD)
    for number in range(100):
        cache.put(number, number, 0)
    assert [cache.get(number) for number in range(100)] == list(range(100))
    assert cache.put(-1, 7, 100 * OVERHEAD // LARGEST_SHARE + 1) == 7
    assert cache.get(-1) is None


def test_a_scan_over_more_than_fits_finds_a_share() -> None:
    """Half as many again as there is room for, in the same order each time: more than a fourth is found."""
    cache = ByteCache[int, int](1_000 * OVERHEAD)
    for scan in range(6):
        found = 0
        for number in range(1_500):
            found += cache.get(number) is not None
            cache.put(number, number, 0)
        assert not scan or found > 1_500 // 4, f"{found} found in scan {scan}"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 30 * OVERHEAD)), max_size=200))
def test_bounded(puts: list[tuple[int, int]]) -> None:
    """What is kept never weighs more than it may, and is always what was put."""
    cache = ByteCache[int, int](100 * OVERHEAD)
    for key, weight in puts:
        assert cache.get(key) in {None, key}
        assert cache.put(key, key, weight) == key
        assert cache.weight <= 100 * OVERHEAD
        assert sum(weight for _, weight in cache._weights) == cache.weight
        assert {key for key, _ in cache._weights} == cache._values.keys()


def test_several_threads() -> None:
    """Each finds what it put, or nothing; the weights stay those of what is kept."""
    cache = ByteCache[int, int](50 * OVERHEAD)

    def work(seed: int) -> bool:
        for number in range(5_000):
            key = (number * 7 + seed) % 200
            if cache.put(key, key, 0) != key or cache.get(key) not in {None, key}:
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert len(cache._weights) == len(cache._values) == 50
