"""Tables of metadata, and an engine's own tables, are no data."""

from __future__ import annotations

import re
from typing import Any

import pytest

from schemas.naming import DatasetName, canonical
from schemas.system_tables import COLUMNS
from tests.support.graph.graph_of_events import folded
from tests.unit.consumer.lineage.test_metadata_columns import ATHENA, SPARK, merge, schema, symlink

Json = dict[str, Any]
GLUE = "arn:aws:glue:us-east-1:123456789012"
REDSHIFT = "redshift://wg.us-east-1:5439"


@pytest.mark.parametrize(
    ("dataset", "real"),
    [
        ({"namespace": ATHENA, "name": 'awsdatacatalog.shop."orders$partitions"'}, False),
        ({"namespace": ATHENA, "name": "shop.orders$history"}, False),
        ({"namespace": "trino://host:8080", "name": "c.s.t$snapshots"}, False),
        ({"namespace": "file", "name": "/lake/ice/shop/orders", "facets": symlink("shop.orders.snapshots")}, False),
        (
            {"namespace": "file", "name": "/lake/ice/shop/orders", "facets": symlink("shop.orders.all_data_files")},
            False,
        ),
        (
            {
                "namespace": "s3://b",
                "name": "wh/orders-1a2b",
                "facets": symlink("table/shop.orders/files", "arn:aws:glue:us-east-1:1"),
            },
            False,
        ),
        ({"namespace": "file:/lake/ice", "name": "shop.orders.history"}, False),
        ({"namespace": "file", "name": "/lake/ice/shop/history", "facets": symlink("shop.history")}, True),
        ({"namespace": "file", "name": "/lake/ice/a/shop/history", "facets": symlink("a.shop.history")}, True),
        ({"namespace": "file:/lake/ice", "name": "shop.history"}, True),
        ({"namespace": ATHENA, "name": "awsdatacatalog.shop.history"}, True),
        ({"namespace": "s3://b", "name": "a$files"}, True),
        ({"namespace": "postgres://db:5432", "name": "dev.public.v$session"}, True),
    ],
)
@pytest.mark.parametrize("key", ["inputs", "outputs", "dataset"])
def test_tables_of_metadata(dataset: Json, key: str, *, real: bool) -> None:
    """They are no datasets and no aliases of one, and are reported; tables that are called like them are tables."""
    event: Json = {"eventTime": "2026-11-28T00:00:00Z", "producer": SPARK}
    if key == "dataset":
        event["dataset"] = dataset
    else:
        event |= {
            "eventType": "COMPLETE",
            "run": {"runId": "r"},
            "job": {"namespace": "n", "name": "j"},
            key: [dataset],
        }
    delta = folded([event])
    assert bool(delta.names) == real
    assert [problem.path.endswith(".name") for problem in delta.problems] == ([] if real else [True])


def test_a_source_of_lineage_that_is_metadata() -> None:
    """`"t$partitions"` as a source of columns is left out, too."""
    event = merge({}, ["id"], "https://example.com", DatasetName(ATHENA, "awsdatacatalog.shop.orders$partitions"))
    event["outputs"][0]["name"] = "awsdatacatalog.shop.t"
    delta = folded([event])
    assert {name.name for name in delta.names} == {"awsdatacatalog.shop.t"}


METADATA = sorted(COLUMNS)


def read(dataset: Json, sql: str = "", columns: tuple[str, ...] = ()) -> Json:
    """A run that reads a dataset and writes another one, each column from the dataset."""
    named = {"namespace": dataset["namespace"], "name": dataset["name"]}
    made = {"fields": {column: {"inputFields": [{**named, "field": column}]} for column in columns}}
    user_schema = re.sub(r"(?i)information_schema|pg_(catalog|internal)", "shop", canonical(*named.values()).name)
    output = {"namespace": dataset["namespace"], "name": f"{user_schema}_out"}
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-28T00:00:00Z",
        "producer": "https://example.com",
        "run": {"runId": "r"},
        "job": {"namespace": "n", "name": "j", "facets": {"sql": {"query": sql}} if sql else {}},
        "inputs": [dataset],
        "outputs": [{**output, "facets": {"columnLineage": made} if columns else {}}],
    }


def is_kept(event: Json) -> bool:
    """True if the run reads its input, and its lineage names it."""
    (run,) = folded([event]).runs.values()
    return bool(run.inputs)


@pytest.mark.parametrize("kind", METADATA)
@pytest.mark.parametrize(
    ("namespace", "form"),
    [
        (GLUE, "table/shop/src.{}"),
        (GLUE, "table/shop.src/{}"),
        (GLUE, "TABLE/Shop/Src.{}/"),
        (GLUE, "table/shop/src${}"),
        (ATHENA, "awsdatacatalog.shop.src.{}"),
        (ATHENA, 'AwsDataCatalog.shop."src${}"'),
        ("hive://metastore:9083", "shop.src.{}"),
        ("trino://host:8080", "iceberg.shop.src.{}"),
        ("unity-catalog://host", "main.shop.src.{}"),
        ("file:/lake/ice", "shop.src.{}"),
    ],
)
def test_metadata_of_a_table_in_every_naming(namespace: str, form: str, kind: str) -> None:
    """Metadata is no input, and no source of columns."""
    dataset = {"namespace": namespace, "name": form.format(kind)}
    delta = folded([read(dataset, columns=("x",))])
    assert len(delta.names) == 1
    assert {problem.path for problem in delta.problems} >= {"$.inputs[0].name"}
    (run,) = delta.runs.values()
    assert (len(run.inputs), len(run.outputs)) == (0, 1)


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        (GLUE, "table/shop/snapshots"),
        (GLUE, "table/shop/v1.orders"),
        (GLUE, "table/shop/orders.2024"),
        (GLUE, "table/shop/my.orders_snapshots"),
        (ATHENA, "awsdatacatalog.shop.snapshots"),
        (ATHENA, 'awsdatacatalog.shop."my.snapshots"'),
        (ATHENA, "awsdatacatalog.shop.orders$archive"),
        ("hive://metastore:9083", "shop.history"),
        ("trino://host:8080", "iceberg.shop.files"),
        ("http://rest:8181", "lake.shop.files"),
        (REDSHIFT, "dev.shop.history"),
        ("postgres://db:5432", "dev.audit.entries"),
    ],
)
def test_tables_that_are_called_like_metadata(namespace: str, name: str) -> None:
    """A table of a user stays."""
    assert is_kept(read({"namespace": namespace, "name": name}))


def test_columns_decide_where_a_name_does_not() -> None:
    """A table of Glue whose name has a dot has its own columns; a table of a REST catalog has Iceberg's."""
    dotted = {"namespace": GLUE, "name": "table/shop/my.snapshots"}
    assert is_kept(read({**dotted, "facets": schema("id", "amount")}))
    assert not is_kept(read({**dotted, "facets": schema("snapshot_id")})), "a part of them"
    nested = {"namespace": "http://rest:8181", "name": "lake.shop.snapshots"}
    assert is_kept(read({**nested, "facets": schema("id", "amount")}))
    assert not is_kept(read({**nested, "facets": schema(*COLUMNS["snapshots"], "summary")}))
    copied = {"namespace": GLUE, "name": "table/audit/snapshots", "facets": schema(*COLUMNS["snapshots"])}
    assert is_kept(read(copied)), "a copy of metadata is data"


def test_a_table_of_glue_with_a_dot_that_is_written_or_has_its_own_place() -> None:
    """Metadata is not written, and a location that has the whole name is the table's own."""
    name = {"namespace": GLUE, "name": "table/shop/my.files"}
    event = read({"namespace": GLUE, "name": "table/shop/orders"})
    event["outputs"] = [name]
    (run,) = folded([event]).runs.values()
    assert {one.name for one in run.outputs} == {"table/shop/my.files"}
    assert is_kept(read({**name, "facets": symlink("wh/shop.db/my.files", "s3://lake")}))
    assert is_kept(
        read({"namespace": "s3://lake", "name": "wh/shop.db/my.files", "facets": symlink(name["name"], GLUE)})
    )
    place = {"namespace": "s3://lake", "name": "wh/0b1c", "facets": symlink("table/shop/src.files", GLUE)}
    assert not is_kept(read(place)), "a location with a name of its own"


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        (REDSHIFT, "dev.pg_catalog.svv_table_info"),
        (REDSHIFT, "dev.pg_catalog.stl_query"),
        (REDSHIFT, "DEV.PG_CATALOG.PG_CLASS"),
        (REDSHIFT, "pg_catalog.stv_recents"),
        (REDSHIFT, "dev.information_schema.columns"),
        (REDSHIFT, "dev.pg_internal.redshift_auto_health_check_1"),
        (REDSHIFT, "dev.public.svv_table_info"),
        (REDSHIFT, "dev.public.sys_query_history"),
        (ATHENA, "awsdatacatalog.information_schema.tables"),
        ("postgres://db:5432", "dev.pg_catalog.pg_stat_activity"),
        ("snowflake://org-account", "DB.INFORMATION_SCHEMA.TABLES"),
        ("bigquery", "project.region-us.INFORMATION_SCHEMA.JOBS"),
        ("duckdb://file", "db.information_schema.tables"),
        ("mysql://db:3306", "information_schema.tables"),
    ],
)
def test_tables_of_the_engine(namespace: str, name: str) -> None:
    """The catalog and the log of an engine are no sources of lineage, as inputs and as sources of columns."""
    delta = folded([read({"namespace": namespace, "name": name}, columns=("x",))])
    assert len(delta.names) == 1
    (run,) = delta.runs.values()
    assert not run.inputs


@pytest.mark.parametrize(
    ("namespace", "name", "sql"),
    [
        (REDSHIFT, "dev.history.stl_query", ""),
        (REDSHIFT, "dev.public.stl_orders", ""),
        (REDSHIFT, "dev.public.sys_users", ""),
        (REDSHIFT, "dev.public.stl_query", "insert into t select * from public.stl_query"),
        (REDSHIFT, "dev.information_schema_copy.tables", ""),
        (REDSHIFT, "dev.shop.information_schema", ""),
        (REDSHIFT, "dev.shop.pg_catalog", ""),
        (REDSHIFT, 'dev.shop."pg_catalog.x"', ""),
        (GLUE, "table/information_schema/tables", ""),
        (ATHENA, "awsdatacatalog.pg_catalog.tables", ""),
        ("snowflake://org-account", "DB.PG_CATALOG.T", ""),
        ("s3://lake", "information_schema/tables", ""),
        ("kafka://broker:9092", "pg_catalog.events", ""),
    ],
)
def test_tables_that_are_called_like_the_engines(namespace: str, name: str, sql: str) -> None:
    """A table of a user, in a schema or under a name that resembles those of the engine, stays."""
    assert is_kept(read({"namespace": namespace, "name": name}, sql))


def test_a_bare_name_in_sql_is_the_engines_view() -> None:
    """A parser with a default schema calls it `public`; the statement does not."""
    view = {"namespace": REDSHIFT, "name": "dev.public.stl_query"}
    assert not is_kept(read(view, "insert into dev.shop.t select * from stl_query q where q.pid > 1"))
    event = read({"namespace": REDSHIFT, "name": "dev.shop.orders"}, "create table dev.public.stl_query as select 1")
    event["outputs"] = [view]
    (run,) = folded([event]).runs.values()
    assert len(run.outputs) == 1, "what is written is a table of a user"


def test_a_models_sql_that_reads_the_catalog() -> None:
    """Tables of the engine that the compiled SQL of a dbt model names are no inputs."""
    event = read({"namespace": REDSHIFT, "name": "dev.shop.orders"})
    event["job"]["facets"] = {
        "jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"},
        "sql": {"query": "select * from dev.shop.orders o join dev.pg_catalog.svv_table_info i on i.table = o.x"},
    }
    event["outputs"] = [{"namespace": REDSHIFT, "name": "dev.shop.t"}]
    (run,) = folded([event]).runs.values()
    assert {one.name for one in run.inputs} == {"dev.shop.orders"}
