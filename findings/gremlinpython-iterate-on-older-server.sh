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
set -euo pipefail
self=$(realpath "$0")
work=$(mktemp -d)
server=
stop_server() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
}
trap 'stop_server; rm -rf "$work"' EXIT
cd "$work"
for version in 3.7.3 3.8.1; do
  python3 -m venv "$version"
  "$version/bin/pip" install -q --disable-pip-version-check "gremlinpython==$version"
done
cat >pom.xml <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>findings</groupId>
  <artifactId>gremlin</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.tinkerpop</groupId><artifactId>gremlin-server</artifactId><version>3.7.3</version></dependency>
    <dependency><groupId>org.apache.tinkerpop</groupId><artifactId>tinkergraph-gremlin</artifactId><version>3.7.3</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>2.0.16</version></dependency>
  </dependencies>
</project>
XML
mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/jars" >&2

port=$(shuf -i 20000-30000 -n 1)
echo "gremlin.graph=org.apache.tinkerpop.gremlin.tinkergraph.structure.TinkerGraph" >graph.properties
echo "def globals = [g: traversal().withEmbedded(graph)]; globals" >init.groovy
cat >server.yaml <<YAML
host: 127.0.0.1
port: $port
graphs: {graph: graph.properties}
scriptEngines: {
  gremlin-groovy: {
    plugins: {
      org.apache.tinkerpop.gremlin.server.jsr223.GremlinServerGremlinPlugin: {},
      org.apache.tinkerpop.gremlin.tinkergraph.jsr223.TinkerGraphGremlinPlugin: {},
      org.apache.tinkerpop.gremlin.jsr223.ScriptFileGremlinPlugin: {files: [init.groovy]}}}}
serializers:
  - {className: org.apache.tinkerpop.gremlin.util.ser.GraphBinaryMessageSerializerV1}
  - {className: org.apache.tinkerpop.gremlin.util.ser.GraphSONMessageSerializerV3}
YAML
java -Xmx512m -cp "jars/*" org.apache.tinkerpop.gremlin.server.GremlinServer server.yaml >log 2>&1 &
server=$!
for _ in $(seq 240); do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
  kill -0 "$server" || { cat log >&2; exit 1; }
  sleep 0.25
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
for version in 3.7.3 3.8.1; do
  "$version/bin/python" query.py "$version" "ws://127.0.0.1:$port/gremlin" 2>log.python || { cat log.python >&2; exit 1; }
done >seen
cat seen
# The lines after "#> " above are the output seen; a difference means that the behaviour has changed.
diff <(sed -n 's/^#> //p' "$self") seen
