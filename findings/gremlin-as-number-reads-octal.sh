#!/usr/bin/env bash
# Gremlin's as_number() reads a leading zero as octal and a fraction as a 32-bit float.
#
# Tool: org.apache.tinkerpop:gremlin-server 3.8.1 (Maven), gremlinpython 3.8.1 (PyPI).
# Input: texts of digits, as names of partitions, versions and amounts have them, for the step as_number() of 3.8.
# Guess: digits are decimal, and a fraction is a double, as it is where Gremlin reads a literal or a driver sends a float.
# Observed: the text is read as a Java literal. 010 is 8, and 08, which is no octal number, is an error. A fraction is a float if
# its digits fit, so 1.10 is 1.100000023841858 and is not equal to 1.1. GType.DOUBLE in the call repairs the fraction, not the zero.
# Why it matters: months and zero-padded keys are right from 1 to 7 and 10 to 12 only without the zero; a test with 01 sees nothing.
# A limit on an amount misses the rows that are equal to it. Keep such texts as texts, or convert them in the client.
# Needs a JDK and Maven. The server listens on loopback.
#
#> as_number("7"): 7
#> as_number("07"): 7
#> as_number("08"): error
#> as_number("010"): 8
#> as_number("1.10"): 1.100000023841858
#> as_number(GType.DOUBLE) of "1.10": 1.1, of "010": 8.0
#> 1.1 is equal to as_number("1.10"): 0 of 1
. "$(dirname "$0")/common.sh"
install gremlinpython==3.8.1
start_gremlin 3.8.1
cat >read.py <<'PYTHON'
import sys

from gremlin_python.driver.driver_remote_connection import DriverRemoteConnection
from gremlin_python.driver.protocol import GremlinServerError
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.traversal import GType

connection = DriverRemoteConnection(sys.argv[1], "g")
g = traversal().with_remote(connection)


def number(text):
    try:
        return g.inject(text).as_number().next()
    except GremlinServerError:
        return "error"


seen = [f'as_number("{text}"): {number(text)}' for text in ("7", "07", "08", "010", "1.10")]
fraction, padded = g.inject("1.10", "010").as_number(GType.DOUBLE).to_list()
seen.append(f'as_number(GType.DOUBLE) of "1.10": {fraction}, of "010": {padded}')
seen.append(f'1.1 is equal to as_number("1.10"): {g.inject("1.10").as_number().is_(1.1).count().next()} of 1')
connection.close()
with open("seen", "w") as file:
    print(*seen, sep="\n", file=file)
PYTHON
quietly venv/bin/python read.py "$gremlin" >log
compare
