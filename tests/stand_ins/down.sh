#!/usr/bin/env bash
# usage: STATE=the folder given to up.sh ./down.sh
# Stops what up.sh started, also if it did not come far; each by its own pid.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
state=${STATE:?set STATE to the folder given to up.sh}
. "$here/postgres.sh"

stop() { # PIDFILE SCRIPT: the pid may have passed to another process since
  [ -f "$1" ] && grep -qs "$2" "/proc/$(cat "$1")/cmdline" && kill "$(cat "$1")"
  rm -f "$1"
}
stop "$state/proxy.pid" redshift_proxy.py
stop "$state/server.pid" fake_athena.py
[ ! -f "$state/rs/pgdata/postmaster.pid" ] ||
  as_postgres "'$PGB/pg_ctl' -D '$state/rs/pgdata' -m immediate -w stop" >/dev/null
