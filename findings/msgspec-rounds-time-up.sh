#!/usr/bin/env bash
# msgspec rounds a time with more than six digits to the nearest microsecond, also into the next year; others cut it off.
#
# Tool: msgspec 0.22.0, pydantic 2.14.4 (PyPI), and datetime.fromisoformat of Python 3.11 and newer.
# Input: RFC 3339 times with seven and nine digits of a second, as producers in Java, Go and Rust write them.
# Guess: what does not fit into a datetime is cut off, so a time never moves into the future, and two readers agree.
# Observed: fromisoformat and pydantic cut. msgspec rounds half up: the last 100 nanoseconds of a year become the next year.
# Why it matters: of two services that read one event, one files it under another day, and a run's identity that is made of its
# time differs by a microsecond. Who compares times from several readers should cut to milliseconds first.
#
#> 2026-11-28T10:00:00.1234564Z: msgspec 2026-11-28 10:00:00.123456, pydantic 2026-11-28 10:00:00.123456, fromisoformat 2026-11-28 10:00:00.123456
#> 2026-11-28T10:00:00.123456500Z: msgspec 2026-11-28 10:00:00.123457, pydantic 2026-11-28 10:00:00.123456, fromisoformat 2026-11-28 10:00:00.123456
#> 2026-12-31T23:59:59.9999999Z: msgspec 2027-01-01 00:00:00.000000, pydantic 2026-12-31 23:59:59.999999, fromisoformat 2026-12-31 23:59:59.999999
. "$(dirname "$0")/common.sh"
install msgspec==0.22.0 pydantic==2.14.4
venv/bin/python - >seen <<'PYTHON'
from datetime import datetime

import msgspec
import pydantic

readers = {
    "msgspec": lambda text: msgspec.convert(text, datetime),
    "pydantic": pydantic.TypeAdapter(datetime).validate_python,
    "fromisoformat": datetime.fromisoformat,
}
for text in ("2026-11-28T10:00:00.1234564Z", "2026-11-28T10:00:00.123456500Z", "2026-12-31T23:59:59.9999999Z"):
    read = (f"{name} {reader(text):%Y-%m-%d %H:%M:%S.%f}" for name, reader in readers.items())
    print(f"{text}: {', '.join(read)}")
PYTHON
compare
