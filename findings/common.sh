# Sourced by each finding: a temporary folder that is removed at the end, packages, servers on loopback, the comparison.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
finding=$(realpath "$0")
work=$(mktemp -d)
server=
stop_server() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  server=
}
trap 'stop_server; rm -rf "$work"' EXIT
cd "$work"

# install PIN...: an environment in venv/ with these packages of PyPI.
install() {
  [ -d venv ] || python3 -m venv venv
  venv/bin/pip install -q --disable-pip-version-check "$@"
}

# quietly COMMAND...: shows what the command writes to stderr only if it fails.
quietly() {
  "$@" 2>stderr || { cat stderr >&2; exit 1; }
}

# compare: shows the output in the file `seen`. A difference from the finding's lines after "#> " means that the behaviour has changed.
compare() {
  cat seen
  diff <(sed -n 's/^#> //p' "$finding") seen
}

# fetch_jars FOLDER GROUP:ARTIFACT:VERSION...: jars of Maven with all that they need.
fetch_jars() {
  local folder=$1 group artifact version
  shift
  {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>findings</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging><dependencies>'
    while IFS=: read -r group artifact version; do
      echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency>"
    done < <(printf '%s\n' "$@")
    echo '</dependencies></project>'
  } >pom.xml
  mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/$folder" >&2
}

# start_server PORT COMMAND...: starts a server in the background, and waits until it takes connections on loopback.
start_server() {
  local port=$1
  shift
  "$@" >log.server 2>&1 &
  server=$!
  for _ in $(seq 240); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
    kill -0 "$server" || break
    sleep 0.25
  done
  cat log.server >&2
  exit 1
}

# start_kafka VERSION: a broker with default settings of topics, at the address in $kafka.
start_kafka() {
  local port
  port=$(shuf -i 20000-30000 -n 1)
  fetch_jars "kafka-$1" "org.apache.kafka:kafka_2.13:$1" org.slf4j:slf4j-nop:1.7.36
  cat >"kafka-$1.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$work/data-$1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
CONF
  local java=(java -Xmx512m -cp "kafka-$1/*")
  quietly "${java[@]}" kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c "kafka-$1.properties" >/dev/null
  kafka=127.0.0.1:$port
  start_server "$port" "${java[@]}" kafka.Kafka "kafka-$1.properties"
}

# start_gremlin VERSION: Gremlin Server with an empty TinkerGraph, at the address in $gremlin.
start_gremlin() {
  local port
  port=$(shuf -i 20000-30000 -n 1)
  fetch_jars "gremlin-$1" "org.apache.tinkerpop:gremlin-server:$1" "org.apache.tinkerpop:tinkergraph-gremlin:$1" org.slf4j:slf4j-nop:2.0.16
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
  gremlin=ws://127.0.0.1:$port/gremlin
  start_server "$port" java -Xmx512m -cp "gremlin-$1/*" org.apache.tinkerpop.gremlin.server.GremlinServer server.yaml
}

# run_trino FILE: runs each line of the file as a query on Trino 435, the last release for JDK 17, within one process and in UTC, and
# prints the type and the value of the first column of its first row.
run_trino() {
  fetch_jars trino io.trino:trino-main:435 org.slf4j:slf4j-nop:1.7.36
  cat >Trino.java <<'JAVA'
import io.trino.Session;
import io.trino.spi.type.TimeZoneKey;
import io.trino.testing.LocalQueryRunner;
import io.trino.testing.MaterializedResult;
import io.trino.testing.TestingSession;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;

public class Trino {
  public static void main(String[] arguments) throws Exception {
    Session session = TestingSession.testSessionBuilder().setTimeZoneKey(TimeZoneKey.UTC_KEY).build();
    try (LocalQueryRunner trino = LocalQueryRunner.create(session); PrintWriter results = new PrintWriter("results")) {
      for (String query : Files.readAllLines(Path.of(arguments[0]))) {
        MaterializedResult result = trino.execute(session, query);
        results.println(result.getTypes().get(0) + " " + result.getMaterializedRows().get(0).getField(0));
      }
    }
    System.exit(0);
  }
}
JAVA
  quietly java -cp "trino/*" Trino.java "$1" >/dev/null
  cat results
}
