"""A relation inside a statement: its columns as far as they are known, and what each is made from."""

from collections import ChainMap
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from emitter.refine.sql.origins import IDENTITY, NONE, TRANSFORMATION, Origin, Origins, derive


class Columns(NamedTuple):
    """The known columns of a table.

    Attributes:
        names: those that are known, in order.
        complete: whether there are no others.
    """

    names: tuple[str, ...] = ()
    complete: bool = False


class Column(NamedTuple):
    """A column of a relation; without a name it can only be found by its position.

    Attributes:
        name: its name.
        origins: what its value is made from.
        shape: what the parts of its value are made from, where the statement itself constructs them.
    """

    name: str
    origins: Origins
    shape: "Shape | None" = None


@dataclass(frozen=True)
class Shape:
    """The parts of a value that a statement constructs, as `ROW(a, b)`, `OBJECT('k', a)` or `ARRAY[a, b]`.

    Attributes:
        fields: the fields of a row or an object, the entries of a map by key, or the elements of an array by place.
        element: what any element of an array or any value of a map is made from; None of a row.
        keys: what the keys of a map are made from; None of any other value.
    """

    fields: tuple[Column, ...] = ()
    element: Column | None = None
    keys: Origins | None = None

    def field(self, name: str) -> Column | None:
        """Returns the field of a name, whatever its case."""
        return next((found for found in self.fields if found.name.lower() == name.lower()), None)


@dataclass(frozen=True)
class Relation:
    """An item of a FROM clause, or the result of a query.

    Attributes:
        columns: the columns that are known, in order.
        more: tables that hand on columns whose names are not known; `""` stands for something that isn't a table.
        without: names that `more` does not hand on.
        whole: what decides on the rows as a whole: filters, joins, groups, order.
        element: what an array's elements are made from, where any field may be asked for.
        loose: whether a field of an element may be named without the element.
        ahead: how many of the columns stand before those that are not known, so that their place is certain.
    """

    columns: tuple[Column, ...] = ()
    more: tuple[str, ...] = ()
    without: frozenset[str] = field(default=frozenset())
    whole: Origins = NONE
    element: Origins | None = None
    loose: bool = False
    ahead: int = 0

    @cached_property
    def by_name(self) -> Mapping[str, Origins]:
        """The known columns' origins by name in lower case; the first of equal names."""
        return {column.name.lower(): column.origins for column in reversed(self.columns) if column.name}

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """The shapes of constructed values by their column's name in lower case."""
        return {column.name.lower(): column.shape for column in reversed(self.columns) if column.shape}

    @property
    def placed(self) -> tuple[Column, ...]:
        """The columns from the first on whose place is certain."""
        return self.columns if self.complete else self.columns[: self.ahead]

    @property
    def complete(self) -> bool:
        """True if all columns are known."""
        return not self.more and not self.loose

    def may_hold(self, name: str) -> bool:
        """True if a name that is not among the known columns can still be a column."""
        return (bool(self.more) and name not in self.without) or self.loose

    def get(self, name: str) -> Origins | None:
        """Returns the origins of a column that this relation has if the statement is valid; None if unknown."""
        if (found := self.by_name.get(name)) is not None:
            return found
        if self.element is not None:
            return derive(TRANSFORMATION, self.element)
        if len(self.more) == 1 and self.more[0] and name not in self.without:
            return frozenset({Origin(self.more[0], name, IDENTITY)})
        return None

    def excluding(self, names: AbstractSet[str]) -> "Relation":
        """Returns the relation without some columns, by their names in lower case."""
        columns = tuple(column for column in self.columns if column.name.lower() not in names)
        return replace(self, columns=columns, without=self.without | names if self.more else frozenset(), ahead=0)

    def renamed(self, names: Sequence[str]) -> "Relation":
        """Returns the relation under an alias's column list, which may be shorter than the relation."""
        if not names:
            return self
        given = tuple(column._replace(name=name) for name, column in zip(names, self.placed, strict=False))
        if self.complete:
            return replace(self, columns=given + self.columns[len(names) :])
        if len(given) == len(names):
            return replace(self, columns=given + self.columns[len(names) :], ahead=max(len(names), self.ahead))
        # What the other names stand for is not known, nor which of the names below are still there.
        unknown = tuple(Column(name, NONE) for name in names[len(given) :])
        return Relation((*given, *unknown), ("",), ahead=len(names), whole=self.whole)


UNKNOWN = Relation(more=("",))
NO_DATA = Relation(element=NONE, loose=True)
"""A table that the engine keeps of itself: it may have any column, and none is made from anything."""


def beside(left: Relation, right: Relation) -> Relation:
    """Returns the columns of two relations side by side, as a select list or a join has them."""
    if not right.columns and right.complete:
        return replace(left, whole=left.whole | right.whole) if right.whole else left
    if not left.columns and left.complete:
        return replace(right, whole=left.whole | right.whole) if left.whole else right
    element = right.element if left.element is None else left.element
    several = left.element is not None and right.element is not None
    return Relation(
        left.columns + right.columns,
        # Of two values with fields, the one that has a name is unknown.
        tuple(dict.fromkeys((*left.more, *right.more, *(("",) if several else ())))),
        left.without | right.without,
        left.whole | right.whole,
        element=None if several else element,
        loose=(left.loose or right.loose) and not several,
        ahead=left.ahead if not left.complete else len(left.columns) + right.ahead,
    )


def base(table: str, columns: Columns) -> Relation:
    """Returns a table of the schema."""
    known = tuple(Column(name, frozenset({Origin(table, name, IDENTITY)})) for name in columns.names)
    # Columns that are only documented may stand in any order, with others between them.
    return Relation(known, () if columns.complete else (table,))


# Schemas of the engine itself, whose tables feed nothing that lineage is about.
_OF_THE_ENGINE = frozenset({"information_schema", "pg_catalog", "pg_internal", "pg_automv", "sys"})
_FULL_NAME = 3


class Tables:
    """The tables that a statement may read, found by as much of their name as the statement gives.

    Args:
        schema: columns by table, its name as parts joined by dots.
        database: the database that a name of two parts is in, where there is no other.
    """

    def __init__(self, schema: MutableMapping[str, Columns], database: str | None = None) -> None:
        self._schema = schema
        self._database = database
        self._by_parts = {tuple(name.lower().split(".")): name for name in schema}

    def seen_with(self, columns: Mapping[str, Columns]) -> "Tables":
        """Returns the same tables, where more is known of some, and some are added."""
        other = copy(self)
        other._schema = ChainMap(dict(columns), self._schema)  # noqa: SLF001 # its own
        if added := {tuple(name.lower().split(".")): name for name in columns if name not in self._schema}:
            other._by_parts = {**self._by_parts, **added}  # noqa: SLF001 # its own
        return other

    def find(self, parts: Sequence[str], target: str | None) -> str | None:
        """Returns the table that some parts name, or None; what is left out is the target's."""
        wanted = tuple(part.lower() for part in parts)
        if wanted in self._by_parts:
            return self._by_parts[wanted]
        if target is not None:
            # The names of datasets have no quotes, so that a quoted part with a dot is several parts of them.
            full = tuple(".".join(completed(wanted, target)).split("."))
            return target if full == tuple(target.lower().split(".")) else self._by_parts.get(full)
        ends = [name for parts, name in self._by_parts.items() if parts[-len(wanted) :] == wanted]
        return ends[0] if len(ends) == 1 else None

    def undeclared(self, parts: Sequence[str]) -> str | None:
        """Returns the full name of a table that is not among these; None if the parts are ambiguous."""
        whole = [self._database or "", *parts] if len(parts) == _FULL_NAME - 1 else list(parts)
        if len(whole) < _FULL_NAME or not whole[0] or "$" in whole[-1] or whole[-2].lower() in _OF_THE_ENGINE:
            return None
        return ".".join(whole)

    def columns(self, table: str) -> Columns:
        """Returns the known columns of a table; none if it is not in the schema."""
        return self._schema.get(table, Columns())

    def relation(self, table: str) -> Relation:
        """Returns a table as a relation."""
        return base(table, self.columns(table))


def completed(parts: tuple[str, ...], target: str | None) -> tuple[str, ...]:
    """Returns the parts of a name in lower case, those that are left out taken from the target's name."""
    default = tuple((target or "").lower().split(".")) if target else ()
    return (*default[: max(len(default) - len(parts), 0)], *parts)


def merge(origins: Iterable[Origins]) -> Origins:
    """Returns all of some origins."""
    return NONE.union(*origins)
