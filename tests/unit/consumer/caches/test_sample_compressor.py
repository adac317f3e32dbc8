"""Texts that resemble each other take few bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.caches.sample_compressor import SampleCompressor


def text(number: int) -> bytes:
    """The text of one of many models."""
    columns = ", ".join(f'{{"name": "column_{n:02}", "type": "character varying(256)"}}' for n in range(5))
    name = f"dev.shop.model_{number}"
    return f'{{"namespace": "redshift://wg.123:5439", "name": "{name}", "columns": [{columns}]}}'.encode()


def test_all_texts_can_be_restored() -> None:
    """Those from before there was a dictionary, and those from after."""
    compressor = SampleCompressor()
    compressed = [compressor.compress(text(number)) for number in range(100)]
    assert [compressor.restore(one) for one in compressed] == [text(number) for number in range(100)]


def test_the_first_texts_are_the_dictionary_of_the_others() -> None:
    """With it a text takes a fraction of what it takes by itself."""
    compressor = SampleCompressor()
    sizes = [len(compressor.compress(text(number))) for number in range(100)]
    assert max(sizes[50:]) * 4 < min(sizes[:5])


@given(st.lists(st.binary(max_size=3_000), max_size=20))
def test_any_texts_can_be_restored(texts: list[bytes]) -> None:
    """Whatever the sample is, also texts that are larger than it."""
    compressor = SampleCompressor()
    compressed = [compressor.compress(one) for one in texts]
    assert [compressor.restore(one) for one in compressed] == texts
