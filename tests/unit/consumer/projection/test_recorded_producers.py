"""The graphs that recorded events of real producers come to."""

from __future__ import annotations

import json

import pytest

from consumer.lineage.exposures import exposures_in
from schemas.decode import decode
from schemas.naming import DatasetName
from tests.support.events.recorded_producers import PRODUCERS, Producer

FILES = sorted(path.stem for path in PRODUCERS.glob("*.jsonl"))


def path(_: str, name: str) -> str:
    """A path without what all of Spark's have in common."""
    return name.removeprefix("/data/lake/")


@pytest.mark.parametrize("file", FILES)
def test_no_event_is_refused(file: str) -> None:
    """Every line is an event, and none of them is left out in part."""
    for line in (PRODUCERS / f"{file}.jsonl").read_bytes().splitlines():
        assert decode(line).left_out == ()


@pytest.mark.parametrize("file", FILES)
def test_the_order_of_events_makes_no_difference(file: str) -> None:
    """The same events in any order, in one batch."""
    assert Producer(file).graph == Producer(file, shuffle=3).graph


class TestSpark:
    """openlineage-spark."""

    def test_files_and_tables(self) -> None:
        """Two joined files, a table of one of them, a view, and files of the table."""
        graph = Producer("spark35_files_and_tables", path)
        daily = "warehouse/shop.db/daily"
        assert graph.edges == {
            ("raw/orders", "marts/orders_enriched"),
            ("raw/customers", "marts/orders_enriched"),
            ("raw/orders", daily),
            (daily, "warehouse/shop.db/from_view"),
            (daily, "out/daily_json"),
        }
        assert {
            ("raw/orders.order_id", "marts/orders_enriched.order_id"),
            ("raw/customers.name", "marts/orders_enriched.customer_name"),
            ("raw/customers.email", "marts/orders_enriched.email_hash"),
            ("raw/orders.amount", "marts/orders_enriched.gross"),
            ("raw/orders.customer_id", "marts/orders_enriched.nth"),
            ("raw/orders.day", "marts/orders_enriched.nth"),
            ("raw/orders.customer_id", "marts/orders_enriched.*"),
            ("raw/customers.customer_id", "marts/orders_enriched.*"),
            ("raw/orders.amount", "marts/orders_enriched.*"),
            ("raw/orders.amount", f"{daily}.total"),
        } <= graph.columns

    def test_metadata_of_iceberg(self) -> None:
        """A row's file is no column, and a table's snapshots are no name of the table."""
        graph = Producer("spark35_iceberg", path)
        assert graph.schema("ice/shop/orders") == {"order_id", "customer_id", "amount", "day"}
        assert not [edge for edge in graph.columns if "._" in edge[0] or "._" in edge[1]]
        aliases = [alias[1] for one in graph.graph["datasets"] for alias in one["aliases"]]
        assert not [alias for alias in aliases if "snapshots" in alias]
        assert ("ice/shop/orders.amount", "ice/shop/by_customer.total") in graph.columns
        last_big = "ice/shop/by_customer.last_big"
        assert graph.kinds("ice/shop/orders.day", last_big) == {"DIRECT"}
        assert graph.kinds("ice/shop/orders.amount", last_big) == {"INDIRECT"}
        assert ("ice/shop/orders", "ice/shop/by_customer") in graph.edges

    def test_the_error_of_a_failed_run(self) -> None:
        """It is in Spark's own facet."""
        delta = Producer("spark41_failed_job", path).delta
        errors = [facts.facets["errorMessage"].ref for facts in delta.runs.values() if "errorMessage" in facts.facets]
        assert [json.loads(error)["message"] for error in errors] == ["[USER_RAISED_EXCEPTION] no SQLSTATE: P0001"]


class TestAirflow:
    """Airflow's provider."""

    def test_a_cte_is_no_table(self) -> None:
        """Nor does it take the place of what the task reads."""
        graph = Producer("airflow33_shop")
        assert graph.datasets == {"big", "customers", "daily", "orders", "orders.csv", "title_crew"}
        assert {("customers", "daily"), ("orders", "daily"), ("big", "daily"), ("daily", "big")} <= graph.edges
        assert ("orders.amount", "daily.total") in graph.columns

    def test_statements_are_no_jobs(self) -> None:
        """Those without datasets are left to their tasks; a task that failed twice has two runs."""
        graph = Producer("airflow33_shop")
        assert not [job for job in graph.graph["jobs"] if ".query." in job["name"]]
        assert graph.states("shop_daily.flaky") == {"FAIL"}

    def test_the_columns_of_a_cte_alone(self) -> None:
        """Column lineage names what the CTE reads."""
        assert Producer("airflow33_cte").columns == {("daily.day", "big.day"), ("daily.total", "big.total")}

    def test_names_of_aws(self) -> None:
        """Keys with and without slashes are one object; the names as they were sent are kept."""
        graph = Producer("airflow33_aws")
        assert {edge for edge in graph.edges if edge[1] != "staging"} == {
            ("title_ratings", "airflow_ratings"),
            ("x.csv", "x.csv"),
            ("stg_imdb__title_ratings", "airflow_top"),
        }, "each query of Athena has its folder of results as an output, too"
        names = {(one["namespace"], one["name"]) for one in graph.graph["datasets"]}
        assert not [name for namespace, name in names if namespace.startswith("s3://") and name.strip("/") != name]
        assert {("x.csv", "x.csv"), ("stg_imdb__title_ratings", "airflow_top")} <= graph.edges
        aliases = [tuple(alias) for one in graph.graph["datasets"] for alias in one["aliases"]]
        assert ("s3://athena-results", "/staging/") in aliases


class TestDbt:
    """Stock dbt-ol, without refinement."""

    def test_what_is_no_table(self) -> None:
        """Functions and aliases are none, on any engine."""
        for file in ("dbt111_duckdb_dbt_ol", "dbt111_duckdb_dbt_ol_empty"):
            assert not Producer(file).datasets & {"range", "c", "e", "k", "o", "s"}
        built = Producer("dbt111_duckdb_dbt_ol")
        empty = Producer("dbt111_duckdb_dbt_ol_empty")
        assert empty.edges - built.edges == {("stg_customers", "broken"), ("broken", "after_broken")}
        assert built.edges - empty.edges == {("stg_customers", "snap_customers")}, "`dbt run` takes no snapshot"

    def test_tables_by_the_compiled_sql(self) -> None:
        """Sources under their tables' names, seeds and snapshots; ephemeral models are seen through."""
        graph = Producer("dbt111_duckdb_dbt_ol")
        assert graph.edges == {
            ("raw_customers", "stg_customers"),
            ("stg_customers", "customers_v1"),
            ("stg_customers", "customers_v2"),
            ("countries", "customers_v2"),
            ("stg_customers", "snap_customers"),
            ("raw_orders", "stg_orders"),
            ("stg_orders", "orders_by_day"),
            ("orders_by_day", "revenue"),
            ("customers_v2", "revenue"),
            ("stg_orders", "from_eph"),
            ("snap_customers", "from_eph"),
            ("customers_v1", "legacy"),
            ("revenue", "py_scores"),
        }
        assert "eph" not in graph.datasets

    def test_a_source_in_capitals(self) -> None:
        """One table, one run that failed, no edge."""
        graph = Producer("dbt111_redshift_dbt_ol_upper_case", lambda _, name: name)
        assert graph.datasets == {"dev.raw_data.orderstable", "dev.imdb.stg_upper"}
        assert graph.states("model.rs.stg_upper") == {"FAIL"}
        assert graph.edges == set()

    def test_jobs_and_their_states(self) -> None:
        """A model that failed, and one that did not run; tests of a model are a job of their own."""
        graph = Producer("dbt111_duckdb_dbt_ol")
        assert graph.states("model.shop.broken") == {"FAIL"}
        assert graph.states("model.shop.after_broken") == set()
        assert graph.states("model.shop.revenue.test") == {"COMPLETE"}

    def test_tags_owners_and_exposures(self) -> None:
        """They are those of the table, in whatever facet they were sent."""
        delta = Producer("dbt111_duckdb_dbt_ol").delta
        name = DatasetName("duckdb:///data/shop.duckdb", "shop.main.revenue")
        runs = [run for key, run in delta.runs.items() if key.job.name == "model.shop.revenue"]
        (found,) = [run.carried[name] for run in runs]
        text = {key: delta.contents.get(register.ref, register.ref) for key, register in found.items()}
        assert [tag["key"] for tag in json.loads(text["tags"])["tags"]] == ["gold", "owner"]
        (exposure,) = exposures_in(found, lambda ref: delta.contents.get(ref, ref)).values()
        assert (exposure.key, exposure.type) == (("dbt", "exposure.shop.dashboard"), "dashboard")
        assert json.loads(text["ownership"])["owners"] == [{"name": "finance"}]


class TestOthers:
    """openlineage-python, dlt."""

    def test_every_facet_of_the_python_client(self) -> None:
        """The job's own lineage is meant where it and the datasets' differ; what goes into the job is read."""
        graph = Producer("openlineage_python_all_facets", lambda _, name: name.rpartition(".")[2])
        assert ("src", "dst") in graph.edges
        assert ("src.id", "dst.id") in graph.columns
        assert [name[1] for name, job in graph.graph["reads"] if job[1] == "all.facets" and "config" in name[1]]
        assert ("config", "dst") not in graph.edges

    def test_dlt(self) -> None:
        """Each resource of each table: the events tell them not apart."""
        graph = Producer("dlt_duckdb", lambda _, name: name)
        resources, tables = {"orders", "rates"}, {"raw_shop.orders", "raw_shop.orders__lines", "raw_shop.rates"}
        assert graph.edges == {(resource, table) for resource in resources for table in tables}
