"""Tables that an engine keeps of itself: its catalog, its log, and the metadata of a table. They are no data.

Names are those of the engines' documentation: "System tables and views" of Redshift; "System Catalogs" and "The
Information Schema" of PostgreSQL; "Inspecting tables" of Iceberg's Spark pages; Trino's pages of the Hive and Iceberg
connectors, which Athena follows. A table is taken for one only where its name can be no other's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from schemas.naming import DatasetName, engine, is_sql, sql_parts
from schemas.storage_paths import has_paths, is_warehouse, scheme

_CONTENT: Final = frozenset({"content", "file_path", "file_format", "record_count", "file_size_in_bytes"})
_ENTRIES: Final = frozenset({"snapshot_id", "sequence_number", "file_sequence_number", "data_file"})
_MANIFESTS: Final = frozenset({"path", "length", "partition_spec_id", "added_snapshot_id", "partition_summaries"})
COLUMNS: Final = {
    "all_data_files": _CONTENT,
    "all_delete_files": _CONTENT,
    "all_entries": _ENTRIES,
    "all_files": _CONTENT,
    "all_manifests": _MANIFESTS,
    "data_files": _CONTENT,
    "delete_files": _CONTENT,
    "entries": _ENTRIES,
    "files": _CONTENT,
    "history": frozenset({"made_current_at", "snapshot_id", "parent_id", "is_current_ancestor"}),
    "manifests": _MANIFESTS,
    "metadata_log_entries": frozenset({"file", "latest_snapshot_id", "latest_schema_id", "latest_sequence_number"}),
    "partitions": frozenset({"spec_id", "record_count", "file_count", "position_delete_record_count"}),
    "position_deletes": frozenset({"file_path", "pos", "delete_file_path"}),
    "refs": frozenset({"type", "snapshot_id", "max_reference_age_in_ms", "min_snapshots_to_keep"}),
    "snapshots": frozenset({"committed_at", "snapshot_id", "parent_id", "operation", "manifest_list"}),
}
"""Iceberg's metadata tables, each with columns that no later version has taken away."""

_SUFFIXES: Final = COLUMNS.keys() | {"properties", "iceberg_history", "table_changes", "timeline"}

_PARTS: Final = {"awsathena": 3, "databricks": 3, "hive": 2, "snowflake": 3, "trino": 3, "unity-catalog": 3}
"""The parts of a table's name, by the scheme of its namespace; a name with one more is that of a part of the table."""

_LEAST_OF_A_WAREHOUSE: Final = 3
_STEP: Final = re.compile(r"[./]")

_OF_POSTGRES: Final = frozenset({"cockroach", "cratedb", "duckdb", "postgres", "postgresql", "redshift"})
_SCHEMAS: Final = frozenset({"pg_catalog", "pg_internal", "pg_automv", "pg_toast"})
_PUBLIC: Final = "public"

_OF_REDSHIFT: Final = frozenset(
    f"{kind}_{name}"
    for kind, names in {
        "pg": (
            "attribute attribute_info cast class class_info constraint database database_info datashares "
            "default_acl depend description external_schema group index inherits language library namespace "
            "operator proc proc_info shdepend statistic statistic_indicator table_def tables tablespace trigger "
            "type user user_info users view views"
        ),
        "stl": (
            "aggr alert_event_log analyze analyze_compression bcast cleanup commit_stats connection_log ddltext "
            "delete disk_full_diag dist error explain file_scan hash hashjoin insert limit load_commits "
            "load_errors loaderror_detail merge mergejoin mv_state nestloop parse plan_info plan_rule_stats "
            "project query query_metrics querytext replacements restarted_sessions return s3client s3client_error "
            "save scan schema_quota_violations sessions sort sshclient_error stream_segs tr_conflict undone "
            "unique unload_log usage_control userlog utilitytext vacuum window wlm_error wlm_query "
            "wlm_rule_action"
        ),
        "stv": (
            "active_cursors blocklist cursor_configuration db_isolation_level exec_state inflight load_state "
            "locks ml_model_info mv_deps mv_info node_storage_capacity null partitions proc_exec query_metrics "
            "recents sessions slices startup_recovery_state tbl_perm tbl_trans underrepped_blocks "
            "wlm_classification_config wlm_qmr_config wlm_query_queue_state wlm_query_state wlm_query_task_state "
            "wlm_service_class_config wlm_service_class_state xrestore_alter_queue_state"
        ),
        "svcs": (
            "alert_event_log compile explain plan_info query_summary s3list s3log s3partition_summary "
            "s3query_summary stream_segs unload_log"
        ),
        "svl": (
            "auto_worker_action compile datashare_change_log datashare_cross_region_usage "
            "datashare_usage_consumer datashare_usage_producer federated_query multi_statement_violations "
            "mv_refresh_status qerror qlog query_metrics query_metrics_summary query_queue_info query_report "
            "query_summary restore_alter_table_progress s3list s3log s3partition s3partition_summary s3query "
            "s3query_summary s3retries spatial_simplify spectrum_scan_error statementtext stored_proc_call "
            "stored_proc_messages terminate udf_log user_info vacuum_percentage"
        ),
        "svv": (
            "all_columns all_schemas all_tables alter_table_recommendations attached_masking_policy "
            "column_privileges columns copy_job_integrations database_privileges datashare_consumers "
            "datashare_objects datashare_privileges datashares default_privileges diskusage external_columns "
            "external_databases external_partitions external_schemas external_tables function_privileges "
            "geography_columns geometry_columns iam_iam_privileges iam_privileges identity_providers integration "
            "integration_table_mapping integration_table_state interleaved_columns language_privileges "
            "masking_policy ml_model_info ml_model_privileges mv_dependency mv_info query_inflight query_state "
            "redshift_columns redshift_databases redshift_functions redshift_schema_quota redshift_schemas "
            "redshift_tables relation_privileges rls_applied_policy rls_attached_policy rls_policy rls_relation "
            "role_grants roles schema_privileges schema_quota_state sem_usage sem_usage_leaves system_privileges "
            "table_info tables transactions user_grants user_info vacuum_progress vacuum_summary"
        ),
        "sys": (
            "analyze_compression_history analyze_history applied_masking_policy_log auto_table_optimization "
            "automatic_optimization child_query_text compression_history connection_log copy_job copy_job_detail "
            "copy_job_info copy_replacements datashare_change_log datashare_cross_region_usage "
            "datashare_usage_consumer datashare_usage_producer external_query_detail external_query_error "
            "extra_compute_usage integration_activity integration_table_activity integration_table_state_change "
            "load_detail load_error_detail load_history mv_refresh_history mv_state procedure_call "
            "procedure_messages query_detail query_explain query_history query_text "
            "redshift_template_usage_history restore_log restore_state schema_quota_violations serverless_usage "
            "session_history spatial_simplify stream_scan_errors stream_scan_states table_rebalance "
            "transaction_history udf_log unload_detail unload_history userlog vacuum_history"
        ),
    }.items()
    for name in names.split()
)
"""Redshift's system tables and views, which a statement may name without their schema `pg_catalog`."""

_MAYBE: Final = re.compile(
    rf"\$|information_schema|pg_|(?:stl|stv|svl|svv|svcs|sys)_|[./](?:{'|'.join(sorted(COLUMNS))})/*$", re.IGNORECASE
)


def may_be(name: str) -> bool:
    """True if any function of this module may be True of a dataset's name; quick, as it is asked of every dataset."""
    return _MAYBE.search(name) is not None


def is_of_engine(name: DatasetName) -> bool:
    """True if a table, by its canonical name, is in a schema that an engine keeps for itself.

    A Glue catalog has no such schema, so a database of that name is somebody's.
    """
    if not is_sql(name.namespace) or engine(name.namespace) == "glue":
        return False
    parts = sql_parts(name)
    schema = parts[-2].lower() if parts is not None and len(parts) > 1 else ""
    if schema == "information_schema":
        return True
    # BigQuery's `region-us`.INFORMATION_SCHEMA.JOBS has one part behind it, `p.d.INFORMATION_SCHEMA.COLUMNS` as well.
    return schema in _SCHEMAS and scheme(name.namespace) in _OF_POSTGRES


def is_completed_system_view(name: DatasetName) -> bool:
    """True for a system view of Redshift under the name that a parser with a default schema gives it.

    Without a schema a statement means the system view, whatever is in `public`; with it, a table of that schema.
    """
    parts = sql_parts(name) if engine(name.namespace) == "redshift" else None
    return parts is not None and len(parts) > 1 and parts[-2] == _PUBLIC and parts[-1] in _OF_REDSHIFT


def is_spelled(dialect: str, parts: Sequence[str]) -> bool:
    """True if a table, as a statement of Athena or Redshift spells it, is one that the engine keeps of itself.

    Args:
        dialect: sqlglot's name of the dialect.
        parts: The parts of the name in lower case, without those that the statement leaves out.
    """
    *around, table = parts
    schema = around[-1] if around else ""
    if schema == "information_schema":
        return True
    if dialect == "redshift":
        return schema in _SCHEMAS or (not schema and table in _OF_REDSHIFT)
    return is_by_suffix(table)


def is_metadata(name: DatasetName) -> bool:
    """True if a name, in canonical form, is that of the metadata of a table."""
    if has_paths(name.namespace):
        return False
    if is_by_suffix(name.name):
        return True
    if is_warehouse(name.namespace):
        return is_below_a_table(name.name, least=_LEAST_OF_A_WAREHOUSE)
    if engine(name.namespace) == "glue":
        return _is_metadata_of_glue(name.name)
    most = _PARTS.get(scheme(name.namespace))
    parts = sql_parts(name) if most is not None else None
    return parts is not None and most is not None and len(parts) == most + 1 and parts[-1].lower() in COLUMNS


def is_by_suffix(name: str) -> bool:
    """True for Trino's form, `db.t$snapshots`."""
    table, mark, suffix = name.rstrip('"').rpartition("$")
    return bool(mark and table) and suffix.lower() in _SUFFIXES


def is_below_a_table(name: str, least: int) -> bool:
    """True for Iceberg's form, `db.t.snapshots`, with at least some steps."""
    steps = _STEP.split(name)
    return len(steps) >= least and all(steps) and steps[-1].lower() in COLUMNS


def _is_metadata_of_glue(name: str) -> bool:
    """True for `table/db/t.snapshots`, and for Spark's `table/db.t/snapshots`: its catalog takes `db.t` for a database.

    `table/db/snapshots` is a table.
    """
    prefix, _, rest = name.partition("/")
    steps = _STEP.split(rest)
    return (
        prefix == "table" and "." in rest and len(steps) == len(("db", "t", "snapshots")) and is_below_a_table(rest, 3)
    )


def kind_of(name: str) -> str:
    """Returns the metadata table that the last step of a name would be; empty if there is none of that name."""
    last = _STEP.split(name.rstrip('"').replace("$", "."))[-1].lower()
    return last if last in COLUMNS else ""


def fits(kind: str, columns: Collection[str]) -> bool | None:
    """Returns True if columns are those of a metadata table, False if they are others, None if they don't decide it.

    Args:
        kind: The metadata table, such as `snapshots`.
        columns: The columns that a dataset is known to have, in lower case; some of them may not be given.
    """
    known = COLUMNS.get(kind)
    if known is None or not columns:
        return None
    if known <= set(columns):
        return True
    return None if known & set(columns) else False
