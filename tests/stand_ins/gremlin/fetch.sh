#!/usr/bin/env bash
# Copies Gremlin Server's jars into a cache, by Maven, and prints where they are. Only the first call works.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${STAND_INS_CACHE:-$HOME/.cache/headwater/servers}
server=$cache/gremlin-server-3.7.3

if [ ! -d "$server" ]; then
    mkdir -p "$cache"
    partial=$(mktemp -d "$server.XXXXXX")
    trap 'rm -rf "$partial"' EXIT
    if ! mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
        -DoutputDirectory="$partial" >"$partial/mvn.log" 2>&1; then
        cat "$partial/mvn.log" >&2
        exit 1
    fi
    rm "$partial/mvn.log"
    chmod 755 "$partial"
    # A rename is atomic; when another call was first, its copy is as good as ours.
    mv -T "$partial" "$server" 2>/dev/null || [ -d "$server" ]
fi

# A class data archive saves a third of the start. It is only a saving: without it the server starts all the same.
if [ ! -e "$server/classes.jsa" ]; then
    state=$(mktemp -d)
    port=$(shuf -i 20000-32000 -n 1)
    if STATE=$state GREMLIN_JVM="-XX:ArchiveClassesAtExit=$state/classes.jsa" "$here/up.sh" "$port" >"$state/log" 2>&1; then
        pid=$(cat "$state/gremlin-$port.pid")
        # Not down.sh: the archive is written by an orderly exit.
        kill "$pid"
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
        cp "$state/classes.jsa" "$server/classes.jsa.$$" && mv "$server/classes.jsa.$$" "$server/classes.jsa"
    fi
    rm -rf "$state"
fi
echo "$server"
