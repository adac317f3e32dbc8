"""Laws of column lineage that need no expected results: wrapping keeps it, and hiding schemas invents nothing."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, product

import pytest
import sqlglot
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from emitter.refine import ColumnLineage, Columns, column_lineage
from tests.support.dbt.random_sql import (
    STATEMENTS,
    TABLES,
    WRAPPERS,
    Wrapper,
    prefix,
    queries,
    schema,
)
from tests.support.dbt.sql_corpus import Statement, corpus, edges, read, shown

CORPUS = corpus()
VALID = [statement for statement in CORPUS if statement.valid]
LAW = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
# Athena's engine refuses NATURAL JOIN.
any_query = st.one_of(
    st.tuples(st.just("redshift"), queries()),
    st.tuples(st.just("athena"), queries().map(lambda sql: sql.replace("natural join", "cross join"))),
)
wrappers = st.lists(st.sampled_from([*WRAPPERS.values()]), max_size=3)


def is_query(statement: Statement) -> bool:
    """Returns True if a statement is one query, so that it can stand within another one."""
    try:
        parsed = sqlglot.parse(statement.sql, dialect=statement.dialect)
    except sqlglot.ParseError:
        return False
    only = parsed[0] if len(parsed) == 1 else None
    return isinstance(only, exp.Query) and only.args.get("into") is None


@cache
def corpus_queries() -> list[tuple[Statement, ColumnLineage]]:
    """Returns the queries of the corpus with their lineage, which each law compares with."""
    return [(statement, read(statement)) for statement in CORPUS if is_query(statement)]


def essence(lineage: ColumnLineage) -> tuple[Mapping[str, object], Sequence[object], bool]:
    """Returns what a wrapped statement has to keep."""
    found = shown(lineage)
    return found["columns"], found["whole"], found["complete"]


def wrapped(statement: Statement, wrap: Wrapper) -> ColumnLineage:
    """Returns the lineage of a wrapped statement."""
    return column_lineage(wrap(statement.sql.strip()), statement.dialect, statement.schema, statement.target)


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapped_query_keeps_its_lineage(name: str) -> None:
    """Every query of the corpus, within each wrapper."""
    for statement, before in corpus_queries():
        assert essence(wrapped(statement, WRAPPERS[name])) == essence(before), statement.name


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_writes_what_its_query_returns(name: str) -> None:
    """Every query of the corpus, written into a table or a view."""
    for statement, before in corpus_queries():
        assert essence(wrapped(statement, STATEMENTS[name])) == essence(before), statement.name


def test_an_insert_writes_what_its_query_returns() -> None:
    """Every query of the corpus whose columns are all known and named, under the same names in a list."""
    for statement, before in corpus_queries():
        names = list(before.columns)
        parsed = sqlglot.parse_one(statement.sql, dialect=statement.dialect)
        items = parsed.selects if isinstance(parsed, exp.Query) else []
        if before.complete and names and not any(item.is_star for item in items) and len(items) == len(names):
            into = "insert into out ({}) ".format(", ".join(f'"{name}"' for name in names))
            assert essence(wrapped(statement, (into + "{}").format)) == essence(before), statement.name


@LAW
@given(any_query, wrappers, st.sampled_from([*STATEMENTS.values()]))
def test_any_query_may_be_wrapped(query: tuple[str, str], around: list[Wrapper], statement: Wrapper) -> None:
    """A query made at random keeps its lineage within several wrappers at once."""
    dialect, sql = query
    target = f"{prefix(dialect)}.out"
    before = column_lineage(sql, dialect, schema(dialect), target)
    assume(before.exact)
    text = sql
    for wrap in around:
        text = wrap(text)
    for whole in (text, statement(text)):
        assert essence(column_lineage(whole, dialect, schema(dialect), target)) == essence(before), whole


@pytest.mark.parametrize("statement", VALID, ids=lambda statement: statement.name)
def test_hiding_schemas_invents_nothing(statement: Statement) -> None:
    """With the columns of any tables unknown, or one of them documented, no edge is new."""
    before = read(statement)
    full = edges(shown(before))
    for hidden, documented in product(some_of(statement, before), (0, 1)):
        less = hide(statement.schema, hidden, documented)
        found = column_lineage(statement.sql, statement.dialect, less, statement.target)
        assert edges(shown(found)) <= full, f"{hidden} with {documented} of their columns"


def some_of(statement: Statement, lineage: ColumnLineage) -> Iterator[tuple[str, ...]]:
    """Yields all combinations of the tables that a statement reads and whose columns are known."""
    known = [table for table in lineage.tables if statement.schema[table] is not None]
    for count in range(1, len(known) + 1):
        yield from combinations(known, count)


def hide(
    tables: Mapping[str, list[str] | None], hidden: Sequence[str], documented: int = 0
) -> dict[str, list[str] | Columns | None]:
    """Returns a schema in which of some tables only the first columns are known."""
    less: dict[str, list[str] | Columns | None] = dict(tables)
    for table in hidden:
        less[table] = Columns(tuple((tables[table] or [])[:documented]))
    return less


@LAW
@given(any_query, st.sets(st.sampled_from(sorted(TABLES)), min_size=1), st.integers(0, 2))
def test_hiding_schemas_of_any_query_invents_nothing(query: tuple[str, str], hidden: set[str], documented: int) -> None:
    """A query made at random, which is valid where all columns are known."""
    dialect, sql = query
    tables, target = schema(dialect), f"{prefix(dialect)}.out"
    before = column_lineage(sql, dialect, tables, target)
    assume(before.exact)
    less = hide(tables, [f"{prefix(dialect)}.{table}" for table in sorted(hidden)], documented)
    found = column_lineage(sql, dialect, less, target)
    assert edges(shown(found)) <= edges(shown(before)), f"{sql} without the columns of {hidden}"
