# Read by up.sh and down.sh: where PostgreSQL is, and as whom it may run (initdb and postgres refuse root).
if [ -z "${PGB:-}" ]; then
  PGB=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  PGB=${PGB:-$(pg_config --bindir 2>/dev/null || true)}
fi
[ -x "$PGB/initdb" ] || { echo "no PostgreSQL found: install Debian's postgresql, or set PGB to its bin folder" >&2; exit 1; }

as_postgres() { # COMMAND
  if [ "$(id -u)" = 0 ]; then su postgres -s /bin/sh -c "cd / && $1"; else sh -c "$1"; fi
}
