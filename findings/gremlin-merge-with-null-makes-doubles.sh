#!/usr/bin/env bash
# merge_v() with None for one property never finds the vertex that it has made, and makes another one each time.
#
# Tool: org.apache.tinkerpop:gremlin-server 3.8.1 (Maven) with TinkerGraph's default settings, gremlinpython 3.8.1 (PyPI).
# Input: the same merge_v() and merge_e() three times, with a map in which an optional property is None.
# Guess: a merge is idempotent: the first makes the element, the others find it. If None can't be merged, an error is raised.
# Observed: three vertices and three edges. The graph does not store a null, so the new element has no such property, and the search
# asks for elements whose property is null, which none is. Without the property in the map there is one vertex and one edge.
# Why it matters: an optional field of an event (a version, an end, a parent) that is None doubles the node with each retry and each
# redelivery, and every count and path after it. Leave out what is None before a merge.
# Needs a JDK and Maven. The server listens on loopback.
#
#> three merges with version None: 3 vertices, properties [['name'], ['name'], ['name']]
#> three merges without version: 1 vertex
#> three merges with since None: 3 edges
#> three merges without since: 1 edge
. "$(dirname "$0")/common.sh"
install gremlinpython==3.8.1
start_gremlin 3.8.1
cat >merge.py <<'PYTHON'
import sys

from gremlin_python.driver.driver_remote_connection import DriverRemoteConnection
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.traversal import Direction, T
from gremlin_python.statics import long

connection = DriverRemoteConnection(sys.argv[1], "g")
g = traversal().with_remote(connection)


def merged(step, found):
    """Merges three times, and returns how many elements there are then."""
    for _ in range(3):
        step().iterate()
    return found().count().next()


def vertices():
    return g.V().has_label("job")


def edges():
    return g.E().has_label("reads")


count = merged(lambda: g.merge_v({T.label: "job", "name": "a", "version": None}), vertices)
keys = [list(properties) for properties in vertices().value_map().to_list()]
print(f"three merges with version None: {count} vertices, properties {keys}")
vertices().drop().iterate()
print(f"three merges without version: {merged(lambda: g.merge_v({T.label: 'job', 'name': 'a'}), vertices)} vertex")

ends = [long(g.add_v().id_().next()) for _ in range(2)]
edge = {T.label: "reads", Direction.OUT: ends[0], Direction.IN: ends[1]}
print(f"three merges with since None: {merged(lambda: g.merge_e({**edge, 'since': None}), edges)} edges")
edges().drop().iterate()
print(f"three merges without since: {merged(lambda: g.merge_e(edge), edges)} edge")
connection.close()
PYTHON
quietly venv/bin/python merge.py "$gremlin" >seen
compare
