#!/usr/bin/env bash
# dbt-athena's rules "sum" and "append" for merges set the stored value to null if the new row has none, and "append" puts it in front.
#
# Tool: dbt-athena 1.11.1 (PyPI). Its macro is rendered with jinja2 3.1.6; duckdb 2.0.1 computes the MERGE in place of Athena.
# Input: merge_update_columns_rules for a number, a text and an array, three rows, and new rows with and without values.
# Guess: the new value is added to the stored one, behind it for "append", and nothing is added where it is null, as the rule "sum" of
# a column of maps does it. The README does not describe the rules.
# Observed: sum is src.x + target.x, so a null on either side makes the total null, and it stays null in all later runs, whatever they
# add. append is src.x || target.x: null erases the text or the array too, and new elements come before those that are there.
# Why it matters: totals are built over many runs and cannot be computed again from the increment. One late row without an amount loses
# them, in a run that is a success. Write the rule as an expression: coalesce(_new_, 0) + coalesce(_old_, 0).
#
#> "total" = src."total" + target."total"
#> "note" = src."note" || target."note"
#> run 1: id 1: total 10, note a, tags ['x']; id 2: total 20, note b, tags ['y']
#> run 2: id 1: total 15, note ca, tags ['z', 'x']; id 2: total None, note None, tags None
#> run 3: id 1: total 20, note dca, tags ['w', 'z', 'x']; id 2: total None, note None, tags None
. "$(dirname "$0")/common.sh"
install jinja2==3.1.6 duckdb==2.0.1
install --no-deps dbt-athena==1.11.1
cat >merge.py <<'PYTHON'
from importlib.metadata import files

import duckdb
import jinja2

(macros,) = (file.read_text() for file in files("dbt-athena") if file.match("incremental/merge.sql"))
render = jinja2.Environment(extensions=["jinja2.ext.do"]).from_string(macros).module.get_update_statement
RULES = {"total": ("bigint", "sum"), "note": ("varchar", "append"), "tags": ("array(varchar)", "append")}
updates = [
    render({"quoted": f'"{name}"', "data_type": kind}, rule, name == "tags").strip() for name, (kind, rule) in RULES.items()
]
print(updates[0].rstrip(","))
print(updates[1].rstrip(","))
duckdb.execute("create table orders (id int, total bigint, note text, tags text[])")
RUNS = (
    "(1, 10, 'a', ['x']), (2, 20, 'b', ['y'])",
    "(1, 5, 'c', ['z']), (2, null, null, null)",
    "(1, 5, 'd', ['w']), (2, 7, 'e', ['v'])",
)
for number, rows in enumerate(RUNS, 1):
    duckdb.execute(f"""
        merge into orders as target using (values {rows}) as src (id, total, note, tags) on target.id = src.id
        when matched then update set {" ".join(updates)}
        when not matched then insert (id, total, note, tags) values (src.id, src.total, src.note, src.tags)
    """)
    stored = duckdb.execute("select id, total, note, tags from orders order by id").fetchall()
    print(f"run {number}:", "; ".join(f"id {id}: total {total}, note {note}, tags {tags}" for id, total, note, tags in stored))
PYTHON
quietly venv/bin/python merge.py >seen
compare
