#!/bin/bash
# usage: STATE=the folder given to up.sh ./down.sh
# Orderly, which takes 1 to 2 s; SIGNAL=KILL for a crash.
pidfile=${STATE:?}/kafka/pid
[ -f "$pidfile" ] || exit 0
pid=$(cat "$pidfile")
# The pid may have passed to another process since.
if grep -qs "$STATE/kafka/server.properties" "/proc/$pid/cmdline"; then
  kill "-${SIGNAL:-TERM}" "$pid"
  kill -CONT "$pid" 2>/dev/null # a paused broker can't end
  for i in $(seq 200); do
    kill -0 "$pid" 2>/dev/null || break
    [ "$i" != 150 ] || kill -9 "$pid"
    sleep 0.1
  done
fi
rm -f "$pidfile"
