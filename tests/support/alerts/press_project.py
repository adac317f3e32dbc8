"""Two dbt projects on one DuckDB file, whose changes day by day are the history of the alerts' test.

`press` makes `report` from customers, orders and clicks; `other` belongs to another team, and writes where `press`
reads and writes. Each day is a real run of dbt; its events are recorded and moved to a day of January 2024.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

FIRST = datetime(2024, 1, 1, 6, tzinfo=UTC)
"""The first day's build begins at this moment."""

COMMIT = "4681bc5d0c0e4b1f9a7f7d8f3b2a1c0d9e8f7a6b"

_PROFILE = "{name}:\n  target: dev\n  outputs:\n    dev: {{type: duckdb, path: ../press.duckdb, threads: 1}}\n"

PRESS = {
    "dbt_project.yml": """
name: press
version: '1.0'
profile: press
models: {press: {+materialized: table}}
""",
    "seeds/customers_raw.csv": "id,mail,name\n1,a@x,Ana\n2,b@y,Ben\n",
    "seeds/orders_raw.csv": "id,customer_id,amount\n1,1,10\n2,2,20\n",
    "models/stg_customers.sql": "select id, mail, name from {{ ref('customers_raw') }}",
    "models/stg_orders.sql": "select id, customer_id, amount from {{ ref('orders_raw') }}",
    "models/orders.sql": """select o.id, o.customer_id, o.amount, c.name
from {{ ref('stg_orders') }} o join {{ ref('stg_customers') }} c on o.customer_id = c.id""",
    "models/revenue.sql": "select customer_id, sum(amount) as total from {{ ref('orders') }} group by 1",
    "models/clicks_daily.sql": "select customer_id, clicks from {{ source('raw', 'clicks') }}",
    "models/report.sql": """select r.customer_id, r.total, k.clicks
from {{ ref('revenue') }} r left join {{ ref('clicks_daily') }} k on r.customer_id = k.customer_id""",
    "models/schema.yml": """
groups:
  - name: finance
    owner: {name: Finance, email: finance@press.example}
exposures:
  - name: board
    type: dashboard
    url: https://bi.press.example/board
    depends_on: [ref('report')]
    owner: {name: Ana, email: ana@press.example}
models:
  - name: stg_customers
    columns:
      - {name: id, data_tests: [unique]}
      - {name: mail, config: {tags: [pii]}}
  - name: stg_orders
    columns:
      - {name: amount, data_type: integer}
  - name: report
    config: {group: finance, meta: {owner: finance}}
sources:
  - name: raw
    schema: raw
    tables: [{name: clicks}, {name: clicks_v2}]
""",
}
"""The project `press` as it is at first."""

OTHER = {
    "dbt_project.yml": "name: other\nversion: '1.0'\nprofile: other\nmodels: {other: {+materialized: table}}\n",
    "models/schema.yml": """
sources:
  - name: press
    schema: main
    tables: [{name: orders}, {name: report}]
""",
}
"""The project `other` as it is at first: without models."""


RAW = """
create schema raw;
create table raw.clicks as select 1 as customer_id, 10 as clicks;
create table raw.clicks_v2 as select 1 as customer_id, 10 as clicks;
"""
"""The tables that dbt does not make."""


class Projects:
    """Both projects in a folder.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with duckdb.connect(str(folder / "press.duckdb")) as database:
            database.execute(RAW)
        for name, content in (("press", PRESS), ("other", OTHER)):
            self.change(name, {**content, "profiles.yml": _PROFILE.format(name=name)})

    def change(self, project: str, files: dict[str, str | None]) -> None:
        """Writes files of a project, or removes those that are None."""
        for name, content in files.items():
            path = self._folder / project / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)

    def run(self, project: str, *arguments: str, fails: bool = False) -> list[dict[str, Any]]:
        """Runs `headwater-dbt`; returns the events."""
        log = self._folder / "events.jsonl"
        log.unlink(missing_ok=True)
        transport = {"type": "file", "log_file_path": str(log), "append": True}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "OPENLINEAGE"))}
        own = {"OPENLINEAGE__TRANSPORT": json.dumps(transport), "DO_NOT_TRACK": "1", "HOME": str(self._folder)}
        done = subprocess.run(
            [Path(sys.executable).with_name("headwater-dbt"), *arguments],
            cwd=self._folder / project,
            env=kept | own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return [json.loads(line) for line in log.read_text().splitlines()]


def moved(events: list[dict[str, Any]], day: int) -> Iterator[dict[str, Any]]:
    """Moves events to a day, and gives jobs of models the commit that a CI runner would know.

    Args:
        events: The events of one run of dbt, or of several.
        day: From 0 on.
    """
    if not events:
        return
    began = min(_time(event) for event in events)
    for event in events:
        moment = FIRST + timedelta(days=day) + (_time(event) - began)
        if "job" not in event:
            yield {**event, "eventTime": moment.isoformat()}
            continue
        job = event["job"]
        location = {"type": "git", "url": f"https://git.press.example/{job['name']}.sql", "version": COMMIT}
        facets = {**job.get("facets", {}), "sourceCodeLocation": location}
        yield {**event, "eventTime": moment.isoformat(), "job": {**job, "facets": facets}}


def again(events: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """The events of another run that did the same: with other run ids."""
    text = json.dumps(events)
    runs = {event["run"]["runId"] for event in events if "run" in event}
    for run in sorted(runs):
        text = text.replace(run, str(uuid.uuid5(uuid.UUID(run), str(number))))
    return list(json.loads(text))


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["eventTime"])
