#!/usr/bin/env bash
# `sqlfluff fix` turns USING into ON, so SELECT * has the key twice, and a third table of the join makes the query invalid.
#
# Tool: sqlfluff 4.5.0 (PyPI), dialect redshift, its rule ST07; duckdb 2.0.1 runs the query before and after.
# Input: `select *` from two tables that are joined with USING, and the same with three.
# Guess: a fix of style keeps the columns and rows of a query, or the rule reports and leaves the query alone.
# Observed: `using (id)` becomes `ON o.id = p.id`. The star then has four columns in place of three, a second id in the middle. Of two
# USING only the first is changed, and the id of the second is ambiguous after that. Since July 2026 (sqlfluff#8175) the rule leaves a
# query alone that names the key; a star and a second USING are not covered.
# Why it matters: the fix runs as a hook, over many files. A table made of such a query is refused for its second id, or gets id_1;
# INSERT ... SELECT * and UNION, which go by place, put values into the wrong columns.
#
#> before: select * from o left join p using (id)
#> columns: id, ordered, paid
#> after: select * from o left join p ON o.id = p.id
#> columns: id, ordered, id, paid
#> before: select * from o inner join p using (id) inner join s using (id)
#> columns: id, ordered, paid, sent
#> after: select * from o inner join p ON o.id = p.id inner join s using (id)
#> columns: Binder Error: Ambiguous reference to column name "id"
. "$(dirname "$0")/common.sh"
install sqlfluff==4.5.0 duckdb==2.0.1
cat >run.py <<'PYTHON'
import sys
from pathlib import Path

import duckdb

database = duckdb.connect()
for table, column in (("o", "ordered"), ("p", "paid"), ("s", "sent")):
    database.execute(f"create table {table} (id int, {column} int)")
query = " ".join(Path(sys.argv[2]).read_text().split())
print(f"{sys.argv[1]}: {query}")
try:
    columns = ", ".join(column[0] for column in database.execute(query).description)
except duckdb.BinderException as error:
    columns = str(error).partition(" (use")[0].splitlines()[0]
print(f"columns: {columns}")
PYTHON
echo "select * from o left join p using (id)" >two.sql
echo "select * from o inner join p using (id) inner join s using (id)" >three.sql
for file in two.sql three.sql; do
  venv/bin/python run.py before "$file"
  # It ends with 1 where it leaves a violation, which the second USING of three.sql is.
  venv/bin/sqlfluff fix -q --dialect redshift --rules ST07 "$file" >log 2>&1 || [ $? = 1 ]
  venv/bin/python run.py after "$file"
done >seen
compare
