#!/usr/bin/env bash
# For Athena and Trino, SQLLineage reads the UPDATE of a MERGE and not its INSERT.
#
# Tool: sqllineage 1.5.9 with sqlfluff 4.5.0 (PyPI), dialects athena and trino, and redshift and ansi beside them.
# Input: MERGE INTO, as Athena has it for Iceberg tables, with UPDATE and INSERT, and with INSERT alone.
# Guess: the statement is one of standard SQL and is parsed in all four dialects, so its lineage is that of redshift and ansi.
# Observed: with dialect athena or trino each column that only the INSERT fills has no source, and with INSERT alone there is no
# column lineage at all. The tables are right, and there is no error and no warning.
# Why it matters: incremental models on Iceberg are merges. The columns that an update leaves alone, such as keys and the time of the
# first load, have no upstream, though the same model has one on Redshift.
#
#> athena: update and insert: amount <- amount
#> athena: insert alone: nothing
#> trino: update and insert: amount <- amount
#> trino: insert alone: nothing
#> redshift: update and insert: amount <- amount, id <- order_id, loaded <- at
#> redshift: insert alone: amount <- amount, id <- order_id, loaded <- at
#> ansi: update and insert: amount <- amount, id <- order_id, loaded <- at
#> ansi: insert alone: amount <- amount, id <- order_id, loaded <- at
. "$(dirname "$0")/common.sh"
install sqllineage==1.5.9 sqlfluff==4.5.0
cat >lineage.py <<'PYTHON'
from sqllineage.runner import LineageRunner

UPDATE = "when matched then update set amount = s.amount"
INSERT = "when not matched then insert (id, amount, loaded) values (s.order_id, s.amount, s.at)"
BRANCHES = {"update and insert": f"{UPDATE} {INSERT}", "insert alone": INSERT}

for dialect in ("athena", "trino", "redshift", "ansi"):
    for name, branches in BRANCHES.items():
        runner = LineageRunner(f"merge into orders using staged s on orders.id = s.order_id {branches}", dialect=dialect)
        assert [table.raw_name for table in runner.source_tables] == ["staged"]
        paths = runner.get_column_lineage()
        pairs = sorted(f"{path[-1].raw_name} <- {path[0].raw_name}" for path in paths)
        print(f"{dialect}: {name}: {', '.join(pairs) or 'nothing'}")
PYTHON
quietly venv/bin/python -W ignore lineage.py >seen
compare
