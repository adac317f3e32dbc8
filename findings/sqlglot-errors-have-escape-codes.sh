#!/usr/bin/env bash
# The text of sqlglot's errors has escape codes of terminals, wherever it goes.
#
# Tool: sqlglot 30.30.0 (PyPI), Python 3.11; no terminal: output is a file, NO_COLOR=1, TERM=dumb.
# Input: `select a from (` to `sqlglot.parse_one`, and `str()` of the ParseError.
# Guess: plain text, as of other libraries' exceptions, at least where there is no terminal or NO_COLOR is set.
# Observed: the SQL in the message is underlined by ESC[4m and ESC[0m. Neither NO_COLOR, TERM nor a pipe changes that. Only
# the list `error.errors` has the parts of the message without codes.
# Why it matters: whoever logs an exception has control characters in JSON logs, in alerts and in CI's XML, where ESC makes
# the document invalid.
#
#> escape codes in the message: ['\x1b[4m', '\x1b[0m']
#> as XML: reference to invalid character number
#> without codes: Expected table name, line 1, column 15, highlight '('
. "$(dirname "$0")/common.sh"
install sqlglot==30.30.0
NO_COLOR=1 TERM=dumb venv/bin/python - >seen <<'PYTHON'
import re
from xml.etree import ElementTree

import sqlglot

try:
    sqlglot.parse_one("select a from (")
except sqlglot.ParseError as error:
    text, first = str(error), error.errors[0]
print(f"escape codes in the message: {re.findall(chr(27) + r'.[0-9;]*m', text)}")
escaped = "".join(f"&#{ord(char)};" for char in text)
try:
    ElementTree.fromstring(f"<failure>{escaped}</failure>")
except ElementTree.ParseError as error:
    print(f"as XML: {str(error).partition(':')[0]}")
description = first["description"].partition(" but")[0]
print(f"without codes: {description}, line {first['line']}, column {first['col']}, highlight {first['highlight']!r}")
PYTHON
compare
