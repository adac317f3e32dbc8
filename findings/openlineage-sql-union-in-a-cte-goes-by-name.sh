#!/usr/bin/env bash
# openlineage-sql pairs the columns of a union inside a CTE by name, so it loses sources and gives wrong ones.
#
# Tool: openlineage-sql 1.54.0 (PyPI), dialect redshift; athena gives the same.
# Input: CREATE TABLE AS that reads a union in a CTE or a subquery; the later query calls a column otherwise, or has another order.
# Guess: a union pairs columns by place, and has the names of its first query, so id comes from orders.id and returns.order_id.
# Observed: id comes from orders.id alone. With the same names in another order, each column is paired with the wrong one: cost
# comes from returns.cost, which SQL puts into price. Without a difference in names or order, both sources are there.
# Why it matters: a CTE that puts the rows of two systems together is how models are written. What depends on returns.order_id finds
# nothing, the lineage of id looks complete, and a swap of two columns, which is an error to be found, is shown as if it were none.
#
#> same names, same order: id <- orders.id, returns.id
#> another name: id <- orders.id
#> another name, in a subquery: id <- orders.id
#> another name, third query: id <- orders.id, refunds.id
#> another order: cost <- orders.cost, returns.cost; price <- orders.price, returns.price
#> another order, athena: cost <- orders.cost, returns.cost; price <- orders.price, returns.price
. "$(dirname "$0")/common.sh"
install openlineage-sql==1.54.0
venv/bin/python - >seen <<'PYTHON'
from openlineage_sql import parse

OTHER_NAME = "select id from orders union all select order_id from returns"
OTHER_ORDER = "select cost, price from orders union all select price, cost from returns"


def show(name, query, dialect="redshift"):
    found = parse([f"create table report as {query}"], dialect=dialect)
    assert not found.errors
    sources = {}
    for column in found.column_lineage:
        names = sources.setdefault(column.descendant.name, set())
        names.update(f"{source.origin.name}.{source.name}" for source in column.lineage)
    lines = [f"{column} <- {', '.join(sorted(names))}" for column, names in sorted(sources.items())]
    print(f"{name}: {'; '.join(lines)}")


def in_cte(union, columns="id"):
    return f"with u as ({union}) select {columns} from u"


show("same names, same order", in_cte(OTHER_NAME.replace("order_id", "id")))
show("another name", in_cte(OTHER_NAME))
show("another name, in a subquery", f"select id from ({OTHER_NAME}) as u")
show("another name, third query", in_cte(f"{OTHER_NAME} union all select id from refunds"))
show("another order", in_cte(OTHER_ORDER, "cost, price"))
show("another order, athena", in_cte(OTHER_ORDER, "cost, price"), "athena")
PYTHON
compare
