#!/usr/bin/env bash
# gremlinpython 3.8 can query a server of TinkerPop 3.7 but not write to it by iterate().
#
# Tool: gremlinpython 3.7.3 and 3.8.1 (PyPI) against org.apache.tinkerpop:gremlin-server 3.7.3 (Maven).
# Input: three traversals that read or write one vertex, ended by to_list(), next() and iterate().
# Guess: a driver that connects and answers queries works as a whole, and what it can't do fails when it connects.
# Observed: with 3.8.1 the first two work. iterate() alone adds a step, discard(), that a 3.7 server does not know, and fails with
# status 599; the vertex is not written. 3.7.3 adds none(), which the server knows.
# Why it matters: iterate() is the usual end of a write, so a health check by a query is green and every write fails.
# Neptune's engines 1.4 are of TinkerPop 3.7, so gremlinpython has to be held below 3.8 there.
# Needs a JDK and Maven. The server listens on loopback.
#
#> gremlinpython 3.7.3: to_list works, next works, iterate works, 2 vertices
#> gremlinpython 3.8.1: to_list works, next works, iterate 599: Could not locate method: DefaultGraphTraversal.discard(), 1 vertices
. "$(dirname "$0")/common.sh"
for version in 3.7.3 3.8.1; do
  install "gremlinpython==$version"
  mv venv "$version"
done
cat >query.py <<'PYTHON'
import sys

from gremlin_python.driver.driver_remote_connection import DriverRemoteConnection
from gremlin_python.driver.protocol import GremlinServerError
from gremlin_python.process.anonymous_traversal import traversal

version, url = sys.argv[1:]
connection = DriverRemoteConnection(url, "g")
g = traversal().with_remote(connection)


def outcome(end):
    try:
        end()
    except GremlinServerError as error:
        return f"{error.status_code}: {str(error).removeprefix(f'{error.status_code}: ')}"
    return "works"


g.V().drop().to_list()
read = outcome(g.V().to_list)
first = outcome(g.add_v("dataset").next)
second = outcome(g.add_v("dataset").iterate)
print(f"gremlinpython {version}: to_list {read}, next {first}, iterate {second}, {g.V().count().next()} vertices")
connection.close()
PYTHON
start_gremlin 3.7.3
for version in 3.7.3 3.8.1; do
  quietly "$version/bin/python" query.py "$version" "$gremlin"
done >seen
compare
