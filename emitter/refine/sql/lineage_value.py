"""Column lineage as a value: what refinement computes, keeps and puts into events."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emitter.refine.sql.origins import Origin
from emitter.refine.sql.relations import Columns


@dataclass(frozen=True)
class ColumnLineage:
    """The lineage of a statement's output.

    Attributes:
        columns: the origins of each column, sorted; a column that is made from nothing has none.
        whole: what decides on the rows as a whole: filters, joins, groups, order.
        complete: whether `columns` are all of the output's.
        tables: the tables that are read, except the target.
        undeclared: tables that are read by their full name, and that are not declared.
        masked: those of a column's origins that its value does not show, as it is a hash or a count of them.
        unresolved: names that were dropped because they can't be resolved.
        asked: the tables that were looked up and found (or not), on which the result rests.
    """

    columns: Mapping[str, tuple[Origin, ...]]
    whole: tuple[Origin, ...] = ()
    complete: bool = True
    tables: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    asked: tuple[tuple[str, str | None], ...] = ()
    undeclared: tuple[str, ...] = ()
    masked: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """True if nothing was left out, so that what this does not have is not there."""
        return self.complete and not self.unresolved

    def packed(self) -> dict[str, Any]:
        """Returns the lineage as JSON; `unpacked` is the way back."""
        return {**vars(self), "columns": dict(self.columns), "masked": dict(self.masked)}


def unpacked(value: Mapping[str, Any]) -> ColumnLineage:
    """Returns the lineage of a packed one.

    Raises:
        KeyError, TypeError, ValueError: if it isn't one.
    """
    return ColumnLineage(
        columns={name: _origins(found) for name, found in value["columns"].items()},
        whole=_origins(value["whole"]),
        complete=bool(value["complete"]),
        tables=tuple(value["tables"]),
        unresolved=tuple(value["unresolved"]),
        asked=tuple((parts, table) for parts, table in value["asked"]),
        undeclared=tuple(value["undeclared"]),
        masked={name: _origins(found) for name, found in value["masked"].items()},
    )


def _origins(found: Any) -> tuple[Origin, ...]:
    return tuple(Origin(*origin) for origin in found)


def fingerprint(value: Any) -> str:
    """Returns a short checksum of a JSON value."""
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).hexdigest()[:32]


def known_columns(lineage: ColumnLineage) -> Columns:
    """Returns the columns that a table has after it was written like this."""
    return Columns(tuple(lineage.columns), complete=lineage.complete)
