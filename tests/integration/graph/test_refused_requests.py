"""Requests that a server refuses, as it does those that meet another writer's: frequent, and with much to write."""

from __future__ import annotations

import gc
from contextlib import closing

import pytest
from gremlin_python.process.traversal import Bytecode

from consumer.graph.gremlin import graphbinary_writer
from consumer.graph.gremlin.connection import GraphError, GremlinConnections
from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.graph.gremlin.endpoint import Address
from tests.support.processes.servers import GremlinServer

REFUSED = 5


def test_one_is_gone_after_it(gremlin_server: GremlinServer) -> None:
    """With what it was to write, and without the cyclic garbage collector, which runs rarely."""
    query = Bytecode()
    query.add_step("inject", "a")
    query.add_step("math", "_ +")
    data = graphbinary_writer.request(query)
    connections = GremlinConnections(Address.parse(gremlin_server.url), RetryPolicy())

    async def ask() -> None:
        with pytest.raises(GraphError):
            await connections.ask(data)

    with closing(connections):
        connections.start(ask()).result()
        gc.collect()
        gc.disable()
        try:
            for _ in range(REFUSED):
                connections.start(ask()).result()
            assert gc.collect() < REFUSED, "a request left objects that refer to each other"
        finally:
            gc.enable()
