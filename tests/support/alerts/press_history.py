"""Changes of the projects, day by day, and the alerts that people should get for them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.alerts.press_project import PRESS, Projects, again, moved

Events = list[dict[str, Any]]
Expected = tuple[str, str]
"""A rule and the last part of the subject's name."""

NAMESPACE = "duckdb://../press.duckdb"
BASELINE_DAYS = 4
"""Days of equal builds before alerting begins, from which intervals are learnt."""

SCHEMA = PRESS["models/schema.yml"]


class Step(NamedTuple):
    """One change.

    Attributes:
        name: The change, in a few words.
        day: When it happens.
        events: The events of its runs.
        expected: The alerts that it raises.
    """

    name: str
    day: int
    events: Events
    expected: tuple[Expected, ...] = ()


class History:
    """Plays the history on real runs of dbt.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._projects = Projects(folder)
        self._day = 0

    def steps(self) -> Iterator[Step]:
        """Yields the steps; each change is made when its step is asked for."""
        first = self._projects.run("press", "build")
        for day in range(BASELINE_DAYS):
            yield self._step("build", again(first, day) if day else first, days=1 if day else 0)
        for name, expected, act in CHANGES:
            yield self._step(name, act(self._projects), expected)

    def _step(self, name: str, events: Events, expected: tuple[Expected, ...] = (), days: int = 1) -> Step:
        self._day += days
        return Step(name, self._day, list(moved(events, self._day)), expected)


Act = Callable[[Projects], Events]


def build(projects: Projects, **files: str | None) -> Events:
    """Changes models of `press`, by their names, and builds it."""
    projects.change("press", {f"models/{name}.sql": content for name, content in files.items()})
    return projects.run("press", "build")


def failing(projects: Projects, **files: str | None) -> Events:
    """The same, with a build that fails."""
    projects.change("press", {f"models/{name}.sql": content for name, content in files.items()})
    return projects.run("press", "build", fails=True)


def rename_a_column(projects: Projects) -> Events:
    """`stg_orders.amount` becomes `net_amount`; `orders` follows."""
    projects.change("press", {"models/schema.yml": SCHEMA.replace("name: amount", "name: net_amount")})
    return build(
        projects,
        stg_orders="select id, customer_id, amount as net_amount from {{ ref('orders_raw') }}",
        orders=PRESS["models/orders.sql"].replace("o.amount", "o.net_amount as amount"),
    )


def change_a_type(projects: Projects) -> Events:
    """`stg_orders.net_amount` is text now."""
    changed = SCHEMA.replace("name: amount, data_type: integer", "name: net_amount, data_type: varchar")
    projects.change("press", {"models/schema.yml": changed})
    return build(
        projects,
        stg_orders="select id, customer_id, amount::varchar as net_amount from {{ ref('orders_raw') }}",
        orders=PRESS["models/orders.sql"].replace("o.amount", "o.net_amount::int as amount"),
    )


def drop_a_column(projects: Projects) -> Events:
    """`orders.name` goes; `labels`, which reads it, is not built."""
    projects.change("press", {"models/orders.sql": _without_name()})
    return projects.run("press", "build", "--exclude", "labels")


def _without_name() -> str:
    joined = PRESS["models/orders.sql"].replace("o.amount", "o.net_amount::int as amount")
    return joined.replace(", c.name", "")


def fail_a_test(projects: Projects) -> Events:
    """Two customers have one id: dbt skips what is built from them."""
    projects.change("press", {"seeds/customers_raw.csv": "id,mail,name\n1,a@x,Ana\n1,b@y,Ben\n"})
    return projects.run("press", "build", fails=True)


def mend_the_test(projects: Projects) -> Events:
    """The ids are unique again."""
    projects.change("press", {"seeds/customers_raw.csv": PRESS["seeds/customers_raw.csv"]})
    return projects.run("press", "build")


def swap_a_source(projects: Projects) -> Events:
    """`clicks_daily` reads another table."""
    return build(projects, clicks_daily="select customer_id, clicks from {{ source('raw', 'clicks_v2') }}")


def break_a_model(projects: Projects) -> Events:
    """`revenue` reads a column that is not there."""
    return failing(projects, revenue="select customer_id, sum(nonsense) as total from {{ ref('orders') }} group by 1")


def build_again(projects: Projects) -> Events:
    """The same build once more."""
    return projects.run("press", "build")


def fail_again(projects: Projects) -> Events:
    """The same build fails once more."""
    return projects.run("press", "build", fails=True)


def repair_the_model(projects: Projects) -> Events:
    """`revenue` is as it was."""
    return build(projects, revenue=PRESS["models/revenue.sql"])


def read_mails(projects: Projects) -> Events:
    """A new model reads a column that is tagged `pii`, and another one reads that model."""
    return build(
        projects,
        mailing="select id, mail as address from {{ ref('stg_customers') }}",
        mailing_copy="select address from {{ ref('mailing') }}",
    )


def filter_by_mails(projects: Projects) -> Events:
    """A new model has rows by a column that is tagged `pii`."""
    return build(projects, external="select id from {{ ref('stg_customers') }} where mail not like '%@x'")


def add_labels(projects: Projects) -> Events:
    """A new model reads `orders.name`."""
    return build(projects, labels="select id, name as label from {{ ref('orders') }}")


def write_a_table_twice(projects: Projects) -> Events:
    """Another team writes `revenue` as well, after it was built; `labels`, which no longer works, is deleted."""
    sql = "{{ config(alias='revenue') }} select customer_id, amount as total from {{ source('press', 'orders') }}"
    projects.change("other", {"models/other_revenue.sql": sql})
    projects.change("press", {"models/labels.sql": None})
    return [*build_again(projects), *projects.run("other", "run")]


def close_a_cycle(projects: Projects) -> Events:
    """Another team writes what `clicks_daily` reads, from what is made of it."""
    sql = (
        "{{ config(alias='clicks_v2', schema='raw') }} select customer_id, clicks from {{ source('press', 'report') }}"
    )
    macro = "{% macro generate_schema_name(name, node) %}{{ name or target.schema }}{% endmacro %}"
    projects.change("other", {"models/clicks_v2.sql": sql, "macros/schema.sql": macro})
    return [*build_again(projects), *projects.run("other", "run", "--select", "clicks_v2")]


def drop_a_model(projects: Projects) -> Events:
    """`revenue` is deleted, and `report` reads `orders` itself."""
    report = PRESS["models/report.sql"].replace("r.total", "r.amount as total").replace("revenue", "orders")
    return build(projects, revenue=None, report=report)


def build_without(projects: Projects) -> Events:
    """All is built but for `clicks_daily`."""
    return projects.run("press", "build", "--exclude", "clicks_daily")


def rename_a_dataset(projects: Projects) -> Events:
    """A catalog says that a table has another name, which is shown from then on."""
    built = build_again(projects)
    glue = {"namespace": "arn:aws:glue:us-east-1:123456789012", "name": "table/press/report", "type": "TABLE"}
    said = {"symlinks": {"identifiers": [glue], "_producer": "https://x", "_schemaURL": "https://x"}}
    dataset_event = {
        "eventTime": built[-1]["eventTime"],
        "dataset": {"namespace": NAMESPACE, "name": "press.main.report", "facets": said},
        "producer": "https://catalog.example",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
    }
    return [*built, dataset_event]


CHANGES: tuple[tuple[str, tuple[Expected, ...], Act], ...] = (
    ("nothing changes", (), build_again),
    ("a column is renamed", (("column-changed", "stg_orders"),), rename_a_column),
    ("a type changes", (("column-changed", "stg_orders"),), change_a_type),
    ("a source is swapped", (("lost-source", "clicks_daily"), ("unowned-source", "clicks_v2")), swap_a_source),
    ("a test fails", (("quality-failed", "stg_customers"),), fail_a_test),
    ("it fails again", (), fail_again),
    ("it passes again", (), mend_the_test),
    ("a run fails", (("run-failed", "revenue"),), break_a_model),
    ("it fails again", (), fail_again),
    ("it completes again", (), repair_the_model),
    ("a tagged column has a new reader", (("tagged-reader", "mailing"),), read_mails),
    ("a tagged column decides rows", (("tagged-reader", "external"),), filter_by_mails),
    ("a new model reads a column", (), add_labels),
    ("a column that is read is dropped", (("column-changed", "orders"),), drop_a_column),
    ("a table has two writers", (("two-writers", "revenue"),), write_a_table_twice),
    ("a cycle is closed", (("cycle", "clicks_daily"),), close_a_cycle),
    ("a model is dropped", (("lost-source", "report"),), drop_a_model),
    # No job of the project writes `revenue` any more.
    ("a dataset is renamed", (("renamed", "report"), ("stopped", "revenue")), rename_a_dataset),
    ("a job is left out", (), build_without),
    ("it has stopped", (("stopped", "clicks_daily"),), build_without),
    ("it is still silent", (), build_without),
)
"""Each change with the alerts that it raises, and what is done."""


RECORDED = Path(__file__).parents[2] / "data" / "alerts" / "press_history.jsonl.gz"
"""The history as dbt once played it; `python -m tests.support.alerts.record_press_history` records it again."""


def recorded() -> list[Step]:
    """The steps as they were recorded from runs of dbt."""
    lines = gzip.decompress(RECORDED.read_bytes()).decode().splitlines()
    steps = [Step(one["name"], one["day"], one["events"]) for one in map(json.loads, lines)]
    changes = [step.name for step in steps[BASELINE_DAYS:]]
    assert changes == [name for name, _, _ in CHANGES], "record the history again"
    expected = [()] * BASELINE_DAYS + [alerts for _, alerts, _ in CHANGES]
    return [step._replace(expected=alerts) for step, alerts in zip(steps, expected, strict=True)]


def record(steps: Iterable[Step]) -> None:
    """Writes the events of steps, so that the history can be played again without dbt."""
    lines = [json.dumps({"name": step.name, "day": step.day, "events": step.events}) for step in steps]
    RECORDED.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
