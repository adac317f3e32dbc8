"""Lineage of more steps than Python's stack has room for."""

from __future__ import annotations

import sys
from itertools import pairwise

import click

from consumer.query.traversal.traverse import Lineage, LineageNode, lineage
from consumer.render import lineage_formats
from schemas.naming import DatasetName
from tests.support.graph.example_graphs import graph, job, table


def plain(found: Lineage) -> str:
    """The tree as it comes out of a pipe."""
    return click.unstyle(lineage_formats.tree(found))


def test_a_tree_may_be_deeper_than_pythons_calls() -> None:
    """All steps are shown."""
    steps = [table(f"t{number}") for number in range(sys.getrecursionlimit() + 100)]
    store = graph([job(after, before) for before, after in pairwise(steps)])
    found = plain(lineage(store, LineageNode(DatasetName(*steps[-1])), 5000, 0))
    assert found.splitlines()[-1].lstrip(" │└─").startswith("t0 "), "the first step should come last"
