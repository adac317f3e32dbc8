"""The layout of graphs: nothing overlaps, edges go from left to right, equal input gives equal places."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from consumer.render.layout import GAP_X, GAP_Y, Layout, Size, layout

NUMBERS = st.integers(0, 14)
EDGES = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=40)
SIZES = st.dictionaries(NUMBERS, st.builds(Size, st.floats(20, 300), st.floats(20, 200)), min_size=15, max_size=15)


def laid_out(sizes: dict[int, Size], edges: list[tuple[int, int]]) -> Layout[int]:
    """The layout of the edges whose ends are boxes."""
    return layout(sizes, [edge for edge in edges if set(edge) <= sizes.keys()])


@given(SIZES, EDGES)
def test_no_two_boxes_overlap(sizes: dict[int, Size], edges: list[tuple[int, int]]) -> None:
    """Boxes of one rank keep the gap, boxes of different ranks are beside each other."""
    found = laid_out(sizes, edges)
    for one, other in combinations(sizes, 2):
        (x, y), (u, v) = found.places[one], found.places[other]
        beside = x + sizes[one].width + GAP_X <= u + 1e-6 or u + sizes[other].width + GAP_X <= x + 1e-6
        above = y + sizes[one].height + GAP_Y <= v + 1e-6 or v + sizes[other].height + GAP_Y <= y + 1e-6
        assert beside or above, f"{one} at {x, y} and {other} at {u, v}"


@given(SIZES, EDGES)
def test_edges_go_right_where_no_cycle_is(sizes: dict[int, Size], edges: list[tuple[int, int]]) -> None:
    """In a graph without cycles every source is left of its target."""
    acyclic = [(min(edge), max(edge)) for edge in edges]
    found = laid_out(sizes, acyclic)
    for source, target in acyclic:
        if source != target:
            assert found.places[source].x < found.places[target].x


@given(SIZES, EDGES)
def test_everything_is_within_the_size(sizes: dict[int, Size], edges: list[tuple[int, int]]) -> None:
    """The size that is returned holds all boxes."""
    found = laid_out(sizes, edges)
    for box, (x, y) in found.places.items():
        assert x >= 0
        assert y >= -1e-6
        assert x + sizes[box].width <= found.size.width + 1e-6
        assert y + sizes[box].height <= found.size.height + 1e-6


@given(SIZES, EDGES)
def test_equal_input_gives_equal_places(sizes: dict[int, Size], edges: list[tuple[int, int]]) -> None:
    """Repeated edges change nothing either."""
    assert laid_out(sizes, edges) == laid_out(sizes, edges * 2)


def test_a_long_edge_passes_beside_boxes() -> None:
    """An edge over a rank bends at the rank's sides, outside of the box that is there."""
    sizes = dict.fromkeys("abc", Size(100, 40))
    found = layout(sizes, [("a", "b"), ("b", "c"), ("a", "c")])
    (x, y), bends = found.places["b"], found.bends["a", "c"]
    assert [bend.x for bend in bends] == [x, x + 100]
    assert not any(y < bend.y < y + 40 for bend in bends)


def test_nothing_is_drawn_of_nothing() -> None:
    """An empty graph has an empty layout."""
    assert layout({}, []) == Layout({}, {}, Size(0.0, 0.0))
