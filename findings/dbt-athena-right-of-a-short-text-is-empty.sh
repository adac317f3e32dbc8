#!/usr/bin/env bash
# dbt's macro right() returns an empty text on Athena if the text has fewer characters than are asked for.
#
# Tool: dbt-athena 1.11.1 (PyPI); its SQL run on Trino 435 (Maven Central), as Athena's engine is one of Trino, and DuckDB 2.0.1 (PyPI),
# on which, as on Redshift, the macro is the function right().
# Input: dbt.right(text, 4) of texts with 6, 4, 3 and 0 characters.
# Guess: the last four characters, or all of them if there are fewer; dbt documents "the N rightmost characters from a string".
# Observed: the macro is substr(text, -4). Where the text is shorter, Trino starts before its first character, and returns an empty text.
# No error and no null.
# Why it matters: right() is for the last digits of numbers and codes. All short values turn into one empty key, so joins and counts by
# it are wrong, and on Athena only: a package with this macro is right in its own tests on other databases.
#
#> '123456': Athena '3456', DuckDB '3456'
#> '1234': Athena '1234', DuckDB '1234'
#> '123': Athena '', DuckDB '123'
#> '': Athena '', DuckDB ''
. "$(dirname "$0")/common.sh"
install jinja2==3.1.6 duckdb==2.0.1
install --no-deps dbt-athena==1.11.1
cat >right.py <<'PYTHON'
from importlib.metadata import files

import duckdb
import jinja2

(macro,) = (file.read_text() for file in files("dbt-athena") if file.match("macros/utils/right.sql"))
right = jinja2.Environment().from_string(macro).module.athena__right
with open("queries", "w") as queries, open("local", "w") as local:
    for text in ("'123456'", "'1234'", "'123'", "''"):
        sql = " ".join(right(text, 4).split())
        queries.write(f"select '''' || ({sql}) || ''''\n")
        local.write(f"{text}: Athena\t, DuckDB '{duckdb.execute(f'select right({text}, 4)').fetchone()[0]}'\n")
PYTHON
venv/bin/python right.py
run_trino queries >remote
paste <(cut -f 1 local) <(cut -d " " -f 2 remote) <(cut -f 2 local) | sed "s/\t,/,/; s/\t/ /" >seen
compare
