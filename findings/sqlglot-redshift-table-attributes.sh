#!/usr/bin/env bash
# sqlglot loses the query of a CREATE TABLE AS for some of Redshift's table attributes, in two different ways.
#
# Tool: sqlglot 30.30.0 (PyPI), dialect redshift.
# Input: CREATE TABLE AS with each sort key, encoding and distribution attribute of Redshift (AWS, "CREATE TABLE").
# Guess: one grammar rule reads the table attributes, so all are read or all are refused.
# Observed: COMPOUND SORTKEY is read; INTERLEAVED SORTKEY and ENCODE AUTO make the whole statement an opaque Command, with
# a warning in the log and no exception; SORTKEY AUTO raises a ParseError.
# Why it matters: dbt-redshift writes these attributes from a model's sort_type and sort. A program that only catches
# ParseError takes the Command for a statement that reads no table.
#
#> compound sortkey (a)      Create, reads s
#> interleaved sortkey (a)   Command, reads nothing
#> encode auto               Command, reads nothing
#> sortkey auto              ParseError
#> diststyle auto            Create, reads s
. "$(dirname "$0")/common.sh"
install sqlglot==30.30.0
venv/bin/python - >seen <<'PYTHON'
import logging

import sqlglot
from sqlglot import exp

logging.getLogger("sqlglot").setLevel(logging.ERROR)
ATTRIBUTES = ("compound sortkey (a)", "interleaved sortkey (a)", "encode auto", "sortkey auto", "diststyle auto")


def outcome(attribute):
    try:
        tree = sqlglot.parse_one(f"create table t {attribute} as select a, b from s", dialect="redshift")
    except sqlglot.ParseError:
        return "ParseError"
    read = sorted(table.name for table in tree.find_all(exp.Table) if table.name != "t")
    return f"{type(tree).__name__}, reads {', '.join(read) or 'nothing'}"


for attribute in ATTRIBUTES:
    print(f"{attribute:25} {outcome(attribute)}")
PYTHON
compare
