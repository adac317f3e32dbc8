#!/usr/bin/env bash
# DataHub's SQL parser gives a MERGE the columns of the table that it reads, whatever columns it writes.
#
# Tool: acryl-datahub 1.7.0.17 with its extra sql-parser (PyPI), platforms redshift and athena, and both schemas known.
# Input: MERGE INTO orders USING staged, which fills columns of orders from columns of staged that have other names.
# Guess: no column lineage, as the page "SQL Parsing" says of MERGE, or that of UPDATE and INSERT.
# Observed: each column of staged is the source of a column of the same name in orders. Of these, amount exists but is filled from
# something else, and note is no column of orders at all and is read by nothing. The columns that are written have no lineage. There is
# no error, and the confidence score is 0.9, as for an INSERT between tables with known schemas.
# Why it matters: incremental models on Iceberg and Redshift are merges. An analysis of impact names columns that do not exist and
# misses those that are filled, and a tag on a source column goes to a column of the target that only shares its name.
#
#> redshift: tables staged -> orders, confidence 0.9
#> redshift: orders.amount <- staged.amount, orders.id <- staged.id, orders.note <- staged.note
#> athena: tables staged -> orders, confidence 0.9
#> athena: orders.amount <- staged.amount, orders.id <- staged.id, orders.note <- staged.note
. "$(dirname "$0")/common.sh"
install "acryl-datahub[sql-parser]==1.7.0.17"
export DATAHUB_TELEMETRY_ENABLED=false
cat >merge.py <<'PYTHON'
from datahub.metadata.urns import DatasetUrn
from datahub.sql_parsing.schema_resolver import SchemaResolver
from datahub.sql_parsing.sqlglot_lineage import sqlglot_lineage

MERGE = """
merge into orders using staged on orders.order_id = staged.id
when matched then update set total = staged.amount
when not matched then insert (order_id, total, amount) values (staged.id, staged.amount, 1)
"""
COLUMNS = {
    "orders": {"order_id": "bigint", "total": "bigint", "amount": "bigint"},
    "staged": {"id": "bigint", "amount": "bigint", "note": "varchar"},
}


def last(urn):
    return DatasetUrn.from_string(urn).name.rpartition(".")[2]


for platform in ("redshift", "athena"):
    schemas = SchemaResolver(platform=platform)
    for table, columns in COLUMNS.items():
        schemas.add_raw_schema_info(DatasetUrn(platform, f"dev.shop.{table}").urn(), columns)
    result = sqlglot_lineage(MERGE, schema_resolver=schemas, default_db="dev", default_schema="shop")
    assert not result.debug_info.error
    tables = f"{last(result.in_tables[0])} -> {last(result.out_tables[0])}"
    print(f"{platform}: tables {tables}, confidence {result.debug_info.confidence}")
    pairs = sorted(
        f"{last(entry.downstream.table)}.{entry.downstream.column} <- {last(source.table)}.{source.column}"
        for entry in result.column_lineage
        for source in entry.upstreams
    )
    print(f"{platform}: {', '.join(pairs)}")
PYTHON
quietly venv/bin/python -W ignore merge.py >seen
compare
