#!/bin/bash
# usage: STATE=folder ./up.sh [PORT]
# One Kafka broker (KRaft) on loopback: PORT plaintext (9092 of MSK), PORT+1 controller, PORT+2 SASL_SSL with
# SCRAM-SHA-512 (9096 of MSK; user headwater, password secret, CA in $STATE/kafka/ca.pem). Returns when it answers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
port=${1:-29092}
state=${STATE:?set STATE to a folder for data, log and pid}/kafka
libs=$("$here/fetch.sh")
mkdir -p "$state"
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  echo "port $port is taken" >&2
  exit 1
fi
java_fast=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -cp "$libs/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)

if [ ! -f "$state/server.properties" ]; then
  keytool -genkeypair -alias broker -keyalg EC -validity 3650 -dname CN=localhost -ext SAN=dns:localhost,ip:127.0.0.1 \
    -storetype PKCS12 -keystore "$state/broker.p12" -storepass changeit >/dev/null 2>&1
  keytool -exportcert -rfc -alias broker -keystore "$state/broker.p12" -storepass changeit >"$state/ca.pem" 2>/dev/null
  cat >"$state/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1)),SASL_SSL://127.0.0.1:$((port + 2))
advertised.listeners=PLAINTEXT://127.0.0.1:$port,SASL_SSL://localhost:$((port + 2))
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PKCS12
ssl.keystore.location=$state/broker.p12
ssl.keystore.password=changeit
log.dirs=$state/data
num.partitions=4
# as on MSK: a client creates its topics, a typing error does not
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
# or a start after a crash waits 9 s for the registration of the broker that crashed
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1500
group.initial.rebalance.delay.ms=0
# or what a killed member had waits 6 s for the end of its session
group.min.session.timeout.ms=1000
# who comes by the plaintext listener may do everything; the user of the other one what the ACLs say, where there are any
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
super.users=User:ANONYMOUS
CONF
  "${java_fast[@]}" kafka.tools.StorageTool format -t "$("${java_fast[@]}" kafka.tools.StorageTool random-uuid)" \
    --add-scram 'SCRAM-SHA-512=[name=headwater,password=secret]' -c "$state/server.properties" >"$state/log" 2>&1 ||
    { cat "$state/log" >&2; exit 1; }
fi
nohup "${java_fast[@]}" -Xmx512m kafka.Kafka "$state/server.properties" >>"$state/log" 2>&1 </dev/null &
echo $! >"$state/pid"
for _ in $(seq 300); do
  kill -0 "$(cat "$state/pid")" 2>/dev/null || break
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && exit 0
  sleep 0.1
done
tail -n 30 "$state/log" >&2
exit 1
