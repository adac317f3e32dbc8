"""Columns of metadata are no data."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from consumer.lineage.column_lineage import WHOLE, unpack
from consumer.lineage.facts.delta import Delta
from consumer.lineage.facts.output_facets import COLUMN_LINEAGE
from schemas.naming import DatasetName
from tests.support.graph.graph_of_events import folded

Json = dict[str, Any]
SPARK = "https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark"
ATHENA = "awsathena://athena.us-east-1.amazonaws.com"
STORAGE = {"storage": {"storageLayer": "iceberg", "fileFormat": "parquet"}}
CATALOG = {"catalog": {"framework": "iceberg", "type": "glue", "name": "c"}}
TABLE = DatasetName("file", "/lake/ice/shop/orders")


def schema(*names: str) -> Json:
    """A schema facet."""
    return {"schema": {"fields": [{"name": name, "type": "string"} for name in names]}}


def symlink(name: str, namespace: str = "file:/lake/ice") -> Json:
    """A symlinks facet."""
    return {"symlinks": {"identifiers": [{"namespace": namespace, "name": name, "type": "TABLE"}]}}


def merge(facets: Json, columns: list[str], producer: str = SPARK, table: DatasetName = TABLE) -> Json:
    """A run that reads a table's columns, and writes them into the table itself."""
    fields = [{"namespace": table.namespace, "name": table.name, "field": column} for column in columns]
    lineage = {"columnLineage": {"fields": {column: {"inputFields": fields} for column in columns}, "dataset": fields}}
    named = {"namespace": table.namespace, "name": table.name}
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-28T00:00:00Z",
        "producer": producer,
        "run": {"runId": "r"},
        "job": {"namespace": "n", "name": "j"},
        "inputs": [{**named, "facets": {**facets, **schema(*columns)}}],
        "outputs": [{**named, "facets": {**facets, **lineage}}],
    }


def columns_of(delta: Delta) -> tuple[set[str], set[str], set[str]]:
    """The columns of the input's schema, the target columns of the output's lineage, and their sources."""
    (schemas,) = (facts.heard["schema"].ref for facts in delta.names.values() if "schema" in facts.heard)
    (run,) = delta.runs.values()
    (register,) = (registers[COLUMN_LINEAGE] for registers in run.carried.values())
    told = unpack(delta.contents.get(register.ref, register.ref))
    fields = orjson.loads(delta.contents.get(schemas, schemas))["fields"]
    sources = {one.column for made_of in told.columns.values() for one in made_of}
    return {field["name"] for field in fields}, set(told.columns) - {WHOLE}, sources


ICEBERG = ["_file", "_pos", "_deleted", "_spec_id", "_partition", "_row_id", "_last_updated_sequence_number"]


@pytest.mark.parametrize("column", ICEBERG)
@pytest.mark.parametrize("facets", [STORAGE, CATALOG, symlink("shop.orders")], ids=["storage", "catalog", "a table"])
def test_columns_of_iceberg(column: str, facets: Json) -> None:
    """They are in no schema and in no lineage, and what is real stays."""
    found = columns_of(folded([merge(facets, ["id", column, "_loaded"])]))
    assert found == ({"id", "_loaded"}, {"id", "_loaded"}, {"id", "_loaded"})


def test_two_of_icebergs_names_are_evidence() -> None:
    """No table but Iceberg's has a row's file and its position there."""
    found = columns_of(folded([merge({}, ["id", "_file", "_pos"], producer="https://example.com/engine")]))
    assert found == ({"id"}, {"id"}, {"id"})


@pytest.mark.parametrize(
    ("facets", "producer"),
    [
        ({}, SPARK),
        ({}, "https://example.com"),
        ({"storage": {"storageLayer": "hive"}, **symlink("shop.orders")}, SPARK),
    ],
    ids=["a path", "a table of any engine", "a table of another format"],
)
def test_a_real_column_of_that_name_stays(facets: Json, producer: str) -> None:
    """Loaders of files name a column `_file`."""
    found = columns_of(folded([merge(facets, ["id", "_file"], producer)]))
    assert found == ({"id", "_file"}, {"id", "_file"}, {"id", "_file"})


@pytest.mark.parametrize(
    ("namespace", "name", "column"),
    [
        (ATHENA, "awsdatacatalog.shop.orders", "$path"),
        (ATHENA, "awsdatacatalog.shop.orders", "$file_modified_time"),
        ("trino://host:8080", "c.s.t", "$partition"),
        ("redshift://wg.us-east-1:5439", "dev.spectrum.t", "$size"),
        ("snowflake://org-a", "DB.S.T", "METADATA$FILENAME"),
        ("bigquery", "p.d.t", "_PARTITIONTIME"),
    ],
)
def test_columns_of_other_engines(namespace: str, name: str, column: str) -> None:
    """Each engine's pseudocolumns are none."""
    event = merge({}, ["id", column], "https://example.com", DatasetName(namespace, name))
    assert columns_of(folded([event])) == ({"id"}, {"id"}, {"id"})


def test_hidden_file_metadata_of_spark() -> None:
    """Its fields are none, either."""
    _, targets, sources = columns_of(folded([merge({}, ["id", "_metadata.file_path"])]))
    assert (targets, sources) == ({"id"}, {"id"})
