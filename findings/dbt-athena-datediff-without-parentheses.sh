#!/usr/bin/env bash
# dbt-athena's datediff for months and quarters has no parentheses around it, so arithmetic with it is wrong.
#
# Tool: dbt-athena 1.11.1 (PyPI). Its macro is rendered with jinja2 3.1.6, which gives the text that `dbt compile` of dbt-core 1.11.16
# gives; duckdb 2.0.1 computes it in place of Athena.
# Input: datediff() of 2025-11-01 and 2026-02-01, three months, in an expression.
# Guess: a macro in the place of a function is one operand: 12 - datediff is 9, and datediff * 10 is 30.
# Observed: `month` becomes (years * 12) + month(b) - month(a). A minus in front of it turns only the years around, a factor behind
# it takes only the last month. `hour` and `day` have parentheses, and Redshift's datediff is a function.
# Why it matters: tenures, prorated fees and ages in months are wrong without an error, and only on Athena: a package that is right
# on Redshift gives other numbers there. Put {{ dbt.datediff() }} into parentheses.
#
#> datediff in months: 3
#> 12 - datediff in months: -9
#> datediff in months * 10: -96
#> 12 - datediff in quarters: 5, and the datediff is 1
#> 100 - datediff in hours: -2108, and the datediff is 2208
. "$(dirname "$0")/common.sh"
install jinja2==3.1.6 duckdb==2.0.1
install --no-deps dbt-athena==1.11.1
venv/bin/python - >seen <<'PYTHON'
from importlib.metadata import files

import duckdb
import jinja2

macro = next(file for file in files("dbt-athena") if file.name == "datediff.sql").read_text()
environment = jinja2.Environment()
environment.globals["datediff"] = lambda *arguments: module.athena__datediff(*arguments)
module = environment.from_string(macro).module
# Athena's function gives the milliseconds of a difference; DuckDB's difference of dates is a number of days.
duckdb.execute("create macro to_milliseconds(days) as days * 86400000")


def datediff(part):
    return module.athena__datediff("date '2025-11-01'", "date '2026-02-01'", part)


def value(expression):
    return int(duckdb.execute(f"select {expression}").fetchone()[0])


print("datediff in months:", value(datediff("month")))
print("12 - datediff in months:", value(f"12 - {datediff('month')}"))
print("datediff in months * 10:", value(f"{datediff('month')} * 10"))
print(f"12 - datediff in quarters: {value('12 - ' + datediff('quarter'))}, and the datediff is {value(datediff('quarter'))}")
print(f"100 - datediff in hours: {value('100 - ' + datediff('hour'))}, and the datediff is {value(datediff('hour'))}")
PYTHON
compare
