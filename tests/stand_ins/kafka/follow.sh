#!/bin/bash
# usage: STATE=folder ./follow.sh PORT LEADER
# A second broker of the cluster that up.sh started with LEADER as its STATE: PORT plaintext, node 2, no controller.
# Returns when it answers; down.sh with the same STATE stops it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
port=$1 leader=$2/kafka
state=${STATE:?set STATE to a folder for data, log and pid}/kafka
libs=$("$here/fetch.sh")
mkdir -p "$state"
java_fast=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -cp "$libs/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)

if [ ! -f "$state/server.properties" ]; then
  # What the leader has, but for what makes it a controller and for its ports.
  grep -Ev '^(process.roles|node.id|listeners|advertised.listeners|log.dirs|ssl.|sasl.|listener.name.)' \
    "$leader/server.properties" >"$state/server.properties"
  cat >>"$state/server.properties" <<CONF
process.roles=broker
node.id=2
listeners=PLAINTEXT://127.0.0.1:$port
log.dirs=$state/data
CONF
  cluster=$(sed -n 's/^cluster.id=//p' "$leader/data/meta.properties")
  "${java_fast[@]}" kafka.tools.StorageTool format -t "$cluster" -c "$state/server.properties" >"$state/log" 2>&1 ||
    { cat "$state/log" >&2; exit 1; }
fi
nohup "${java_fast[@]}" -Xmx256m kafka.Kafka "$state/server.properties" >>"$state/log" 2>&1 </dev/null &
echo $! >"$state/pid"
for _ in $(seq 600); do
  kill -0 "$(cat "$state/pid")" 2>/dev/null || break
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && exit 0
  sleep 0.1
done
tail -n 30 "$state/log" >&2
exit 1
