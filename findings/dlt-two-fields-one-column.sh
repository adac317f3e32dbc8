#!/usr/bin/env bash
# dlt writes two fields of one record into one column when their names differ only in style, and the later field wins, even a null.
#
# Tool: dlt 1.31.0 with duckdb 2.0.1 (PyPI), the default naming convention snake_case.
# Input: records with userId and user_id, as an API returns both while it renames a field.
# Guess: an error, a second column, or at least a message; dlt makes a column of its own when two values differ in type.
# Observed: the column user_id has the value of the field that comes last in the record. A user_id without a value behind a filled
# userId makes it null. No error, no message at level WARNING, and the load is a success.
# Why it matters: data is lost before it reaches the warehouse, and which value stays depends on the order of the JSON. Columns are the
# same before and after, so neither a schema contract nor column lineage shows that there are two sources.
#
#> {'userId': 1, 'user_id': 2} -> user_id 2
#> {'user_id': 2, 'userId': 1} -> user_id 1
#> {'userId': 1, 'user_id': None} -> user_id None
#> messages: 0
. "$(dirname "$0")/common.sh"
install "dlt[duckdb]==1.31.0" duckdb==2.0.1
export RUNTIME__DLTHUB_TELEMETRY=false RUNTIME__LOG_LEVEL=WARNING
cat >load.py <<'PYTHON'
import dlt
import duckdb

pipeline = dlt.pipeline("users", destination=dlt.destinations.duckdb("users.duckdb"), dataset_name="raw", pipelines_dir="pipelines")
for number, record in enumerate(({"userId": 1, "user_id": 2}, {"user_id": 2, "userId": 1}, {"userId": 1, "user_id": None})):
    pipeline.run([{"n": number, **record}], table_name="users").raise_on_failed_jobs()
    with duckdb.connect("users.duckdb") as database:
        rows = database.execute("select * exclude (n, _dlt_load_id, _dlt_id) from raw.users where n = ?", [number])
        names, values = [column[0] for column in rows.description], rows.fetchone()
    print(f"{record} -> {', '.join(f'{name} {value}' for name, value in zip(names, values))}")
PYTHON
venv/bin/python load.py >seen 2>messages || { cat messages >&2; exit 1; }
echo "messages: $(grep -c "|\[WARNING\]|\|\[ERROR\]" messages || true)" >>seen
compare
