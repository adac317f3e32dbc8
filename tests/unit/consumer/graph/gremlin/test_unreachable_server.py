"""A graph server that is not reached: the message says why, and what to check."""

from __future__ import annotations

from contextlib import closing

import pytest
from gremlin_python.process.traversal import Bytecode

from consumer.errors import TransientError
from consumer.graph.gremlin.connection import GremlinConnections
from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.graph.gremlin.endpoint import Address

REFUSED = "can't be reached (Connection refused); check that it is running and that the port is right"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ws://127.0.0.1:1/gremlin", f"ws://127.0.0.1:1/gremlin {REFUSED}"),
        ("wss://127.0.0.1:1/gremlin", f"wss://127.0.0.1:1/gremlin {REFUSED}"),
        ("ws://graph.invalid:8182/gremlin", "check the name and this network's DNS"),
    ],
)
def test_the_next_action_is_named(url: str, message: str) -> None:
    """A port without a server, with and without TLS, and a name that no DNS server knows."""
    connections = GremlinConnections(Address.parse(url), RetryPolicy(max_elapsed_s=0.01))
    with closing(connections), pytest.raises(TransientError) as caught:
        connections.submit(Bytecode())
    assert message in str(caught.value)
