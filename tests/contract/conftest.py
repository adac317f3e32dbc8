"""Stores for contracts: each test that asks for `graph` runs on every one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from consumer.graph.store import GraphStore
from tests.support.graph.all_stores import STORES, Graph, opened


@pytest.fixture(params=STORES)
def graph(request: pytest.FixtureRequest) -> Iterator[Graph]:
    """Each kind of graph in turn, empty."""
    with opened(request.param, request) as found:
        yield found


@pytest.fixture
def store(graph: Graph) -> Iterator[GraphStore]:
    """A store on `graph`."""
    with closing(graph.connect()) as found:
        yield found
