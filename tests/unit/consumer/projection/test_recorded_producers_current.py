"""The graphs of recorded events, as far as they rest on which runs are current and which names are one dataset."""

from __future__ import annotations

from tests.support.events.recorded_producers import Producer


def path(_: str, name: str) -> str:
    """A path without what all of Spark's have in common."""
    return name.removeprefix("/data/lake/")


class TestSpark:
    """openlineage-spark."""

    def test_two_sources_of_one_table(self) -> None:
        """Runs of one job under one application are current together; a DELETE takes nothing of a MERGE away."""
        graph = Producer("spark35_two_sources_one_table", path)
        assert {edge for edge in graph.edges if edge[0] != edge[1]} == {
            ("in/web", "ice/wh/stock"),
            ("in/shop", "ice/wh/stock"),
            ("in/web", "ice/wh/latest"),
            ("ice/wh/stock", "ice/wh/copied"),
            ("in/web", "ext/price_1"),
            ("in/shop", "ext/price_2"),
            ("ext/price_2", "warehouse/wh.db/price_report"),
        }

    def test_iceberg(self) -> None:
        """INSERT and MERGE from files; three tables of one; self-edges are true."""
        graph = Producer("spark35_iceberg", path)
        assert {edge for edge in graph.edges if edge[0] != edge[1]} == {
            ("raw/orders", "ice/shop/orders"),
            ("ice/shop/orders", "ice/shop/by_customer"),
            ("ice/shop/orders", "ice/shop/old_orders"),
            ("ice/shop/orders", "ice/shop/all_orders"),
            ("raw/orders", "ice/shop/all_orders"),
        }

    def test_what_only_a_drop_named(self) -> None:
        """Spark names a dropped table by a path that never was."""
        assert "warehouse/shop.db/shop.db/daily" not in Producer("spark35_files_and_tables", path).datasets
        assert "warehouse/shop.db/shop.db/daily2" not in Producer("spark35_iceberg", path).datasets

    def test_tables_that_were_swapped(self) -> None:
        """Two names of one Glue catalog are two tables, always; of a path's links the latest counts."""
        graph = Producer("spark35_glue_rename")
        glue = [one["name"] for one in graph.graph["datasets"] if one["namespace"].startswith("arn:aws:glue:")]
        assert {"table/lake2/price", "table/lake2/price_old", "table/lake2/crew"} <= set(glue)
        assert {
            ("price", "report"),
            ("price_old", "old_report"),
            ("crew", "price"),
            ("crew", "price_old"),
        } <= graph.edges

    def test_a_run_that_failed_has_not_completed(self) -> None:
        """Whatever is sent after the FAIL."""
        graph = Producer("spark41_failed_job", path)
        job = "orders_nightly.execute_insert_into_hadoop_fs_relation_command.shop_db_never"
        assert graph.states(job) == {"FAIL"}
        jobs = {job_name[1] for _, target, job_name in graph.graph["dataset_edges"] if target[1].endswith("never")}
        assert jobs <= {"orders_nightly.execute_create_data_source_table_as_select_command.shop_never"}


class TestAirflow:
    """Airflow's provider."""

    def test_mapped_tasks(self) -> None:
        """Each run of a mapped task has its own output; each output of a task of four statements its own inputs."""
        graph = Producer("airflow33_shop")
        assert graph.edges == {
            ("orders", "daily"),
            ("customers", "daily"),
            ("orders", "big"),
            ("big", "daily"),
            ("daily", "big"),
            ("orders.csv", "daily"),
            ("title_crew", "daily"),
            ("orders.csv", "title_crew"),
        }

    def test_what_column_lineage_alone_names(self) -> None:
        """Dataset edges and column edges never contradict each other."""
        assert Producer("airflow33_cte").edges == {("daily", "big")}

    def test_two_tables_at_one_location(self) -> None:
        """A location that two tables claim joins none of them."""
        graph = Producer("airflow33_aws")
        assert {"title_ratings", "title_ratings_strings"} <= graph.datasets
        tables = {one["name"] for one in graph.graph["datasets"] if "athena" in one["namespace"]}
        assert {"awsdatacatalog.imdb.title_ratings", "awsdatacatalog.imdb.title_ratings_strings"} <= tables


class TestOthers:
    """Dagster."""

    def test_jobs_that_share_a_run_id(self) -> None:
        """A run is a job and a run id."""
        graph = Producer("dagster_assets", lambda _, name: name)
        assert graph.edges == {("shop/raw_orders", "shop/daily")}
        assert graph.columns == {("shop/raw_orders.amount", "shop/daily.total")}
        assert graph.states("shop/daily") == {"COMPLETE"}, "Dagster's FAIL before it was not the asset's own"
        assert graph.states("broken") == {"FAIL"}
        assert graph.states("shop/raw_orders") == {"COMPLETE"}
