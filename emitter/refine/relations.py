"""A relation inside a statement: its columns as far as they are known, and what each is made from."""

from collections import ChainMap
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from emitter.refine.origins import IDENTITY, NONE, TRANSFORMATION, Origin, Origins, through


class Columns(NamedTuple):
    """What is known of a table's columns.

    Attributes:
        names: those that are known, in order.
        complete: whether there are no others.
    """

    names: tuple[str, ...] = ()
    complete: bool = False


class Column(NamedTuple):
    """A column of a relation; without a name it can only be found by its position."""

    name: str
    origins: Origins


@dataclass(frozen=True)
class Relation:
    """What stands in a FROM clause, or what a query returns.

    Attributes:
        columns: the columns that are known, in order.
        more: tables that hand on columns whose names are not known; `""` stands for something that isn't a table.
        without: names that `more` does not hand on.
        whole: what decides on the rows as a whole: filters, joins, groups, order.
        element: what an array's elements are made from, where any field may be asked for.
        loose: whether a field of an element may be named without the element.
    """

    columns: tuple[Column, ...] = ()
    more: tuple[str, ...] = ()
    without: frozenset[str] = field(default=frozenset())
    whole: Origins = NONE
    element: Origins | None = None
    loose: bool = False

    @cached_property
    def by_name(self) -> Mapping[str, Origins]:
        """The known columns' origins by name in lower case; the first of equal names."""
        return {column.name.lower(): column.origins for column in reversed(self.columns) if column.name}

    @property
    def complete(self) -> bool:
        """Whether all columns are known."""
        return not self.more and not self.loose

    def may_hold(self, name: str) -> bool:
        """Whether a name that is not among the known columns can still be one."""
        return (bool(self.more) and name not in self.without) or self.loose

    def get(self, name: str) -> Origins | None:
        """The origins of a column that this relation has if the statement is valid; None when it can't be told."""
        if (found := self.by_name.get(name)) is not None:
            return found
        if self.element is not None:
            return through(TRANSFORMATION, self.element)
        if len(self.more) == 1 and self.more[0] and name not in self.without:
            return frozenset({Origin(self.more[0], name, IDENTITY)})
        return None

    def renamed(self, names: Sequence[str]) -> "Relation":
        """The relation under an alias's column list, which may be shorter than the relation."""
        if not names:
            return self
        if len(self.columns) < len(names) and self.more:
            # What the first names stand for is not known, so nothing can be said of any.
            return Relation(tuple(Column(name, NONE) for name in names), ("",), whole=self.whole)
        given = tuple(Column(name, column.origins) for name, column in zip(names, self.columns, strict=False))
        return replace(self, columns=given + self.columns[len(names) :])


NOTHING = Relation()
UNKNOWN = Relation(more=("",))


def base(table: str, columns: Columns) -> Relation:
    """A table of the schema."""
    known = tuple(Column(name, frozenset({Origin(table, name, IDENTITY)})) for name in columns.names)
    return Relation(known, () if columns.complete else (table,))


class Tables:
    """The tables that a statement may read, found by as much of their name as the statement gives.

    Args:
        schema: columns by table, its name as parts joined by dots.
    """

    def __init__(self, schema: MutableMapping[str, Columns]) -> None:
        self._schema = schema
        self._by_parts = {tuple(name.lower().split(".")): name for name in schema}

    def seen_with(self, columns: Mapping[str, Columns]) -> "Tables":
        """The same tables, where more is known of some, and some are added."""
        other = copy(self)
        other._schema = ChainMap(dict(columns), self._schema)  # noqa: SLF001 # its own
        if added := {tuple(name.lower().split(".")): name for name in columns if name not in self._schema}:
            other._by_parts = {**self._by_parts, **added}  # noqa: SLF001 # its own
        return other

    def find(self, parts: Sequence[str], target: str | None) -> str | None:
        """The table that some parts name, or None; what is left out is the target's."""
        wanted = tuple(part.lower() for part in parts)
        if wanted in self._by_parts:
            return self._by_parts[wanted]
        if target is not None:
            default = tuple(target.lower().split("."))
            completed = (*default[: len(default) - len(wanted)], *wanted)
            return target if completed == default else self._by_parts.get(completed)
        ends = [name for parts, name in self._by_parts.items() if parts[-len(wanted) :] == wanted]
        return ends[0] if len(ends) == 1 else None

    def columns(self, table: str) -> Columns:
        """What is known of a table's columns; nothing of one that is not in the schema."""
        return self._schema.get(table, Columns())

    def relation(self, table: str) -> Relation:
        """A table as a relation."""
        return base(table, self.columns(table))


def union_of(origins: Iterable[Origins]) -> Origins:
    """All of some origins."""
    return NONE.union(*origins)
