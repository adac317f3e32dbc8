"""Column lineage of a corpus of statements, each with the lineage that it has by a careful reading."""

import pytest

from emitter.refine import SqlNotUnderstood, column_lineage
from emitter.refine.sql.relations import Tables
from emitter.refine.sql.statements.written_tables import tables_written
from tests.support.dbt.sql_corpus import DIALECTS, Statement, corpus, edges, read, score, shown

STATEMENTS = corpus()
EXACT = [statement for statement in STATEMENTS if not statement.known_gap]


@pytest.mark.parametrize("statement", EXACT, ids=lambda statement: statement.name)
def test_lineage_is_exact(statement: Statement) -> None:
    """Each statement has exactly the lineage that is written beside it, kinds and influences on all rows included."""
    assert shown(read(statement)) == statement.expected


def test_a_gap_is_no_phantom() -> None:
    """What is not exact lacks something, and the reason is written beside it; nothing is invented."""
    for statement in STATEMENTS:
        if statement.known_gap:
            found = shown(read(statement))
            assert found != statement.expected, f"{statement.name} is exact now: take the reason away"
            assert edges(found) <= edges(statement.expected), statement.name


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_nothing_is_invented(statement: Statement) -> None:
    """No origin is a table or a column that the schema does not have, and none is the target."""
    lineage = read(statement)
    for origin in {origin for origins in [*lineage.columns.values(), lineage.whole] for origin in origins}:
        assert origin.table in statement.schema, f"{origin.table} is no table of the schema"
        assert origin.table != statement.target, f"{origin} is of the target itself"
        columns = statement.schema[origin.table]
        assert columns is None or origin.column in columns, f"{origin.table} has no column {origin.column}"


@pytest.mark.parametrize("operator", ["or", "||", "+", "union all select a from dev.shop.t where b ="])
def test_long_chains(operator: str) -> None:
    """A key of five hundred parts, or as many parts of a union, is read without a deep stack."""
    sql = f" {operator} ".join(["select a from dev.shop.t where b = b", *["b"] * 500])
    lineage = column_lineage(sql, "redshift", {"dev.shop.t": ["a", "b"]})
    assert [tuple(origin)[1:] for origin in lineage.columns["a"]] == [("a", "DIRECT/IDENTITY")]
    assert [tuple(origin)[1:] for origin in lineage.whole] == [("b", "INDIRECT/FILTER")]


@pytest.mark.parametrize("sql", ["select from (", "grant select on t to u", "merge into t using s on a = b", ""])
def test_what_is_not_understood_says_so(sql: str) -> None:
    """One kind of error, with the table that it is about."""
    with pytest.raises(SqlNotUnderstood, match=r"^dev\.shop\.t: "):
        column_lineage(sql, "redshift", {}, "dev.shop.t")


@pytest.mark.parametrize(
    "sql", ["select from (", "selec a\nfrom t whre (", "select 'x\x1b[4m\x07' from (", "select a from t where ("]
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_messages_are_plain_text(sql: str, dialect: str) -> None:
    """No underlining for terminals, no line break and no token's attributes, in what both readers report."""
    for read_text in (
        lambda: column_lineage(sql, dialect, {}, "dev.shop.t"),
        lambda: tables_written(sql, dialect, Tables({})),
    ):
        with pytest.raises(SqlNotUnderstood) as caught:
            read_text()
        assert str(caught.value).isprintable()
        assert "Token" not in str(caught.value)


def test_the_corpus_is_large() -> None:
    """At least 300 statements, at least 120 of each engine, with names that differ."""
    assert len({statement.name for statement in STATEMENTS}) == len(STATEMENTS) >= 300
    for dialect in DIALECTS:
        assert sum(statement.dialect == dialect for statement in STATEMENTS) >= 120


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_reader_is_exact_on_nearly_all(dialect: str) -> None:
    """99 % of the statements are exact, and no edge is a phantom."""
    found = score(statement for statement in STATEMENTS if statement.dialect == dialect)
    assert found.phantom == 0
    assert found.exact >= 0.99 * found.statements
