"""Tables of the engine itself, and metadata of tables, are no inputs and no sources of a node's columns."""

from collections.abc import Sequence

import pytest

from emitter.refine import Refiner
from tests.support.dbt.refinement_inputs import NAMESPACE, dataset, edges, event, facet, manifest, names, node

ORDERS = node("source.p.shop.orders", columns="id amount")
ATHENA = "awsathena://athena.us-east-1.amazonaws.com"


def _source(name: str, columns: str = "id table") -> dict[str, object]:
    database, schema, table = name.split(".")
    return node(f"source.p.{schema}.{table}", columns=columns, database=database, schema=schema, identifier=table)


@pytest.mark.parametrize(
    ("name", "is_kept"),
    [
        ("dev.pg_catalog.svv_table_info", False),
        ("dev.pg_catalog.stl_query", False),
        ("dev.information_schema.tables", False),
        ("dev.history.stl_query", True),
        ("dev.public.stl_query", True),
        ("dev.information_schema_copy.tables", True),
    ],
)
def test_a_source_in_the_catalog_of_redshift(name: str, *, is_kept: bool) -> None:
    """A table that dbt declares as a source stays an input only if it is a user's; dbt writes its schema in full."""
    source = _source(name)
    sql = f'select o.id, i."table" as other from dev.shop.orders o join {name} i on i.id = o.id'  # noqa: S608 # it is only read
    model = node("model.p.m", "source.p.shop.orders", str(source["unique_id"]), sql=sql)
    refiner = Refiner(manifest(ORDERS, source, model))
    refined = refiner.refine(event("model.p.m", "dev.shop.orders", name, output="dev.shop.m"))
    assert set(names(refined["inputs"])) == {"dev.shop.orders"} | ({name} if is_kept else set())
    assert edges(refined) == {("dev.shop.orders", "id", "id")} | ({(name, "table", "other")} if is_kept else set())
    (output,) = refined["outputs"]
    influences = {source["name"] for source in output["facets"]["columnLineage"].get("dataset", [])}
    assert (name in influences) == is_kept
    assert refiner.problems["system_tables"] == (not is_kept)
    assert refiner.refine(refined) == refined


@pytest.mark.parametrize(
    ("table", "columns", "is_kept"),
    [
        ("orders$snapshots", (), False),
        ("orders$archive", (), True),
        ("snapshots", (), True),
        ("orders.snapshots", (), False),
        ("orders.snapshots", ("id", "amount"), True),
        ("orders.snapshots", ("snapshot_id",), False),
    ],
)
def test_metadata_of_athenas_tables(table: str, columns: Sequence[str], *, is_kept: bool) -> None:
    """Iceberg's metadata by Athena's name of it, and by one with a part too many, unless the columns are others."""
    schema = {"schema": facet(fields=[{"name": column} for column in columns])} if columns else {}
    given = {**dataset(f"awsdatacatalog.shop.{table}", **schema), "namespace": ATHENA}
    source = {"namespace": ATHENA, "name": given["name"], "field": "id"}
    lineage = {"columnLineage": facet(fields={"x": {"inputFields": [source]}, "y": {"inputFields": []}})}
    made = {**dataset("awsdatacatalog.shop.m", **lineage), "namespace": ATHENA}
    refiner = Refiner(manifest(ORDERS, adapter="athena"))
    refined = refiner.refine({**event("model.other.m"), "inputs": [given], "outputs": [made]})
    assert bool(refined["inputs"]) == is_kept
    if not columns:
        assert bool(edges(refined)) == is_kept


def test_a_test_of_a_system_view() -> None:
    """The results of a test on the catalog belong to no dataset."""
    source = _source("dev.pg_catalog.pg_class")
    test = node("test.p.not_null", str(source["unique_id"]), column_name="id")
    refiner = Refiner(manifest(source, test))
    refined = refiner.refine(event("test.p.not_null", "dev.pg_catalog.pg_class", job_type="TEST"))
    assert refined["inputs"] == []


def test_hooks_read_no_catalog() -> None:
    """A hook that copies the engine's log has no input."""
    source = _source("dev.pg_catalog.stl_query")
    hook = {"sql": "insert into dev.shop.log select id from dev.pg_catalog.stl_query", "transaction": True, "index": 0}
    model = node(
        "model.p.m",
        "source.p.shop.orders",
        sql="select id from dev.shop.orders",
        config={"materialized": "table", "post-hook": [hook]},
    )
    refiner = Refiner(manifest(ORDERS, source, model))
    refined = refiner.refine(event("model.p.m", "dev.shop.orders", output="dev.shop.m"))
    (found,) = refiner.hooks(refined)
    assert (names(found["inputs"]), names(found["outputs"])) == ([], ["dev.shop.log"])
    assert {one["namespace"] for one in found["outputs"]} == {NAMESPACE}
