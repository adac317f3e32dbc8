"""Resolution of names at one place of a statement."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from emitter.refine.sql.origins import NONE, TRANSFORMATION, Origins, derive
from emitter.refine.sql.relations import (
    NO_DATA,
    UNKNOWN,
    Column,
    Columns,
    Relation,
    Shape,
    Tables,
    base,
    completed,
)
from schemas import system_tables

# Where a select list may use the aliases to its left.
_LATERAL_ALIASES = frozenset({"clickhouse", "databricks", "duckdb", "redshift", "snowflake", "spark"})
# Where GROUP BY and HAVING see the columns of FROM alone.
_ALIASES_IN_ORDER_ALONE = frozenset({"athena", "presto", "trino"})
_FOLDING = frozenset({"athena", "presto", "redshift", "trino"})
# What looks like a column where a dialect takes it without parentheses, or is one that no schema lists.
_NO_COLUMNS = frozenset(
    {"current_user", "user", "session_user", "current_schema", "current_catalog", "sysdate", "oid", "ctid", "default"}
)
_NO_COLUMNS_OF_TRINO = frozenset({"current_user", "current_schema", "current_catalog"})
# What CONNECT BY adds to each row.
_OF_A_HIERARCHY = frozenset({"level", "connect_by_isleaf", "connect_by_iscycle"})

AliasRule = Literal["left", "first", "last"]


class Source(NamedTuple):
    """A name in FROM that columns can be qualified with.

    Attributes:
        names: what it can be called: its alias alone, or the parts of its name.
        relation: what it is.
        part: the part of the rows that it gives its columns to.
    """

    names: tuple[str, ...]
    relation: Relation
    part: "Part"

    @property
    def value(self) -> Column | None:
        """The element of an array that the source is, whose fields are qualified with the source's own name."""
        if self.relation.element is None or len(self.relation.columns) != 1:
            return None
        found = self.relation.columns[0]
        return found if self.names == (found.name,) else None

    def is_called(self, names: Sequence[str]) -> bool:
        """True if a qualifier means this source."""
        return bool(self.names) and self.names[-len(names) :] == tuple(names)


@dataclass
class Part:
    """A part of the rows that FROM makes: a table's, a subquery's, or those of a join in parentheses.

    Attributes:
        relation: its columns.
        hidden: names that JOIN USING has merged with another part's.
        ambiguous: names that several of its columns have.
    """

    relation: Relation
    hidden: set[str] = field(default_factory=set)
    ambiguous: frozenset[str] = frozenset()

    def known(self, name: str) -> Origins | None:
        """Returns the origins of a column that is known to be here."""
        return None if name in self.hidden else self.relation.by_name.get(name)

    def may_hold(self, name: str) -> bool:
        """True if a name that is not known may still be a column of it."""
        return name not in self.hidden and self.relation.may_hold(name)


class Query(Protocol):
    """Turns a query into the relation that it returns."""

    def __call__(self, node: Any, outer: "Scope") -> Relation:
        """Reads a query at a place of which it may use the names."""


class PartOf(Protocol):
    """Finds what a part of a constructed value is made from."""

    def __call__(self, node: Any, scope: "Scope") -> Column | None:
        """Reads `value.field` or `value[key]`; None where the part is not known."""


@dataclass
class Context:
    """The context that is the same throughout a statement.

    Attributes:
        dialect: sqlglot's name of the dialect.
        tables: what can be read.
        target: the table that the statement is for.
        query: reads a query that stands inside an expression.
        part_of: reads a part of a constructed value.
        text: the statement, or the statements that it is one of.
        accept_undeclared: True if a table that is not in `tables` is still an origin, where its name is complete.
        constructs: True once the statement has constructed a value with parts.
        made: what earlier statements of the same text have made, by the parts of a name.
        target_columns: the columns of the target, in order, if an earlier statement of the same text has made it.
        used: the tables that were read.
        undeclared: the tables that were read by a complete name and are not in `tables`.
        asked: every name that was looked up, with the table that was found.
        unresolved: names that can't be resolved.
    """

    dialect: str
    tables: Tables
    target: str | None
    query: Query
    part_of: PartOf
    text: str = ""
    accept_undeclared: bool = False
    constructs: bool = False
    made: dict[tuple[str, ...], Relation] = field(default_factory=dict)
    target_columns: tuple[str, ...] | None = None
    used: dict[str, None] = field(default_factory=dict)
    undeclared: dict[str, None] = field(default_factory=dict)
    asked: dict[tuple[str, ...], str | None] = field(default_factory=dict)
    unresolved: dict[str, None] = field(default_factory=dict)

    def fold(self, name: str) -> str:
        """Returns a column's name as the engine stores it."""
        return name.lower() if self.dialect in _FOLDING else name

    def read(self, spelled: Sequence[str]) -> Relation:
        """Returns the relation of a table by the parts of its name, as the statement spells them."""
        parts = tuple(part.lower() for part in spelled)
        if (made := self.made_as(parts)) is not None:
            return made
        table = self.asked[parts] = self.tables.find(parts, self.target)
        if table is not None:
            self.used[table] = None
            return self.tables.relation(table)
        if system_tables.is_spelled(self.dialect, parts):
            return NO_DATA
        name = self.tables.undeclared([self.fold(part) for part in spelled])
        if name is not None:
            self.undeclared[name] = None
        if name is None or not self.accept_undeclared:
            self.unresolved[".".join(parts)] = None
            return UNKNOWN
        return base(name, Columns())

    def renamed(self, relation: Relation, names: Sequence[str]) -> Relation:
        """Returns a relation under a list of names, and counts the names that can't be resolved."""
        for name in names[len(relation.placed) :] if not relation.complete else ():
            self.unresolved[name] = None
        return relation.renamed(names)

    def is_target(self, name: tuple[str, ...]) -> bool:
        """Returns True if a table is the one that the text is for, or if rows are returned."""
        table = self.tables.find(name, self.target) if name else self.target
        return table == self.target or ".".join(name) == (self.target or "").lower()

    def made_name(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Returns the name under which an earlier statement has made a table, for any number of its parts."""
        made = self.made_as(parts)
        return next((name for name, relation in self.made.items() if relation is made), parts)

    def made_as(self, parts: tuple[str, ...]) -> Relation | None:
        """Returns the relation that an earlier statement has made under a name, with any number of its parts."""
        if not self.made or parts in self.made:
            return self.made.get(parts)
        wanted = completed(parts, self.target)
        names = {completed(name, self.target): name for name in self.made}
        # Without a target, a shorter name is the end of the longer one.
        ends = [name for full, name in names.items() if full[-len(wanted) :] == wanted[-len(full) :]]
        return self.made[ends[0]] if len(ends) == 1 and len(wanted) > 1 else self.made.get(names.get(wanted, ()))


@dataclass
class Scope:
    """The names at one place, and through `outer` those around it.

    Attributes:
        context: what is the same all over the statement.
        ctes: relations by the name that WITH gives them.
        outer: the place around this one, whose columns a subquery may use.
        sources: the names in FROM so far.
        parts: the parts of FROM's rows so far, which names without a qualifier go by.
        merged: columns of JOIN USING by name; None if the origins are unknown.
        aliases: the select list's names so far.
        alias_rule: where aliases stand: to the left in a select list (`left`), before columns (`first`), or after
            them (`last`).
        certain: aliases that are meant even where an unknown table may have a column of their name.
        windows: named windows.
        proved: columns of unknown tables that the statement has used, so that they are there if it is valid.
        inside: True where a name can't be that of an enclosing query, as in an aggregate's argument.
        hierarchical: True in a query with CONNECT BY.
    """

    context: Context
    ctes: Mapping[str, Relation] = field(default_factory=dict)
    outer: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    merged: dict[str, Origins | None] = field(default_factory=dict)
    aliases: dict[str, Origins] = field(default_factory=dict)
    alias_rule: AliasRule = "left"
    certain: Container[str] = ()
    windows: Mapping[str, Any] = field(default_factory=dict)
    proved: set[str] = field(default_factory=set)
    inside: bool = False
    hierarchical: bool = False

    def add(self, names: tuple[str, ...], relation: Relation) -> None:
        """Adds what stands in FROM under some names."""
        part = Part(relation)
        self.parts.append(part)
        self.sources.append(Source(names, relation, part))

    def resolve(self, path: Sequence[str], *, quoted: bool = False) -> Origins:
        """Returns the origins of a column by its path: an optional qualifier, its name, and fields within its value.

        Args:
            path: the parts of the name in lower case.
            quoted: True if the first part is quoted, so that it is no function without parentheses.
        """
        found = self.find(path, quoted=quoted)
        if found is None:
            self.context.unresolved[".".join(path)] = None
            return NONE
        return found

    def find(self, path: Sequence[str], *, quoted: bool = False) -> Origins | None:
        """Returns the same; None if a name can't be resolved."""
        return self._unqualified(path[0], quoted=quoted) if len(path) == 1 else self._qualified(path)

    def shape(self, path: Sequence[str]) -> Shape | None:
        """Returns the parts of a column's value, if this statement has constructed it."""
        for place in self.around():
            for cut in range(len(path)):
                for relation in place._relations(path[:cut]):  # noqa: SLF001 # of its own kind
                    if (found := relation.shapes.get(path[cut])) is not None:
                        return _shape_within(found, path[cut + 1 :])
        return None

    def around(self) -> "Iterator[Scope]":
        """Yields this place and those around it, from within."""
        place: Scope | None = self
        while place is not None:
            yield place
            place = place.outer

    def source(self, names: Sequence[str]) -> Source | None:
        """Returns the source that a qualifier means."""
        return next((found for place in self.around() if (found := place.named(names)) is not None), None)

    def named(self, names: Sequence[str]) -> Source | None:
        """Returns the source that a qualifier means at this very place."""
        for source in self.sources:
            if source.is_called(names):
                return source
        return None

    def _relations(self, names: Sequence[str]) -> "Iterator[Relation]":
        if names:
            source = self.named(names)
            yield from () if source is None else (source.relation,)
        else:
            yield from (part.relation for part in self.parts)

    def _qualified(self, path: Sequence[str]) -> Origins | None:
        """Returns the innermost place that has the first name decides, be it a table there or a column with fields."""
        hidden = False
        for place in self.around():
            is_table = False
            for cut in range(1, len(path)):
                if (source := place.named(path[:cut])) is None:
                    continue
                is_table = True
                if hidden and path[cut] not in source.relation.by_name:
                    # The name may also be that of a column within, of a table that is not known.
                    return None
                if (found := place._column_of(source, path[cut], path[cut + 1 :])) is not None:  # noqa: SLF001
                    return found
            if (found := place._field(path)) is not None or is_table:  # noqa: SLF001 # of its own kind
                return found
            hidden = hidden or any(part.may_hold(path[0]) for part in place.parts)
        found = self._unqualified(path[0])
        return None if found is None else derive(TRANSFORMATION, found)

    def _column_of(self, source: Source, name: str, fields: Sequence[str]) -> Origins | None:
        relation = source.relation
        if relation.element is not None and (value := source.value) is not None and name != value.name:
            return _origins_within(relation, value.name, value.origins, (name, *fields))
        found = relation.get(name)
        if found is None:
            return None
        if not relation.complete:
            self.proved.add(name)
        return _origins_within(relation, name, found, fields)

    def _field(self, path: Sequence[str]) -> Origins | None:
        """Returns a field within a column that is known at this place."""
        name, *fields = path
        known = self._known(name)
        if len(known) != 1 or known[0] is None:
            return None
        relation = next((part.relation for part in self.parts if part.known(name) is not None), None)
        if relation is None:
            return derive(TRANSFORMATION, known[0])
        return _origins_within(relation, name, known[0], fields)

    def _unqualified(self, name: str, *, quoted: bool = False) -> Origins | None:
        if self.hierarchical and name in _OF_A_HIERARCHY:
            return NONE
        if self.alias_rule == "first" and (alias := self.aliases.get(name)) is not None:
            return alias
        if known := self._known(name):
            # A valid statement names a column that one source has; two mean that the schemas aren't those of the run.
            return known[0] if len(known) == 1 else None
        if self._is_no_column(name, quoted=quoted):
            return NONE
        return self._unknown(name)

    def _unknown(self, name: str) -> Origins | None:
        """A name that is no known column: an alias, a column of a table that is not known, or of an enclosing query.

        If two of these are possible, the result is unknown: an engine that knows the table may choose either.
        """
        holders = [part for part in self.parts if part.may_hold(name)]
        alias = self._alias(name)
        if alias is not None and (not holders or name in self.certain):
            return alias
        if not holders:
            return self.outer._unqualified(name) if self.outer is not None else None  # noqa: SLF001 # of its own kind
        if len(holders) > 1:
            return None
        if name not in self.proved and (alias is not None or self._may_be_of_outer(name)):
            return None
        self.proved.add(name)
        return holders[0].relation.get(name)

    def _may_be_of_outer(self, name: str) -> bool:
        if self.inside or self.outer is None:
            return False
        return any(place._may_have(name) for place in self.outer.around())  # noqa: SLF001 # of its own kind

    def _may_have(self, name: str) -> bool:
        """Returns True if a name may be a column or an alias of this place."""
        if name in self.merged or self._alias(name) is not None:
            return True
        return any(part.known(name) is not None or part.may_hold(name) for part in self.parts)

    def _is_no_column(self, name: str, *, quoted: bool) -> bool:
        if name.startswith("$"):
            return True
        names = _NO_COLUMNS_OF_TRINO if self.context.dialect in _ALIASES_IN_ORDER_ALONE else _NO_COLUMNS
        return not quoted and name in names

    def _known(self, name: str) -> list[Origins | None]:
        if any(name in part.ambiguous for part in self.parts):
            return [None]
        merged = [self.merged[name]] if name in self.merged else []
        return merged + [found for part in self.parts if (found := part.known(name)) is not None]

    def _alias(self, name: str) -> Origins | None:
        dialect = self.context.dialect
        allowed = dialect in _LATERAL_ALIASES if self.alias_rule == "left" else dialect not in _ALIASES_IN_ORDER_ALONE
        return self.aliases.get(name) if allowed else None


def _shape_within(shape: Shape | None, fields: Sequence[str]) -> Shape | None:
    for name in fields:
        column = None if shape is None else shape.field(name)
        shape = None if column is None else column.shape
    return shape


def _origins_within(relation: Relation, name: str, found: Origins, fields: Sequence[str]) -> Origins:
    """The origins of a field within a column's value; those of the whole value where its parts are not known."""
    if not fields:
        return found
    shape = relation.shapes.get(name)
    for field_name in fields:
        column = None if shape is None else shape.field(field_name)
        if column is None:
            break
        found, shape = column.origins, column.shape
    return derive(TRANSFORMATION, found)
