"""Layered layout of a directed graph, left to right: ranks, order within ranks, coordinates. Pure and deterministic.

The steps are those of Sugiyama, Tagawa and Toda: break cycles, assign ranks by the longest path, divide long edges,
order each rank by the barycentre of its neighbours, and place the boxes near the middle of theirs without overlap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

N = TypeVar("N", bound=Hashable)

GAP_X, GAP_Y = 70.0, 16.0
"""Least space between ranks, and between two boxes of one rank."""
SWEEPS = 12
"""Number of iterations that improve the order and the places; more change little."""


class Size(NamedTuple):
    """Width and height of a box."""

    width: float
    height: float


class Point(NamedTuple):
    """The upper left corner of a box."""

    x: float
    y: float


class Layout(NamedTuple, Generic[N]):
    """The position of each box, the points of each edge, and the total size.

    Attributes:
        places: The upper left corners.
        bends: For each edge where it enters and leaves each rank that it passes, from its source to its target.
        size: Width and height of all.
    """

    places: dict[N, Point]
    bends: dict[tuple[N, N], tuple[Point, ...]]
    size: Size


@dataclass
class _Layers:
    """Items of each rank in order; items are boxes, or the places where long edges pass."""

    ranks: list[list[int]]
    before: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    after: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))


def layout(sizes: Mapping[N, Size], edges: Collection[tuple[N, N]]) -> Layout[N]:
    """Lays a graph out.

    Args:
        sizes: The boxes, in an order that settles ties.
        edges: From source to target, between boxes; an edge to its own source has no bends.

    Returns:
        Places that do not overlap; the source of an edge is left of its target, but for edges that close a cycle.
    """
    boxes = list(sizes)
    if not boxes:
        return Layout({}, {}, Size(0.0, 0.0))
    numbers = {box: number for number, box in enumerate(boxes)}
    arrows = list(dict.fromkeys((numbers[a], numbers[b]) for a, b in edges if a != b))
    forward = _acyclic(len(boxes), arrows)
    rank = _ranks(len(boxes), forward)
    heights = [sizes[box].height for box in boxes]
    layers, chains = _layers(rank, forward, heights)
    _order(layers)
    y = _vertical(layers, heights)
    widths = _widths(rank, sizes.values())
    x = [sum(widths[:index]) + GAP_X * index for index in range(len(widths))]
    top = min(y[: len(boxes)])
    places = {box: Point(x[rank[number]], y[number] - top) for box, number in numbers.items()}
    bends: dict[tuple[N, N], tuple[Point, ...]] = {}
    for a, b in forward:
        bends[boxes[a], boxes[b]] = tuple(
            Point(x[at] + across, y[item] - top) for at, item in chains[a, b] for across in (0.0, widths[at])
        )
    for a, b in arrows:
        bends.setdefault((boxes[a], boxes[b]), tuple(reversed(bends.get((boxes[b], boxes[a]), ()))))
    height = max(y[number] - top + heights[number] for number in range(len(boxes)))
    return Layout(places, bends, Size(x[-1] + widths[-1], height))


def _widths(rank: Sequence[int], sizes: Iterable[Size]) -> list[float]:
    """Returns the width of each rank: that of its widest box."""
    widths = [0.0] * (max(rank) + 1)
    for at, size in zip(rank, sizes, strict=True):
        widths[at] = max(widths[at], size.width)
    return widths


def _acyclic(count: int, arrows: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Turns the edges round that close a cycle in a walk depth first."""
    onward: defaultdict[int, list[int]] = defaultdict(list)
    for a, b in arrows:
        onward[a].append(b)
    entered = {b for _, b in arrows}
    starts = [*(number for number in range(count) if number not in entered), *range(count)]
    state = [0] * count
    found: dict[tuple[int, int], None] = {}
    for start in starts:
        if state[start]:
            continue
        state[start] = 1
        waiting = [(start, iter(onward[start]))]
        while waiting:
            at, rest = waiting[-1]
            below = next(rest, None)
            if below is None:
                state[at] = 2
                waiting.pop()
            elif state[below] == 1:
                found[below, at] = None
            else:
                found[at, below] = None
                if not state[below]:
                    state[below] = 1
                    waiting.append((below, iter(onward[below])))
    return list(found)


def _ranks(count: int, forward: Iterable[tuple[int, int]]) -> list[int]:
    """Returns the longest path to each box; boxes without sources move next to their first target."""
    onward: defaultdict[int, list[int]] = defaultdict(list)
    open_ = [0] * count
    for a, b in forward:
        onward[a].append(b)
        open_[b] += 1
    is_source = [not number for number in open_]
    rank = [0] * count
    waiting = [number for number in range(count) if is_source[number]]
    order: list[int] = []
    while waiting:
        at = waiting.pop()
        order.append(at)
        for below in onward[at]:
            rank[below] = max(rank[below], rank[at] + 1)
            open_[below] -= 1
            if not open_[below]:
                waiting.append(below)
    for at in order:
        if is_source[at] and onward[at]:
            rank[at] = min(rank[below] for below in onward[at]) - 1
    return rank


def _layers(
    rank: Sequence[int], forward: Iterable[tuple[int, int]], heights: list[float]
) -> tuple[_Layers, dict[tuple[int, int], list[tuple[int, int]]]]:
    """Divides long edges by items of no height; appends these to `heights`."""
    layers = _Layers([[] for _ in range(max(rank) + 1)])
    for number, at in enumerate(rank):
        layers.ranks[at].append(number)
    chains: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for a, b in forward:
        last = a
        chain: list[tuple[int, int]] = []
        for at in range(rank[a] + 1, rank[b]):
            item = len(heights)
            heights.append(0.0)
            layers.ranks[at].append(item)
            chain.append((at, item))
            layers.after[last].append(item)
            layers.before[item].append(last)
            last = item
        layers.after[last].append(b)
        layers.before[b].append(last)
        chains[a, b] = chain
    return layers, chains


def _order(layers: _Layers) -> None:
    """Orders each rank by the barycentres of its neighbours, to the right and to the left in turn."""
    for sweep in range(SWEEPS):
        rightward = sweep % 2 == 0
        near = layers.before if rightward else layers.after
        for items in layers.ranks if rightward else reversed(layers.ranks):
            place = {item: index for rank in layers.ranks for index, item in enumerate(rank)}
            centre = {item: _mean([*map(place.__getitem__, near[item])], place[item]) for item in items}
            items.sort(key=lambda item: (centre[item], place[item]))


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _vertical(layers: _Layers, heights: Sequence[float]) -> list[float]:
    """Places items near the middle of their neighbours, each rank in its order without overlap."""
    y = [0.0] * len(heights)
    for items in layers.ranks:
        at = 0.0
        for item in items:
            y[item] = at
            at += heights[item] + GAP_Y
    for sweep in range(SWEEPS):
        rightward = sweep % 2 == 0
        near = layers.before if rightward else layers.after
        for items in layers.ranks if rightward else reversed(layers.ranks):
            wanted = [_near_middle(item, near[item], y, heights) for item in items]
            for item, place in zip(items, _apart(wanted, [heights[item] + GAP_Y for item in items]), strict=True):
                y[item] = place
    return y


def _near_middle(item: int, neighbours: Iterable[int], y: Sequence[float], heights: Sequence[float]) -> float:
    """Returns where an item's middle is at the mean of its neighbours' middles."""
    middles = [y[other] + heights[other] / 2 for other in neighbours]
    return _mean(middles, y[item] + heights[item] / 2) - heights[item] / 2


def _apart(wanted: Sequence[float], steps: Sequence[float]) -> list[float]:
    """Returns the positions nearest to the wanted ones (least squares) keeping order and steps: isotonic regression."""
    offset = 0.0
    blocks: list[list[float]] = []  # sum of wanted places less offsets, count
    for want, step in zip(wanted, steps, strict=True):
        blocks.append([want - offset, 1.0])
        offset += step
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    places: list[float] = []
    offset = 0.0
    for total, count in blocks:
        for _ in range(int(count)):
            places.append(total / count + offset)
            offset += steps[len(places) - 1]
    return places
