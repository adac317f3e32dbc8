"""Which names mean what at one place of a statement."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from emitter.refine.origins import NONE, TRANSFORMATION, Origins, through
from emitter.refine.relations import Relation, Tables

# Where a select list may use the aliases to its left.
_LATERAL_ALIASES = frozenset({"clickhouse", "databricks", "duckdb", "redshift", "snowflake", "spark"})
_FOLDING = frozenset({"athena", "presto", "redshift", "trino"})
# What looks like a column where a dialect takes it without parentheses, or is one that no schema lists.
_NO_COLUMNS = frozenset(
    {"current_user", "user", "session_user", "current_schema", "current_catalog", "sysdate", "oid", "ctid"}
)

AliasRule = Literal["left", "first", "last"]


class Source(NamedTuple):
    """One item of a FROM clause.

    Attributes:
        names: what it can be called: its alias alone, or the parts of its name.
        relation: what it is.
    """

    names: tuple[str, ...]
    relation: Relation

    def is_called(self, names: Sequence[str]) -> bool:
        """Whether a qualifier means this source."""
        return bool(self.names) and self.names[-len(names) :] == tuple(names)


class Query(Protocol):
    """Turns a query into the relation that it returns."""

    def __call__(self, node: Any, outer: "Scope") -> Relation:
        """Reads a query at a place of which it may use the names."""


@dataclass
class Context:
    """What is the same all over a statement.

    Attributes:
        dialect: sqlglot's name of the dialect.
        tables: what can be read.
        target: the table that the statement is for.
        query: reads a query that stands inside an expression.
        used: the tables that were read.
        asked: every name that was looked up, with the table that was found.
        unresolved: names that stand for something, but it can't be told what.
    """

    dialect: str
    tables: Tables
    target: str | None
    query: Query
    used: dict[str, None] = field(default_factory=dict)
    asked: dict[tuple[str, ...], str | None] = field(default_factory=dict)
    unresolved: dict[str, None] = field(default_factory=dict)

    def fold(self, name: str) -> str:
        """A column's name as the engine stores it."""
        return name.lower() if self.dialect in _FOLDING else name


@dataclass
class Scope:
    """The names at one place, and through `outer` those around it.

    Attributes:
        context: what is the same all over the statement.
        ctes: relations by the name that WITH gives them.
        outer: the place around this one, whose columns a subquery may use.
        sources: what stands in FROM so far.
        merged: columns of JOIN USING by name.
        aliases: the select list's names so far.
        alias_rule: whether an alias is used only from its left (`left`), or before (`first`) or after (`last`) columns.
        windows: named windows.
    """

    context: Context
    ctes: Mapping[str, Relation] = field(default_factory=dict)
    outer: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Origins] = field(default_factory=dict)
    aliases: dict[str, Origins] = field(default_factory=dict)
    alias_rule: AliasRule = "left"
    windows: Mapping[str, Any] = field(default_factory=dict)

    def resolve(self, path: Sequence[str]) -> Origins:
        """The origins of a column by its path: an optional qualifier, its name, and fields within its value."""
        found = self._unqualified(path[0]) if len(path) == 1 else self._qualified(path)
        if found is None:
            self.context.unresolved[".".join(path)] = None
            return NONE
        return found

    def around(self) -> "Iterator[Scope]":
        """This place and those around it, from within."""
        place: Scope | None = self
        while place is not None:
            yield place
            place = place.outer

    def source(self, names: Sequence[str]) -> Source | None:
        """The source that a qualifier means."""
        for place in self.around():
            for source in place.sources:
                if source.is_called(names):
                    return source
        return None

    def _qualified(self, path: Sequence[str]) -> Origins | None:
        for cut in range(1, len(path)):
            if (source := self.source(path[:cut])) is not None:
                found = source.relation.get(path[cut])
                deep = len(path) > cut + 1
                return through(TRANSFORMATION, found) if found is not None and deep else found
        found = self._unqualified(path[0])
        return None if found is None else through(TRANSFORMATION, found)

    def _unqualified(self, name: str) -> Origins | None:
        if self.alias_rule == "first" and (alias := self.aliases.get(name)) is not None:
            return alias
        known = self._known(name) or self._alias(name)
        if known:
            # A valid statement names a column that one source has; two mean that the schemas aren't those of the run.
            return known[0] if len(known) == 1 else None
        if name in _NO_COLUMNS or name.startswith("$"):
            return NONE
        holders = [source.relation for source in self.sources if source.relation.may_hold(name)]
        if holders:
            return holders[0].get(name) if len(holders) == 1 else None
        return self.outer._unqualified(name) if self.outer is not None else None  # noqa: SLF001 # of its own kind

    def _known(self, name: str) -> list[Origins]:
        if name in self.merged:
            return [self.merged[name]]
        return [found for source in self.sources if (found := source.relation.by_name.get(name)) is not None]

    def _alias(self, name: str) -> list[Origins]:
        allowed = self.alias_rule != "left" or self.context.dialect in _LATERAL_ALIASES
        return [self.aliases[name]] if allowed and name in self.aliases else []
