#!/usr/bin/env bash
# usage: STATE=folder ./up.sh
# Starts PostgreSQL, the Redshift look-alike in front of it and the Athena stand-in, loads data, and returns; all on
# loopback. STATE must lie where the user postgres can go, because initdb refuses root. Stop with down.sh.
# PG_PORT, REDSHIFT_PORT, ATHENA_PORT choose ports; PGB is PostgreSQL's bin folder; PYTHON has moto, flask, duckdb, sqlglot.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
state=${STATE:?set STATE to a folder for data, logs and pids}
export REDSHIFT_PORT=${REDSHIFT_PORT:-15440} ATHENA_PORT=${ATHENA_PORT:-15555}
pg_port=${PG_PORT:-15432}
python=${PYTHON:-python}
. "$here/postgres.sh"
mkdir -p "$state/athena" "$state/rs"
chmod 755 "$state"

if [ ! -d "$state/rs/pgdata" ]; then
  [ "$(id -u)" != 0 ] || chown postgres "$state/rs"
  as_postgres "'$PGB/initdb' -D '$state/rs/pgdata' -A trust -U awsuser --no-sync -E UTF8 --locale=C" >"$state/initdb.log" 2>&1 ||
    { cat "$state/initdb.log" >&2; exit 1; }
fi
as_postgres "'$PGB/pg_ctl' -D '$state/rs/pgdata' -l '$state/rs/pg.log' -w start \
  -o '-p $pg_port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off'" >/dev/null ||
  { tail -n 20 "$state/rs/pg.log" >&2; exit 1; }

psql() { "$PGB/psql" -X -q -h 127.0.0.1 -p "$pg_port" -U awsuser "$@"; }
psql -tA -d postgres -c "select 1 from pg_database where datname = 'dev'" | grep -q 1 ||
  psql -d postgres -c 'create database dev'
psql -d dev -v ON_ERROR_STOP=1 -f "$here/redshift/shims.sql"

nohup "$python" "$here/redshift/redshift_proxy.py" --listen "127.0.0.1:$REDSHIFT_PORT" --backend "127.0.0.1:$pg_port" \
  >"$state/rs/proxy.log" 2>&1 </dev/null &
echo $! >"$state/proxy.pid"
FAKE_ATHENA_LOG=$state/athena/q.jsonl nohup "$python" "$here/athena/fake_athena.py" --port "$ATHENA_PORT" \
  >"$state/athena/server.log" 2>&1 </dev/null &
echo $! >"$state/server.pid"
for port in "$REDSHIFT_PORT" "$ATHENA_PORT"; do
  for _ in $(seq 300); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue 2
    sleep 0.1
  done
  echo "nothing answers on port $port; the logs are in $state" >&2
  exit 1
done

psql -d dev -v ON_ERROR_STOP=1 -f "$here/imdb_redshift/load_sources.sql" 2>"$state/rs/load.log"
. "$here/athena/env.sh"
"$python" "$here/athena/load_sources.py"
