"""Laws of walks: they reach what the meaning of column lineage says, and nothing else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.query.traversal.traverse import LineageNode, lineage
from schemas.naming import DatasetName
from tests.support.graph.example_graphs import Name, graph, job, table

SMALL = [table(name) for name in "abc"]
COLUMN = st.sampled_from(("x", "y", "*"))
MADE = st.lists(st.tuples(st.sampled_from(SMALL), COLUMN, st.sampled_from(SMALL), COLUMN), max_size=7)


def at(name: Name, column: str | None = None) -> LineageNode:
    """A name as a target."""
    return LineageNode(DatasetName(*name), column)


def reachable(made: list[tuple[Name, str, Name, str]], start: LineageNode) -> set[LineageNode]:
    """All that is made from a column, by the meaning of `*`, step by step to the end."""
    found: set[LineageNode] = set()
    waiting = [start]
    while waiting:
        dataset, column, _ = waiting.pop()
        for source, source_column, target, target_column in made:
            feeds = source == dataset and (column == source_column or "*" in {column, source_column})
            to = at(target, target_column)
            if feeds and to not in found:
                found.add(to)
                waiting.append(to)
    return found


@settings(max_examples=300, deadline=None)
@given(MADE)
def test_up_and_down_are_one_relation(made: list[tuple[Name, str, Name, str]]) -> None:
    """What a walk reaches over links of jobs is what the meaning of `*` says, in both directions."""
    events = [
        job(to, source, columns={column: [(source, from_column)]}, name=str(number))
        for number, (source, from_column, to, column) in enumerate(made)
    ]
    store = graph(events)
    backwards = [(to, column, source, from_column) for source, from_column, to, column in made]
    ends = {at(source, column) for source, column, _, _ in made} | {at(to, column) for _, _, to, column in made}
    for start in ends:
        found = lineage(store, start, 20, 20)
        down = {link.target for link in found.downstream if link.job}
        up = {link.source for link in found.upstream if link.job}
        assert down == reachable(made, start), f"downstream of {start}"
        assert up == reachable(backwards, start), f"upstream of {start}"
        named = {node.target for node in found.nodes}
        missing = {end for link in found.links for end in (link.source, link.target)} - named
        assert not missing, f"links end at what is no node: {missing}"


MAYBE = st.sampled_from(("x", "y", "*", None))
PARTLY = st.lists(st.tuples(st.sampled_from(SMALL), MAYBE, st.sampled_from(SMALL), COLUMN), max_size=7)


def may_depend(made: list[tuple[Name, str | None, Name, str]], start: LineageNode) -> set[LineageNode]:
    """All columns and, from where a job has no column lineage, all tables that may be made from a column."""
    found: set[LineageNode] = set()
    waiting = [start]
    while waiting:
        dataset, column, _ = waiting.pop()
        for source, source_column, target, target_column in made:
            by_table = column is None or source_column is None
            feeds = source == dataset and (by_table or column == source_column or "*" in {column, source_column})
            to = at(target, None if by_table else target_column)
            if feeds and to not in found:
                found.add(to)
                waiting.append(to)
    return found


@settings(max_examples=300, deadline=None)
@given(PARTLY)
def test_nothing_that_may_depend_on_a_column_is_left_out(made: list[tuple[Name, str | None, Name, str]]) -> None:
    """Whichever jobs have no column lineage, each column and table that may be reached is in the answer."""
    events = [
        job(to, source, columns=None if column is None else {to_column: [(source, column)]}, name=str(number))
        for number, (source, column, to, to_column) in enumerate(made)
    ]
    store = graph(events)
    for start in {at(source, column or "x") for source, column, _, _ in made}:
        found = lineage(store, start, 0, 20)
        expected = may_depend(made, start)
        links = [link for link in (*found.downstream, *found.unknown.downstream) if link.job]
        assert {link.target for link in links} == expected, f"downstream of {start}"
        assert {node.target for node in found.unknown.nodes} >= {each for each in expected if each.column is None}
