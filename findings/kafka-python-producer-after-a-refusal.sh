#!/usr/bin/env bash
# kafka-python's idempotent producer sends nothing more after one record that the broker refuses.
#
# Tool: kafka-python 3.0.12 (PyPI) against org.apache.kafka:kafka_2.13 4.4.0 (Maven).
# Input: one producer sends a small record, one that is larger than its topic's max.message.bytes, and small ones again, to
# the same topic and to another one; with enable_idempotence and without.
# Guess: the large record's future fails with MessageSizeTooLargeError, and all others succeed, as each record is on its own.
# Observed: without idempotence that is so. With it, every later send of this producer, to any topic, fails with the error of
# that one record. Only a new producer helps.
# Why it matters: a lineage producer lives for weeks, and one event with a huge SQL text ends it. The later errors name a fault
# that the later events do not have. After a refusal, replace the producer.
# Needs a JDK 17 and Maven. The broker listens on loopback.
#
#> enable_idempotence=False: small taken, large MessageSizeTooLargeError, small taken, other topic taken
#> enable_idempotence=True: small taken, large MessageSizeTooLargeError, small MessageSizeTooLargeError, other topic MessageSizeTooLargeError
#> a new producer: small taken
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

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

server = sys.argv[1]
with KafkaAdminClient(bootstrap_servers=server) as admin:
    admin.create_topics({
        "events": {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": "1000"}},
        "other": {"num_partitions": 1, "replication_factor": 1},
    })


def outcome(producer, topic, value):
    try:
        producer.send(topic, value).get(timeout=60)
    except KafkaError as error:
        return type(error).__name__
    return "taken"


for idempotent in (False, True):
    with KafkaProducer(bootstrap_servers=server, enable_idempotence=idempotent) as producer:
        first, large = outcome(producer, "events", b"small"), outcome(producer, "events", b"x" * 5000)
        second, other = outcome(producer, "events", b"small"), outcome(producer, "other", b"small")
    print(f"enable_idempotence={idempotent}: small {first}, large {large}, small {second}, other topic {other}")
with KafkaProducer(bootstrap_servers=server, enable_idempotence=True) as producer:
    print(f"a new producer: small {outcome(producer, 'events', b'small')}")
PYTHON

port=$(shuf -i 20000-30000 -n 1)
fetch_broker 4.4.0
start_broker 4.4.0 "$port"
venv/bin/python -W ignore produce.py "127.0.0.1:$port" >seen 2>log.python || { cat log.python >&2; exit 1; }
cat seen
# The lines after "#> " above are the output seen; a difference means that the behaviour has changed.
diff <(sed -n 's/^#> //p' "$self") seen
