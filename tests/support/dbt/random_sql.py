"""Queries that are made at random, and the ways to wrap one that keep its lineage."""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

TABLES = {
    "a": ["id", "x", "r"],
    "b": ["id", "y", "k"],
    "c": ["k", "z", "x"],
}
"""Tables that share some names of columns."""


def prefix(dialect: str) -> str:
    """Returns the database and the schema of the tables."""
    return "dev.shop" if dialect == "redshift" else "awsdatacatalog.shop"


def schema(dialect: str) -> dict[str, list[str] | None]:
    """Returns the tables' columns by their full names."""
    return {f"{prefix(dialect)}.{table}": columns for table, columns in TABLES.items()}


Column = tuple[str, str]
"""What qualifies a column, and its name."""


@st.composite
def queries(draw: st.DrawFn, depth: int = 2, outer: Sequence[Column] = ()) -> str:
    """Draws a query; most of its names are columns of one of its tables, some are not there, or of two tables.

    Args:
        draw: of hypothesis.
        depth: how many levels of queries may be within it.
        outer: columns of the query around it, which it may name too.
    """
    sources = [_source(draw, f"t{depth}{number}", depth) for number in range(draw(st.integers(1, 3)))]
    column = _names([found for _, columns in sources for found in columns], outer)
    around = [found for _, columns in sources for found in columns]
    listed = [f"{_expression(draw, column, depth, around)} as o{number}" for number in range(draw(st.integers(1, 3)))]
    if draw(st.integers(0, 4)) == 0:
        listed.append(draw(st.sampled_from(["*", f"t{depth}0.*"])))
    text = _joined(draw, [source for source, _ in sources])
    where = f" where {_condition(draw, column, depth, around)}" if depth and draw(st.booleans()) else ""
    order = f" order by {draw(st.one_of(column, st.just('o0')))}" if draw(st.integers(0, 3)) == 0 else ""
    return f"select {', '.join(listed)} from {text}{where}{order}"  # noqa: S608 # it is only read


def _names(own: Sequence[Column], outer: Sequence[Column]) -> st.SearchStrategy[str]:
    qualified = [f"{source}.{name}" for source, name in own]
    bare = sorted({name for _, name in own})
    others = [*(f"{source}.{name}" for source, name in outer), *(name for _, name in outer)]
    return st.sampled_from([*qualified, *qualified, *bare, *others])


def _source(draw: st.DrawFn, alias: str, depth: int) -> tuple[str, list[Column]]:
    if depth and draw(st.integers(0, 3)) == 0:
        return f"({draw(queries(depth=depth - 1))}) {alias}", [(alias, "o0")]
    table = draw(st.sampled_from(sorted(TABLES)))
    text = f"({table} {alias})" if draw(st.integers(0, 4)) == 0 else f"{table} {alias}"
    return text, [(alias, name) for name in TABLES[table]]


def _joined(draw: st.DrawFn, items: Sequence[str]) -> str:
    text = items[0]
    for item in items[1:]:
        forms = ["cross join {}", "left join {} on true", "join {} using (id)", "natural join {}"]
        text = f"{text} {draw(st.sampled_from(forms)).format(item)}"
        if draw(st.booleans()):
            text = f"({text})"
    return text


def _expression(draw: st.DrawFn, column: st.SearchStrategy[str], depth: int, around: Sequence[Column]) -> str:
    forms = ["{0}", "upper({0})", "{0} || {1}", "coalesce({0}, {1})", "case when {0} = {1} then {1} end", "1"]
    if depth and draw(st.integers(0, 4)) == 0:
        return f"(select max(o0) from ({draw(queries(depth=0, outer=around))}) s)"  # noqa: S608 # it is only read
    return draw(st.sampled_from(forms)).format(draw(column), draw(column))


def _condition(draw: st.DrawFn, column: st.SearchStrategy[str], depth: int, around: Sequence[Column]) -> str:
    kind = draw(st.sampled_from(["{} = {}", "{} in ({})", "exists ({})"]))
    if kind == "{} = {}":
        return kind.format(draw(column), draw(column))
    inner = draw(queries(depth=min(depth - 1, 1), outer=around))
    return kind.format(draw(column), inner) if "in" in kind else kind.format(inner)


Wrapper = Callable[[str], str]

WRAPPERS: dict[str, Wrapper] = {
    "a CTE": "with w_cte as ({}) select * from w_cte".format,
    "a CTE that is renamed": "with w_cte as ({}) select w_q.* from w_cte as w_q".format,
    "a derived table": "select * from ({}) as w_sub".format,
    "parentheses": "({})".format,
    "a derived table in parentheses": "select w_sub.* from (({}) as w_sub)".format,
    "a union with itself": lambda sql: f"({sql}) union all ({sql})",
    "a derived table with a limit": "select * from ({}) w_sub limit 10".format,
}
"""What turns a query into another one of the same lineage."""

STATEMENTS: dict[str, Wrapper] = {
    "a table": "create table out as {}".format,
    "a view": "create or replace view out as {}".format,
    "a table in parentheses": "create table out as ({})".format,
    "a text of two statements": "set x = 1; create table out as {}".format,
}
"""What turns a query into a statement that writes what the query returns."""
