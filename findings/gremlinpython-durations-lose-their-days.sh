#!/usr/bin/env bash
# gremlinpython writes a timedelta without its days, so 30 hours are stored as six, and minus one second as almost a day.
#
# Tool: gremlinpython 3.8.1 (PyPI), org.apache.tinkerpop:gremlin-server 3.8.1 (Maven).
# Input: durations as properties, written and read with GraphBinary, the driver's default, and with GraphSON 3.
# Guess: both formats have a type for durations of any length, so what is read is what was written, or an error is raised.
# Observed: GraphBinary sends the field `seconds` of the timedelta, which is the rest after its days. The server stores 6 hours for
# 30, and 0 for three days, without an error. has() with a limit of one day compares with 0. With GraphSON all positive durations
# are right, and one that is negative can't be read.
# Why it matters: run times and delays of more than a day look short, and alerts on them stay silent; what is stored is wrong, so a
# later fix does not bring it back. Write durations as a number of seconds.
# Needs a JDK and Maven. The server listens on loopback.
#
#> GraphBinary: 23:00:00 is stored as 23:00:00
#> GraphBinary: 1 day, 6:00:00 is stored as 6:00:00
#> GraphBinary: 3 days, 0:00:00 is stored as 0:00:00
#> GraphBinary: -1 day, 23:59:59 is stored as 23:59:59
#> GraphBinary: longer than a day: 3 of 4
#> GraphSON: 23:00:00 is stored as 23:00:00
#> GraphSON: 1 day, 6:00:00 is stored as 1 day, 6:00:00
#> GraphSON: 3 days, 0:00:00 is stored as 3 days, 0:00:00
#> GraphSON: longer than a day: 2 of 3
. "$(dirname "$0")/common.sh"
install gremlinpython==3.8.1
start_gremlin 3.8.1
cat >durations.py <<'PYTHON'
import sys
from datetime import timedelta

from gremlin_python.driver.driver_remote_connection import DriverRemoteConnection
from gremlin_python.driver.serializer import GraphBinarySerializersV1, GraphSONSerializersV3d0
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.traversal import P

HOURS = (timedelta(hours=23), timedelta(hours=30), timedelta(days=3))
for name, serializer, durations in (
    ("GraphBinary", GraphBinarySerializersV1(), (*HOURS, timedelta(seconds=-1))),
    ("GraphSON", GraphSONSerializersV3d0(), HOURS),
):
    connection = DriverRemoteConnection(sys.argv[1], "g", message_serializer=serializer)
    g = traversal().with_remote(connection)
    g.V().drop().iterate()
    for duration in durations:
        stored = g.add_v("run").property("took", duration).values("took").next()
        print(f"{name}: {duration} is stored as {stored}")
    long = g.V().has("took", P.gt(timedelta(days=1))).count().next()
    print(f"{name}: longer than a day: {long} of {len(durations)}")
    connection.close()
PYTHON
quietly venv/bin/python durations.py "$gremlin" >seen
compare
