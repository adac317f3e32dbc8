#!/usr/bin/env bash
# orjson reads an integer of more than 64 bits as a float, without an error, and writes it back as another number.
#
# Tool: orjson 3.13.0 (PyPI), and Python's own json.
# Input: JSON with integers around 2**64, such as a DECIMAL(38,0) key or a hash in a row's statistics.
# Guess: an integer stays an integer, as in json.loads, or is refused, as orjson.dumps refuses it.
# Observed: 18446744073709551615 is an int, and one more is the float 1.8446744073709552e+19; all digits below the first 17 or so
# are gone, and loads followed by dumps changes the document. dumps of the int that json.loads gives raises an error.
# Why it matters: a service that only passes documents on changes them, and two keys of 38 digits become one.
#
#> 18446744073709551615: json int, orjson int, orjson again 18446744073709551615
#> 18446744073709551616: json int, orjson float, orjson again 1.8446744073709552e+19
#> 10000000000000000000000000000000000001 == 10000000000000000000000000000000000002: json False, orjson True
#> orjson.dumps(2**64): Integer exceeds 64-bit range
. "$(dirname "$0")/common.sh"
install orjson==3.13.0
venv/bin/python - >seen <<'PYTHON'
import json

import orjson

for text in ("18446744073709551615", "18446744073709551616"):
    kinds = [type(read(text)).__name__ for read in (json.loads, orjson.loads)]
    print(f"{text}: json {kinds[0]}, orjson {kinds[1]}, orjson again {orjson.dumps(orjson.loads(text)).decode()}")
keys = ("10000000000000000000000000000000000001", "10000000000000000000000000000000000002")
same = {read.__module__: read(keys[0]) == read(keys[1]) for read in (json.loads, orjson.loads)}
print(f"{keys[0]} == {keys[1]}: json {same['json']}, orjson {same['orjson']}")
try:
    orjson.dumps(2**64)
except orjson.JSONEncodeError as error:
    print(f"orjson.dumps(2**64): {error}")
PYTHON
compare
