#!/usr/bin/env bash
# In Gremlin 3.8 one instant written in two time zones is two values, so a merge makes two vertices.
#
# Tool: org.apache.tinkerpop:gremlin-server 3.8.1 (Maven) with TinkerGraph, gremlinpython 3.8.1 (PyPI).
# Input: 12:00 UTC, and 14:00 at +02:00, which Python takes for equal and of which both have one hash.
# Guess: a time is an instant, as in Python, and as it was before 3.8 when a driver sent the milliseconds since 1970.
# Observed: the value is an OffsetDateTime of Java, whose equality includes the offset. merge_v() makes a second vertex, dedup() keeps
# both, has() finds one. For >= and <= the later clock is the larger one, so "from 14:00+02:00" leaves out the vertex of 12:00 UTC.
# Why it matters: a run that is redelivered by a producer in another zone, or after the switch to summer time, is a second run, and a
# window of time loses what lies on its limit. Convert all times to UTC before they are sent.
# Needs a JDK and Maven. The server listens on loopback.
#
#> equal in Python: True
#> vertices after two merges: 2
#> different values after dedup(): 2
#> has() by 12:00 UTC: 1 of 2, by 14:00+02:00: 1 of 2
#> from 12:00 UTC: 2 of 2, from 14:00+02:00: 1 of 2
#> after 12:00 UTC: 1 of 2
. "$(dirname "$0")/common.sh"
install gremlinpython==3.8.1
start_gremlin 3.8.1
cat >zones.py <<'PYTHON'
import sys
from datetime import datetime, timedelta, timezone

from gremlin_python.driver.driver_remote_connection import DriverRemoteConnection
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.traversal import P, T

utc = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
east = utc.astimezone(timezone(timedelta(hours=2)))
connection = DriverRemoteConnection(sys.argv[1], "g")
g = traversal().with_remote(connection)


def found(at):
    return f"{g.V().has('at', at).count().next()} of 2"


print("equal in Python:", utc == east and hash(utc) == hash(east))
for moment in (utc, east):
    g.merge_v({T.label: "run", "job": "orders", "at": moment}).iterate()
print("vertices after two merges:", g.V().count().next())
print("different values after dedup():", g.V().values("at").dedup().count().next())
print(f"has() by 12:00 UTC: {found(utc)}, by 14:00+02:00: {found(east)}")
print(f"from 12:00 UTC: {found(P.gte(utc))}, from 14:00+02:00: {found(P.gte(east))}")
print(f"after 12:00 UTC: {found(P.gt(utc))}")
connection.close()
PYTHON
quietly venv/bin/python zones.py "$gremlin" >seen
compare
