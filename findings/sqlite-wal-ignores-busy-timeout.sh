#!/usr/bin/env bash
# SQLite does not wait for a lock when it switches a database to WAL.
#
# Tool: SQLite 3.54.1, as bundled by apsw 3.54.1.0 (PyPI).
# Input: two connections; one has a write transaction open, the other one has a busy handler and runs one statement.
# Guess: every statement that needs the lock calls the busy handler, which is how busy_timeout works.
# Observed: BEGIN IMMEDIATE, INSERT and VACUUM call it; PRAGMA journal_mode=WAL fails at once without one call. A timeout,
# however long, has no effect on it.
# Why it matters: programs set busy_timeout first and then WAL for each connection. Two of them that start together on a new
# file end in "database is locked" now and then, and a longer timeout does not help. The switch needs a retry of its own.
#
#> begin immediate           BusyError after 3 calls of the busy handler
#> insert into t values (1)  BusyError after 3 calls of the busy handler
#> vacuum                    BusyError after 3 calls of the busy handler
#> pragma journal_mode=wal   BusyError after 0 calls of the busy handler
. "$(dirname "$0")/common.sh"
install apsw==3.54.1.0
venv/bin/python - >seen <<'PYTHON'
import apsw

writer = apsw.Connection("shop.db")
writer.execute("create table t (x)")
writer.execute("begin immediate")


def outcome(sql):
    calls = []
    other = apsw.Connection("shop.db")
    other.set_busy_handler(lambda earlier: calls.append(earlier) or len(calls) < 3)
    try:
        other.execute(sql).fetchall()
    except apsw.Error as error:
        return f"{type(error).__name__} after {len(calls)} calls of the busy handler"
    finally:
        other.close()
    return "done"


for sql in ("begin immediate", "insert into t values (1)", "vacuum", "pragma journal_mode=wal"):
    print(f"{sql:25} {outcome(sql)}")
PYTHON
compare
