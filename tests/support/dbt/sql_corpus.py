"""The corpus of statements, each with the lineage that it has by a careful reading, and how close the reader comes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from emitter.refine import ColumnLineage, SqlNotUnderstood, column_lineage

DATA = Path(__file__).parents[2] / "data" / "sql"
DIALECTS = ("athena", "redshift")
_INDIRECT = frozenset({"CONDITIONAL", "FILTER", "GROUP_BY", "JOIN", "SORT", "WINDOW"})
_SHORT = {
    "T": "TRANSFORMATION",
    "A": "AGGREGATION",
    "C": "CONDITIONAL",
    "F": "FILTER",
    "G": "GROUP_BY",
    "J": "JOIN",
    "S": "SORT",
    "W": "WINDOW",
}

Edge = tuple[str, str, str, str]
"""A column, or `*` for all rows, then table, column and kind of an origin."""


@dataclass(frozen=True, eq=False)
class Statement:
    """One statement of the corpus.

    Attributes:
        name: the file's name and what the statement shows.
        dialect: sqlglot's.
        sql: its text.
        target: the table that it writes, if it matters.
        schema: columns by table.
        expected: what `shown` has to return.
        valid: False for a statement that its engine would refuse, if the schemas were those of the run.
        known_gap: why the reader does not get it right; "" where it has to.
    """

    name: str
    dialect: str
    sql: str
    target: str | None
    schema: Mapping[str, list[str] | None]
    expected: Mapping[str, Any]
    valid: bool
    known_gap: str


class Score(NamedTuple):
    """How close the reader comes in one dialect.

    Attributes:
        statements: how many there are.
        exact: how many have exactly the expected lineage.
        edges: how many edges are expected.
        missing: how many of them are not found.
        phantom: how many are found and not expected.
    """

    statements: int
    exact: int
    edges: int
    missing: int
    phantom: int


@cache
def corpus() -> tuple[Statement, ...]:
    """Returns all statements, in the order of the files' names."""
    return tuple(_statements())


def _statements() -> Iterator[Statement]:
    schemas = {dialect: _parsed(DATA / "schema" / f"{dialect}.yaml") for dialect in DIALECTS}
    for path in sorted((DATA / "corpus").glob("*.yaml")):
        document = _parsed(path)
        defaults = schemas[document["dialect"]]
        shared = document if "schema" in document else defaults | document
        for entry in document["statements"]:
            yield _statement(path.stem, shared, entry)


def _parsed(path: Path) -> dict[str, Any]:
    # PyYAML's parser in C where it was built with it: ten times as fast.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return dict(yaml.load(path.read_text("utf-8"), Loader=loader))  # noqa: S506 -- both loaders are safe


def _statement(place: str, shared: Mapping[str, Any], entry: Mapping[str, Any]) -> Statement:
    tables = shared["schema"] | entry.get("schema", {})
    schema = {_full(shared["prefix"], table): columns for table, columns in tables.items()}
    return Statement(
        f"{place}: {entry['name']}",
        shared["dialect"],
        entry["sql"],
        entry.get("target", shared.get("target")),
        schema,
        _expected(entry, schema),
        entry.get("valid", True),
        entry.get("known_gap", ""),
    )


def _full(prefix: str, table: str) -> str:
    return table if "." in table else f"{prefix}.{table}"


def _expected(entry: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    names = {table.rpartition(".")[2]: table for table in schema}
    masked = {name: [text for text in found if text.endswith("!")] for name, found in entry["columns"].items()}
    return {
        "columns": {name: _origins(found, names) for name, found in entry["columns"].items()},
        "whole": _origins(entry.get("whole", []), names),
        "masked": {name: _origins(found, names) for name, found in masked.items() if found},
        "complete": entry.get("complete", True),
        "unresolved": sorted(entry.get("unresolved", [])),
    }


def _origins(written: list[str], names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Reads origins as they are written: `table.column`, a kind unless it is identity, `!` if it is obfuscated."""
    found = []
    for text in written:
        place, _, kind = text.removesuffix("!").partition(" ")
        table, _, column = place.partition(".")
        subtype = _SHORT.get(kind, kind) or "IDENTITY"
        found.append((names[table], column, f"{'INDIRECT' if subtype in _INDIRECT else 'DIRECT'}/{subtype}"))
    return sorted(found)


def shown(lineage: ColumnLineage) -> dict[str, Any]:
    """Returns a lineage in the form of the expected one."""
    return {
        "columns": {name: list(map(tuple, origins)) for name, origins in lineage.columns.items()},
        "whole": list(map(tuple, lineage.whole)),
        "masked": {name: list(map(tuple, origins)) for name, origins in lineage.masked.items()},
        "complete": lineage.complete,
        "unresolved": sorted(lineage.unresolved),
    }


@cache
def read(statement: Statement) -> ColumnLineage:
    """Returns the lineage that is computed; once for each statement, since it depends on nothing else."""
    return column_lineage(statement.sql, statement.dialect, statement.schema, statement.target)


def edges(result: Mapping[str, Any]) -> set[Edge]:
    """Returns the edges of an expected lineage, or of a computed one in the same form."""
    columns = {**result["columns"], "*": result["whole"]}
    return {(name, *origin) for name, origins in columns.items() for origin in origins}


def score(statements: Iterable[Statement]) -> Score:
    """Reads statements and compares each with what it should be."""
    total = Score(0, 0, 0, 0, 0)
    for statement in statements:
        try:
            found = shown(read(statement))
        except SqlNotUnderstood:
            found = {"columns": {}, "whole": []}
        wanted, got = edges(statement.expected), edges(found)
        one = (1, found == statement.expected, len(wanted), len(wanted - got), len(got - wanted))
        total = Score(*map(sum, zip(total, one, strict=True)))
    return total
