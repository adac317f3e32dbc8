#!/usr/bin/env bash
# PyAthena writes a parameter that is a time with a zone without its zone, so a filter or an INSERT is off by the offset.
#
# Tool: pyathena 4.2.1 (PyPI), the formatter of parameters and the converter of results that its cursors use.
# Input: one instant in three zones, as a parameter of a query; then the value that a column `timestamp with time zone` returned.
# Guess: three literals of one instant (the client of Trino writes the zone, awswrangler 3.17.1 refuses such a value), and a value that
# was read finds its own row.
# Observed: only the digits of the clock are written. Athena takes a literal without a zone in UTC, so 14:00+02:00 is two hours late, and
# 07:00-05:00 five hours early. No error and no warning; only a docstring of a private function says it. Reading keeps the zone.
# Why it matters: `datetime.now().astimezone()` as the limit of an incremental load skips rows or loads them twice, and a value that is
# read and written back to an Iceberg table moves. Pass `at.astimezone(UTC)`.
#
#> 2026-11-29T12:00:00+00:00 -> TIMESTAMP '2026-11-29 12:00:00.000'
#> 2026-11-29T14:00:00+02:00 -> TIMESTAMP '2026-11-29 14:00:00.000'
#> 2026-11-29T07:00:00-05:00 -> TIMESTAMP '2026-11-29 07:00:00.000'
#> read 2026-11-29 14:00:00+02:00, written back TIMESTAMP '2026-11-29 14:00:00.000'
. "$(dirname "$0")/common.sh"
install pyathena==4.2.1
cat >zones.py <<'PYTHON'
from datetime import datetime, timedelta, timezone

from pyathena.converter import DefaultTypeConverter
from pyathena.formatter import DefaultParameterFormatter


def literal(at):
    return DefaultParameterFormatter().format("select * from events where at >= %(at)s", {"at": at}).rpartition(">= ")[2]


instant = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
for hours in (0, 2, -5):
    at = instant.astimezone(timezone(timedelta(hours=hours)))
    assert at == instant
    print(f"{at.isoformat()} -> {literal(at)}")

read = DefaultTypeConverter().convert("timestamp with time zone", "2026-11-29 14:00:00.000 +02:00")
assert read == instant
print(f"read {read}, written back {literal(read)}")
PYTHON
quietly venv/bin/python zones.py >seen
compare
