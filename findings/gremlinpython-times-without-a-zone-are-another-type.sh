#!/usr/bin/env bash
# gremlinpython stores a datetime without a time zone as another type, and no comparison finds both.
#
# Tool: gremlinpython 3.8.1 (PyPI), org.apache.tinkerpop:gremlin-server 3.8.1 (Maven) with TinkerGraph.
# Input: two vertices of one instant; one writer sends datetime(2026, 1, 1, 12), the other one the same with timezone.utc.
# Guess: Python itself refuses to compare the two, so one of them is refused, or both are stored as one type of the graph.
# Observed: without a zone it is a Date, cut to milliseconds, with a zone an OffsetDateTime. has() with > and < finds only those of
# the type that is asked for, without an error, whatever the times are. order() puts each type together, and max() fails.
# Why it matters: datetime.utcnow() in one writer, or a parser that leaves the zone out, hides its rows from every question about a
# time, and a job that deletes what is older than a month keeps them for ever. Send all times with a zone, or as numbers.
# Needs a JDK and Maven. The server listens on loopback.
#
#> after 2000, asked with a zone: zone
#> after 2000, asked without a zone: none
#> before 2100, asked with a zone: zone
#> before 2100, asked without a zone: none
#> ordered by time: zone 2026, zone 2027, none 2025, none 2026
#> microseconds read back: zone 123456, none 123000
#> the latest time of all: error
. "$(dirname "$0")/common.sh"
install gremlinpython==3.8.1
start_gremlin 3.8.1
cat >times.py <<'PYTHON'
import sys
from datetime import datetime, timezone

from gremlin_python.driver.driver_remote_connection import DriverRemoteConnection
from gremlin_python.driver.protocol import GremlinServerError
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.traversal import P

ZONES = {"with a zone": timezone.utc, "without a zone": None}
connection = DriverRemoteConnection(sys.argv[1], "g")
g = traversal().with_remote(connection)
seen = []


def write(name, moment):
    return g.add_v("run").property("name", name).property("at", moment).values("at").next()


zoned = write("zone", datetime(2026, 1, 1, 12, 0, 0, 123456, timezone.utc))
naive = write("none", datetime(2026, 1, 1, 12, 0, 0, 123456))
for text, predicate, year in (("after", P.gt, 2000), ("before", P.lt, 2100)):
    for asked, zone in ZONES.items():
        found = g.V().has("at", predicate(datetime(year, 1, 1, tzinfo=zone))).values("name").to_list()
        seen.append(f"{text} {year}, asked {asked}: {', '.join(found)}")
write("none", datetime(2025, 1, 1))
write("zone", datetime(2027, 1, 1, tzinfo=timezone.utc))
ordered = g.V().order().by("at").project("name", "at").by("name").by("at").to_list()
seen.append("ordered by time: " + ", ".join(f"{row['name']} {row['at'].year}" for row in ordered))
seen.append(f"microseconds read back: zone {zoned.microsecond}, none {naive.microsecond}")
try:
    latest = g.V().values("at").max_().next()
except GremlinServerError:
    latest = "error"
seen.append(f"the latest time of all: {latest}")
connection.close()
with open("seen", "w") as file:
    print(*seen, sep="\n", file=file)
PYTHON
quietly venv/bin/python times.py "$gremlin" >log
compare
