"""A snapshot's own columns, which no SQL of the project contains: the validity of each row."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from emitter.dbt.project import Node
from emitter.refine.sql.lineage_value import ColumnLineage
from emitter.refine.sql.origins import TRANSFORMATION, Origin, derive

_SCD_ID, _UPDATED_AT, _VALID_FROM, _VALID_TO = "dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to"
_IS_DELETED = "dbt_is_deleted"


def with_history(lineage: ColumnLineage, node: Node) -> ColumnLineage:
    """Returns the lineage of a snapshot's query, with the columns that dbt adds.

    By dbt's page "Snapshot meta-fields": `dbt_scd_id` is a hash of the unique key and of the time of the update, which
    is the column `updated_at` with the strategy `timestamp`, and the time of the run with `check`. `dbt_is_deleted` is
    there with `hard_deletes: new_record`, and is a constant.
    """
    config: Mapping[str, Any] = node.get("config") or {}
    names = config.get("snapshot_meta_column_names") or {}
    updated = _of(lineage, [config.get("updated_at")] if config.get("strategy") == "timestamp" else [])
    key = config.get("unique_key")
    keyed = _of(lineage, key if isinstance(key, list) else [key])
    made = {
        _SCD_ID: tuple(sorted({*keyed, *updated})),
        _UPDATED_AT: updated,
        _VALID_FROM: updated,
        _VALID_TO: updated,
    }
    if config.get("hard_deletes") == "new_record":
        made[_IS_DELETED] = ()
    added = {names.get(name) or name: origins for name, origins in made.items()}
    # The id is a hash, which masks the key.
    hidden = {names.get(_SCD_ID) or _SCD_ID: made[_SCD_ID]} if made[_SCD_ID] else {}
    return replace(lineage, columns={**lineage.columns, **added}, masked={**lineage.masked, **hidden})


def _of(lineage: ColumnLineage, names: Sequence[Any]) -> tuple[Origin, ...]:
    # A key may also be an expression; then it is not a column of the query, and its origins are unknown.
    found = {origin for name in names for origin in lineage.columns.get(str(name).lower(), ())}
    return tuple(sorted(derive(TRANSFORMATION, found)))
