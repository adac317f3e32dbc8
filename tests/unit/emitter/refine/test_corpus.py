"""Column lineage of a corpus of statements, each with the lineage that it has by a careful reading."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from emitter.refine import ColumnLineage, SqlNotUnderstood, column_lineage

CORPUS = Path(__file__).parents[3] / "data" / "sql" / "corpus"
FILES = sorted(CORPUS.glob("*.yaml"))
INDIRECT = frozenset({"CONDITIONAL", "FILTER", "GROUP_BY", "JOIN", "SORT", "WINDOW"})


@dataclass(frozen=True)
class Statement:
    """One statement of the corpus.

    Attributes:
        name: what it shows.
        dialect: sqlglot's.
        sql: its text.
        target: the table that it writes, if it matters.
        schema: columns by table.
        expected: what `shown` has to give.
    """

    name: str
    dialect: str
    sql: str
    target: str | None
    schema: Mapping[str, list[str] | None]
    expected: Mapping[str, Any]


def corpus() -> Iterator[Statement]:
    """All statements."""
    for path in FILES:
        document = yaml.safe_load(path.read_text("utf-8"))
        for entry in document["statements"]:
            tables = document["schema"] | entry.get("schema", {})
            schema = {_full(document["prefix"], table): columns for table, columns in tables.items()}
            yield Statement(
                f"{path.stem}: {entry['name']}",
                document["dialect"],
                entry["sql"],
                entry.get("target"),
                schema,
                _expected(entry, schema),
            )


def _full(prefix: str, table: str) -> str:
    return table if "." in table else f"{prefix}.{table}"


def _expected(entry: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    names = {table.rpartition(".")[2]: table for table in schema}
    return {
        "columns": {name: _origins(found, names) for name, found in entry["columns"].items()},
        "whole": _origins(entry.get("whole", []), names),
        "complete": entry.get("complete", True),
        "unresolved": sorted(entry.get("unresolved", [])),
    }


def _origins(written: list[str], names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    found = []
    for text in written:
        place, _, kind = text.partition(" ")
        table, _, column = place.partition(".")
        subtype = kind or "IDENTITY"
        found.append((names[table], column, f"{'INDIRECT' if subtype in INDIRECT else 'DIRECT'}/{subtype}"))
    return sorted(found)


def shown(lineage: ColumnLineage) -> dict[str, Any]:
    """A lineage in the form of the expected one."""
    return {
        "columns": {name: [tuple(origin) for origin in origins] for name, origins in lineage.columns.items()},
        "whole": [tuple(origin) for origin in lineage.whole],
        "complete": lineage.complete,
        "unresolved": sorted(lineage.unresolved),
    }


def read(statement: Statement) -> ColumnLineage:
    """The lineage that is computed."""
    return column_lineage(statement.sql, statement.dialect, statement.schema, statement.target)


STATEMENTS = list(corpus())


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_lineage_is_exact(statement: Statement) -> None:
    """Each statement has exactly the lineage that is written beside it, kinds and influences on all rows included."""
    assert shown(read(statement)) == statement.expected


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


def test_the_corpus_is_large() -> None:
    """At least 60 statements of both engines, with names that differ."""
    assert len({statement.name for statement in STATEMENTS}) == len(STATEMENTS) >= 60
    assert {statement.dialect for statement in STATEMENTS} == {"athena", "redshift"}
