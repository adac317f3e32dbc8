#!/usr/bin/env bash
# sqlglot counts the key of a map as the position in an array, and so moves it by one.
#
# Tool: sqlglot 30.30.0 (PyPI), dialects athena, trino and spark.
# Input: `m[1]`, where m is a map with integer keys. Athena uses brackets for maps and for arrays.
# Guess: the key 1 stays 1, at least where the types say that m is a map.
# Observed: a MAP constructor keeps its key. For a column the syntax tree holds 0, and a schema that says map(int, varchar),
# given to qualify and annotate_types, comes too late to change it. Written for Spark, the query reads another key.
# Why it matters: lineage through maps follows the key. Who reads the literal in the tree looks for a key that was never
# written, or finds the value of a neighbour.
#
#> m[1]                                   tree: 0   for spark: m[0]
#> m[2] with m known to be map(int, text) tree: 1   for spark: m[1]
#> MAP(ARRAY[1, 2], ARRAY['a', 'b'])[2]   tree: 2   for spark: MAP_FROM_ARRAYS(ARRAY(1, 2), ARRAY('a', 'b'))[2]
. "$(dirname "$0")/common.sh"
install sqlglot==30.30.0
venv/bin/python - >seen <<'PYTHON'
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

SCHEMA = {"t": {"m": "map(int, varchar)"}}


def show(label, tree):
    item = tree.selects[0].unalias()
    print(f"{label:38} tree: {item.expressions[0].sql()}   for spark: {item.sql('spark').replace('`', '').replace('t.', '')}")


show("m[1]", sqlglot.parse_one("select m[1] from t", dialect="athena"))
typed = qualify(sqlglot.parse_one("select m[2] from t", dialect="athena"), schema=SCHEMA, dialect="athena")
show("m[2] with m known to be map(int, text)", annotate_types(typed, schema=SCHEMA, dialect="athena"))
literal = "MAP(ARRAY[1, 2], ARRAY['a', 'b'])[2]"
show(literal, sqlglot.parse_one(f"select {literal}", dialect="athena"))
PYTHON
compare
