#!/usr/bin/env bash
# gremlinpython can't send an integer of 2**31 with its default serializer, and can with the other one.
#
# Tool: gremlinpython 3.7.7 (PyPI) against org.apache.tinkerpop:gremlin-server 3.7.3 (Maven).
# Input: g.inject(n) for integers around 2**31 and 2**63, with GraphBinary, the default, and with GraphSON 3.
# Guess: Python has one kind of integer, so the driver picks the type that holds the value, as it does for strings and floats.
# Observed: GraphSON picks Int32, Int64 or BigInteger by the value. GraphBinary takes 32 bits for each, and raises struct.error
# before anything is sent; from 2**63 on it asks for a type of its own. statics.long(n) is what makes it 64 bits.
# Why it matters: a row count or a time in milliseconds passes all tests with small numbers and fails with the first large table.
# Wrap each integer that may grow.
# Needs a JDK and Maven. The server listens on loopback.
#
#> GraphSON: 2**31 - 1 sent, 2**31 sent, long(2**31) sent, 2**63 sent
#> GraphBinary: 2**31 - 1 sent, 2**31 struct.error, long(2**31) sent, 2**63 Exception: Value too big, please use bigint Gremlin type
. "$(dirname "$0")/common.sh"
install gremlinpython==3.7.7
start_gremlin 3.7.3
cat >inject.py <<'PYTHON'
import struct
import sys

from gremlin_python.driver.driver_remote_connection import DriverRemoteConnection
from gremlin_python.driver.serializer import GraphBinarySerializersV1, GraphSONSerializersV3d0
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.statics import long


def outcome(g, value):
    try:
        return "sent" if g.inject(value).next() == value else "changed"
    except struct.error:
        return "struct.error"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


for name, serializer in {"GraphSON": GraphSONSerializersV3d0, "GraphBinary": GraphBinarySerializersV1}.items():
    connection = DriverRemoteConnection(sys.argv[1], "g", message_serializer=serializer())
    g = traversal().with_remote(connection)
    values = {"2**31 - 1": 2**31 - 1, "2**31": 2**31, "long(2**31)": long(2**31), "2**63": 2**63}
    print(f"{name}: {', '.join(f'{label} {outcome(g, value)}' for label, value in values.items())}")
    connection.close()
PYTHON
quietly venv/bin/python inject.py "$gremlin" >seen
compare
