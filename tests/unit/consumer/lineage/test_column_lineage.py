"""Column lineage as the graph keeps it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.lineage import column_lineage
from consumer.lineage.column_lineage import NOTHING, OutputLineage, Source, kinds, pack, unpack
from schemas.naming import DatasetName
from tests.support.events.event_builders import name

TEXT = st.text(max_size=5)
NAMES = st.builds(DatasetName, TEXT, TEXT)
SOURCES = st.frozensets(st.builds(Source, NAMES, TEXT, TEXT), min_size=1, max_size=3).map(
    lambda found: tuple(sorted(found))
)
LINEAGES = st.builds(
    OutputLineage, st.none() | st.frozensets(NAMES, max_size=3), st.dictionaries(TEXT, SOURCES, max_size=3)
)


@given(LINEAGES)
def test_packing_loses_nothing(lineage: OutputLineage) -> None:
    """What was packed comes back, and equal lineage has equal text."""
    text = pack(lineage)
    assert unpack(text) == lineage
    assert column_lineage._unpack(text) == unpack(text), "the text says something else than what is kept of it"
    assert pack(unpack(text)) == text


def test_columns_without_sources_are_left_out() -> None:
    """A column that is made of nothing is not told; repeated sources are one."""
    one = Source(name("a"), "x", "DIRECT/IDENTITY")
    packed = unpack(pack(OutputLineage(None, {"x": (one, one), "y": ()})))
    assert packed == OutputLineage(None, {"x": (one,)})


def test_sources_are_datasets_of_columns_and_named_ones() -> None:
    """Every dataset that something comes from is a source, once."""
    lineage = OutputLineage(frozenset({name("a")}), {"x": (Source(name("b"), "x"),), "*": (Source(name("a"), "y"),)})
    assert lineage.sources == {name("a"), name("b")}
    assert NOTHING.sources == frozenset()


def test_a_deleted_facet_tells_nothing() -> None:
    """The empty text is that of a deleted facet."""
    assert unpack("") == NOTHING


def test_kinds_of_an_edge() -> None:
    """Transformations of one edge are sorted, told once, and left out where not said."""
    assert kinds(["INDIRECT/JOIN", "", "DIRECT/IDENTITY", "INDIRECT/JOIN"]) == "DIRECT/IDENTITY,INDIRECT/JOIN"
    assert kinds([""]) == ""
