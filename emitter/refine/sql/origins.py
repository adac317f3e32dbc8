"""The origin of a column in OpenLineage's terms: a column of a table, and the transformation."""

from collections.abc import Iterable
from functools import cache
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

# Of two direct steps in sequence, the one that changes more names the whole.
_RANK = {IDENTITY: 0, TRANSFORMATION: 1, AGGREGATION: 2}
# Marks a kind inside a statement: the value was obfuscated on the way. It never leaves `emitter.refine.sql.columns`.
_MASKED = "/MASKED"


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


def derive(kind: str, origins: Iterable[Origin]) -> Origins:
    """Returns the origins as seen through one more step: an influence stays indirect once it has become so.

    The last indirect step names the influence: what was grouped by and is then filtered on is a filter.
    """
    if kind == IDENTITY:
        return origins if isinstance(origins, frozenset) else frozenset(origins)
    return frozenset(Origin(table, column, _compose(kind, inner)) for table, column, inner in origins)


def is_indirect(origin: Origin) -> bool:
    """True for an influence on a value that the value is not made from."""
    return origin.kind.startswith("INDIRECT/")


@cache
def _compose(outer: str, inner: str) -> str:
    base = inner.removesuffix(_MASKED)
    mark = inner[len(base) :]
    if outer not in _RANK:
        return outer + mark
    if base not in _RANK:
        return inner
    return (outer if _RANK[outer] >= _RANK[base] else base) + mark


def masked(origins: Origins) -> Origins:
    """The same origins, marked as obfuscated: a hash or a count does not show the value that it is made from."""
    return frozenset(Origin(table, column, kind.removesuffix(_MASKED) + _MASKED) for table, column, kind in origins)


def without_marks(origins: Origins) -> tuple[Origins, Origins]:
    """Returns the origins without marks, and those among them that are obfuscated on every way."""
    clear = frozenset(origin for origin in origins if not origin.kind.endswith(_MASKED))
    if len(clear) == len(origins):
        return clear, NONE
    hidden = frozenset(Origin(table, column, kind.removesuffix(_MASKED)) for table, column, kind in origins - clear)
    return clear | hidden, hidden - clear
