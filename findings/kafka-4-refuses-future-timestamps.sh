#!/usr/bin/env bash
# Kafka 4 refuses a record whose timestamp is more than an hour ahead of the broker's clock; Kafka 3.9 takes it.
#
# Tool: org.apache.kafka:kafka_2.13 3.9.1 and 4.4.0 (Maven), each with its default settings of topics; kafka-python 3.0.12 (PyPI).
# Input: a record whose CreateTime is two hours ahead, as a producer in a container with a wrong clock sends it.
# Guess: as CreateTime is the producer's own, a broker's upgrade does not change what it takes.
# Observed: the default of message.timestamp.after.max.ms went from "no limit" to one hour. The same producer call fails with
# InvalidTimestampError, for a topic that nobody has changed. A record two hours behind is taken by both.
# Why it matters: after the upgrade a lineage producer with a wrong clock loses all its events, where it was harmless before.
# With message.timestamp.type=LogAppendTime the broker's own time counts, and the record is taken.
# Needs a JDK 17 and Maven. The broker listens on loopback.
#
#> Kafka 3.9.1: two hours ahead taken, two hours behind taken, ahead with LogAppendTime taken
#> Kafka 4.4.0: two hours ahead InvalidTimestampError, two hours behind taken, ahead with LogAppendTime taken
set -euo pipefail
self=$(realpath "$0")
work=$(mktemp -d)
broker=
stop_broker() {
  [ -z "$broker" ] || { kill "$broker" && wait "$broker"; } 2>/dev/null || true
  broker=
}
trap 'stop_broker; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check kafka-python==3.0.12

fetch_broker() { # VERSION: the broker's jars, in a folder of that name
  cat >pom.xml <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>findings</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$1</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
XML
  mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/$1" >&2
}

start_broker() { # VERSION PORT
  cat >"$1.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$(($2 + 1))
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$(($2 + 1))
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$work/data-$1
offsets.topic.replication.factor=1
CONF
  local java=(java -Xmx512m -cp "$1/*")
  "${java[@]}" kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c "$1.properties" >log 2>&1 || { cat log >&2; exit 1; }
  "${java[@]}" kafka.Kafka "$1.properties" >log 2>&1 &
  broker=$!
  for _ in $(seq 240); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then return; fi
    kill -0 "$broker" || break
    sleep 0.25
  done
  cat log >&2
  exit 1
}

cat >produce.py <<'PYTHON'
import sys
import time

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

version, server = sys.argv[1:]
two_hours = 2 * 60 * 60 * 1000
now = int(time.time() * 1000)
with KafkaAdminClient(bootstrap_servers=server) as admin:
    admin.create_topics({
        "default": {"num_partitions": 1, "replication_factor": 1},
        "append": {"num_partitions": 1, "replication_factor": 1, "configs": {"message.timestamp.type": "LogAppendTime"}},
    })


def outcome(topic, timestamp):
    # A producer for each record, so that no error is that of an earlier one.
    with KafkaProducer(bootstrap_servers=server) as producer:
        try:
            producer.send(topic, b"event", timestamp_ms=timestamp).get(timeout=60)
        except KafkaError as error:
            return type(error).__name__
    return "taken"


ahead, behind = outcome("default", now + two_hours), outcome("default", now - two_hours)
print(f"Kafka {version}: two hours ahead {ahead}, two hours behind {behind}, "
      f"ahead with LogAppendTime {outcome('append', now + two_hours)}")
PYTHON

port=$(shuf -i 20000-30000 -n 1)
for version in 3.9.1 4.4.0; do
  fetch_broker "$version"
  start_broker "$version" "$port"
  venv/bin/python -W ignore produce.py "$version" "127.0.0.1:$port" 2>log.python || { cat log.python >&2; exit 1; }
  stop_broker
  port=$((port + 10))
done >seen
cat seen
# The lines after "#> " above are the output seen; a difference means that the behaviour has changed.
diff <(sed -n 's/^#> //p' "$self") seen
