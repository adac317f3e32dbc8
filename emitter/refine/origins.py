"""Where a column comes from, in OpenLineage's words: a column of a table, and how its value got here."""

from collections.abc import Iterable
from typing import Final, NamedTuple

IDENTITY: Final = "DIRECT/IDENTITY"
TRANSFORMATION: Final = "DIRECT/TRANSFORMATION"
AGGREGATION: Final = "DIRECT/AGGREGATION"
CONDITIONAL: Final = "INDIRECT/CONDITIONAL"
FILTER: Final = "INDIRECT/FILTER"
GROUP_BY: Final = "INDIRECT/GROUP_BY"
JOIN: Final = "INDIRECT/JOIN"
SORT: Final = "INDIRECT/SORT"
WINDOW: Final = "INDIRECT/WINDOW"

# Of two direct ways one after the other, the one that changes more is what remains to be told.
_RANK = {IDENTITY: 0, TRANSFORMATION: 1, AGGREGATION: 2}


class Origin(NamedTuple):
    """A column that has an influence.

    Attributes:
        table: the table's name as the schema spells it.
        column: the column's name.
        kind: type and subtype of the transformation, such as `DIRECT/IDENTITY`.
    """

    table: str
    column: str
    kind: str


Origins = frozenset[Origin]
NONE: Origins = frozenset()


def through(kind: str, origins: Iterable[Origin]) -> Origins:
    """The origins as seen through one more step: an influence stays indirect once it has become so.

    The last indirect step names the influence: what was grouped by and is then filtered on is a filter.
    """
    if kind == IDENTITY:
        return origins if isinstance(origins, frozenset) else frozenset(origins)
    return frozenset(Origin(table, column, _compose(kind, inner)) for table, column, inner in origins)


def _compose(outer: str, inner: str) -> str:
    if outer not in _RANK:
        return outer
    if inner not in _RANK:
        return inner
    return outer if _RANK[outer] >= _RANK[inner] else inner
