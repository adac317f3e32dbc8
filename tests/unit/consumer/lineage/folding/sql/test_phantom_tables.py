"""Names in lineage that are no tables, on every engine."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from consumer.lineage.column_lineage import sources, unpack
from consumer.lineage.facts.delta import Delta
from consumer.lineage.facts.output_facets import COLUMN_LINEAGE
from schemas.naming import DatasetName
from tests.support.graph.graph_of_events import embedded, folded

Json = dict[str, Any]
ENGINES = {
    "duckdb:///data/shop.duckdb": "shop.main.",
    "postgres://db:5432": "dev.public.",
    "bigquery": "project.dataset.",
    "snowflake://org-account": "DB.S.",
    "mysql://db:3306": "shop.",
    "awsathena://athena.us-east-1.amazonaws.com": "awsdatacatalog.shop.",
    "redshift://wg.us-east-1:5439": "dev.public.",
}


def event(namespace: str, inputs: list[str], outputs: dict[str, list[str]], sql: str | None = None) -> Json:
    """A completed run: each output with the tables that its column lineage names."""

    def lineage(sources: list[str]) -> Json:
        fields = {
            f"c{at}": {"inputFields": [{"namespace": namespace, "name": one, "field": "c"}]}
            for at, one in enumerate(sources)
        }
        return {"columnLineage": {"fields": fields}} if sources else {}

    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-28T00:00:00Z",
        "run": {"runId": "r"},
        "job": {"namespace": "n", "name": "j", "facets": {"sql": {"query": sql}} if sql else {}},
        "inputs": [{"namespace": namespace, "name": name} for name in inputs],
        "outputs": [
            {"namespace": namespace, "name": name, "facets": lineage(sources)} for name, sources in outputs.items()
        ],
    }


def lineage_of(delta: Delta, output: str) -> set[str]:
    """The names of the sources of an output's column lineage."""
    (run,) = delta.runs.values()
    (text,) = (
        delta.contents.get(registers[COLUMN_LINEAGE].ref, registers[COLUMN_LINEAGE].ref)
        for name, registers in run.carried.items()
        if name.name == output
    )
    left_out = any("not names of tables" in problem.reason for problem in delta.problems)
    assert unpack(text).partial == (left_out and unpack(text).datasets is None)
    return {source.name for source in sources(text)}


@pytest.mark.parametrize(("namespace", "schema"), ENGINES.items())
@pytest.mark.parametrize("phantom", ["source_data", "c", "range", "generate_series"])
def test_fewer_parts_than_all_tables(namespace: str, schema: str, phantom: str) -> None:
    """CTEs, aliases and functions that a parser did not resolve are nowhere, and are reported; real sources stay."""
    real = f"{schema}orders".lower() if "athena" in namespace or "redshift" in namespace else f"{schema}orders"
    target = real.replace("orders", "t")
    delta = folded([event(namespace, [real], {target: [real, phantom]})])
    assert {name.name for name in delta.names} == {real, target}
    assert lineage_of(delta, target) == {real}
    assert any(phantom in problem.reason for problem in delta.problems)


@pytest.mark.parametrize(
    ("namespace", "inputs", "output", "source"),
    [
        ("sqlite", ["orders"], "t", "orders"),
        ("postgres://db:5432", ["public.orders"], "dev.public.t", "public.customers"),
        ("postgres://db:5432", ["dev.public.orders"], "dev.public.t", "other.raw.customers"),
        ("kafka://broker:9092", ["orders.v1"], "orders.v1.enriched", "customers"),
        ("s3://lake", ["raw/orders"], "marts/t.parquet", "raw"),
        ("file", ["/data/raw.orders"], "/data/marts.t.x", "/data/raw"),
        ("mongodb://db", ["shop.orders"], "shop.orders.t", "customers"),
        ("dagster-prod", ["shop/orders"], "shop/daily", "raw_orders"),
        ("some-namespace", ["orders"], "daily", "raw_orders"),
        ("some-namespace", ["shop.orders"], "daily", "raw_orders"),
    ],
)
def test_what_may_be_a_dataset_stays(namespace: str, inputs: list[str], output: str, source: str) -> None:
    """Paths and topics have no parts to count; a name with as many parts as some table may be a table."""
    delta = folded([event(namespace, inputs, {output: [source]})])
    assert lineage_of(delta, output) == {source}
    assert not delta.problems


@pytest.mark.parametrize("sql", [None, "select 1"])
def test_an_unknown_namespace_has_tables_if_its_names_have_parts(sql: str | None) -> None:
    """A bare word beside names with a schema is none, whatever the namespace is called."""
    delta = folded([event("food_delivery", ["public.orders"], {"public.daily": ["o", "public.orders"]}, sql)])
    assert lineage_of(delta, "public.daily") == {"public.orders"}


class TestCommonTableExpressions:
    """A parser that knows a default schema puts it before a CTE's name, too."""

    NAMESPACE = "postgres://db:5432"

    def test_it_never_costs_a_real_edge(self) -> None:
        """What the CTE reads takes its place; where the text does not say that, the run's inputs count."""
        sql = "create table big as with x as (select * from daily) select * from x; create table other as select 1"
        outputs = {"dev.public.big": ["dev.public.x"], "dev.public.other": ["dev.public.x"]}
        delta = folded([event(self.NAMESPACE, ["dev.public.daily"], outputs, sql)])
        assert {name.name for name in delta.names} == {"dev.public.daily", *outputs}
        assert lineage_of(delta, "dev.public.big") == {"dev.public.daily"}
        assert lineage_of(delta, "dev.public.other") == set()

    def test_a_table_of_the_same_name_stays(self) -> None:
        """Dbt's import CTEs are called as the tables that they read."""
        sql = 'with orders as (select * from "dev"."raw"."orders"), x as (select * from orders) select * from x'
        sources = ["dev.raw.orders", "dev.public.orders", "dev.public.x"]
        delta = folded([event(self.NAMESPACE, [], {"dev.public.t": sources}, sql)])
        assert lineage_of(delta, "dev.public.t") == {"dev.raw.orders"}

    def test_a_table_that_a_cte_of_its_name_reads_stays(self) -> None:
        """Within its own text, a CTE that is not recursive is not known."""
        sql = "with orders as (select * from orders) select * from orders"
        delta = folded([event(self.NAMESPACE, [], {"dev.public.t": ["dev.public.orders"]}, sql)])
        assert lineage_of(delta, "dev.public.t") == {"dev.public.orders"}

    def test_what_the_event_names_itself_stays(self) -> None:
        """An input is a table, whatever the text defines."""
        sql = "with x as (select 1) select * from x"
        delta = folded([event(self.NAMESPACE, ["dev.public.x"], {"dev.public.t": ["dev.public.x"]}, sql)])
        assert lineage_of(delta, "dev.public.t") == {"dev.public.x"}

    def test_a_source_that_the_text_does_not_define_stays(self) -> None:
        """Column lineage alone may name a table (openlineage-sql leaves out what a CTE reads)."""
        sql = "INSERT INTO big WITH x AS (SELECT day, total FROM daily) SELECT day, total FROM x"
        delta = folded([event(self.NAMESPACE, [], {"dev.public.big": ["dev.public.daily"]}, sql)])
        assert lineage_of(delta, "dev.public.big") == {"dev.public.daily"}


class TestInputs:
    """Inputs that are no tables."""

    def test_a_bare_word_beside_tables(self) -> None:
        """It is left out and reported, whether the event has outputs or not."""
        both: list[dict[str, list[str]]] = [{"p.d.t": []}, {}]
        for outputs in both:
            delta = folded([event("bigquery", ["source_data", "p.d.orders"], outputs)])
            assert DatasetName("bigquery", "source_data") not in delta.names
            assert [problem.path for problem in delta.problems] == ["$.inputs[0].name"]

    def test_names_with_some_parts_are_kept(self) -> None:
        """They may be of the default database, and bare words alone may be all that an engine has."""
        for inputs in (["d.orders", "p.d.customers"], ["orders", "customers"]):
            delta = folded([event("bigquery", inputs, {})])
            assert {name.name for name in delta.names} == set(inputs)

    def test_a_symlink_makes_it_a_table(self) -> None:
        """A bare word with another name was resolved by somebody."""
        said = event("duckdb://x", ["orders"], {"db.s.t": []})
        link = {"identifiers": [{"namespace": "duckdb://x", "name": "db.s.orders", "type": "TABLE"}]}
        said["inputs"][0]["facets"] = {"symlinks": link}
        assert DatasetName("duckdb://x", "orders") in folded([said]).names


class TestCompiledSql:
    """Models of stock dbt-ol, whose compiled SQL names each table in full."""

    NAMESPACE = "postgres://db:5432"

    def read(self, inputs: list[str], sql: str, **job_type: str) -> set[str]:
        """The inputs of the run of a model that writes dev.public.t."""
        said = event(self.NAMESPACE, inputs, {"dev.public.t": []}, sql)
        said["job"]["facets"]["jobType"] = {"integration": "DBT", "jobType": "MODEL", **job_type}
        (run,) = folded([said]).runs.values()
        return {name.name for name in run.inputs}

    @pytest.mark.parametrize(
        ("inputs", "sql", "expected"),
        [
            (["dev.raw.orders"], 'select * from "dev"."raw"."OrdersTable"', {"dev.raw.OrdersTable"}),
            (
                ["dev.public.a"],
                'select * from dev.public.a join "dev"."public"."seed" s using (id)',
                {"dev.public.a", "dev.public.seed"},
            ),
            (
                ["dev.public.eph"],
                "with __dbt__cte__eph as (select * from dev.public.a) select * from __dbt__cte__eph",
                {"dev.public.a"},
            ),
            (
                ["dev.public.a"],
                "select * from dev.public.a where d > (select max(d) from dev.public.t)",
                {"dev.public.a"},
            ),
            (
                ["dev.public.a"],
                "select extract(day from x.y.z), trim(both 'x' from q.r.s) from dev.public.a",
                {"dev.public.a"},
            ),
            (["dev.public.a"], "select * from dev.public.a o, o.items.list l, unnest(o.b.c) u", {"dev.public.a"}),
            (["dev.public.a"], "select * from a", {"dev.public.a"}),
            (
                ["dev.public.a"],
                "def model(dbt, session):\n    from a.b.c import d\n    return dbt.ref('a')",
                {"dev.public.a"},
            ),
            (["dev.public.a"], "", {"dev.public.a"}),
            (
                ["dev.public.a", "dev.public.rates"],
                'select "dev"."public"."rate_of" (a.id) from dev.public.a as a',
                {"dev.public.a", "dev.public.rates"},
            ),
            (
                ["dev.public.a"],
                "select f.* from dev.public.rates_of(7) as f, dev.public.b",
                {"dev.public.a", "dev.public.b"},
            ),
            (["dev.public.eph"], "select public.f(a.id), a.list.sum(1) from dev.public.a as a", {"dev.public.a"}),
        ],
        ids=[
            *("identifier", "seed", "ephemeral", "itself", "calls", "columns", "in part", "python", "none"),
            *("function", "table function", "function in part"),
        ],
    )
    def test_it_says_what_is_read(self, inputs: list[str], sql: str, expected: set[str]) -> None:
        """What it names in full is read, and nothing else; the inputs are too, where it names nothing in full.

        And where it calls a function in full, whose own tables are in no text of the event.
        """
        assert self.read(inputs, sql) == expected

    @pytest.mark.parametrize("value", [{}, [], 7, None])
    def test_a_job_type_that_is_no_text(self, value: object) -> None:
        """It is reported as a bad facet, and the inputs are those of the event."""
        said = event(self.NAMESPACE, ["dev.public.a"], {"dev.public.t": []}, "select * from dev.public.b")
        said["job"]["facets"]["jobType"] = {"integration": "DBT", "jobType": value}
        (run,) = folded([said]).runs.values()
        assert {name.name for name in run.inputs} == {"dev.public.a"}

    def test_only_of_models_and_snapshots_of_dbt(self) -> None:
        """A test reads what it is attached to, and other tools' texts may be one of many statements."""
        sql = "select * from dev.public.b"
        assert self.read(["dev.public.a"], sql, jobType="TEST") == {"dev.public.a"}
        assert self.read(["dev.public.a"], sql, integration="AIRFLOW") == {"dev.public.a"}
        assert self.read(["dev.public.a"], sql, jobType="SNAPSHOT") == {"dev.public.b"}

    def test_what_a_function_reads_feeds_both_outputs(self) -> None:
        """The view of a model's latest version has the tables of the model, also those without a column."""
        outputs = {f"dev.public.{name}": ["dev.public.a"] for name in ("report_v2", "report")}
        sql = 'select "dev"."public"."rate_of"(a.id) as c from dev.public.a as a'
        said = event(self.NAMESPACE, ["dev.public.a", "dev.public.rates"], outputs, sql)
        said["job"]["facets"]["jobType"] = {"integration": "DBT", "jobType": "MODEL"}
        edges = orjson.loads(embedded([[said]]))["dataset_edges"]
        assert {(source[1], target[1]) for source, target, _ in edges} == {
            (f"dev.public.{source}", target) for source in ("a", "rates") for target in outputs
        }
