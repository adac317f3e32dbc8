"""A dbt project on DuckDB with a node of every kind, for tests that need dbt itself and no server.

Nodes of every kind have tags and meta, as real projects do; there are a group with an owner, an exposure, a model with
versions, a unit test and a microbatch model.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.events.event_file import written_events

_FILES = {
    "dbt_project.yml": """
name: shop
version: '1.0'
profile: shop
on-run-start: select 1
models: {shop: {+meta: {team: sales, tier: 2}}}
seeds: {shop: {+schema: raw, +tags: [raw], +meta: {team: sales}}}
snapshots: {shop: {+tags: nightly, +meta: {team: sales}}}
data_tests: {shop: {+tags: [quality], +meta: {team: sales}}}
""",
    "profiles.yml": """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: shop.duckdb, threads: 4}
    prod: {type: duckdb, path: shop.duckdb, schema: prod, threads: 4}
""",
    "seeds/orders_raw.csv": "id,amount,placed_at\n1,10,2024-01-01\n2,20,2024-01-02\n3,30,2024-01-03\n",
    "models/stg_orders.sql": """{{ config(materialized='view', event_time='placed_at', tags=['staging', 'gold']) }}
with source as (select * from {{ ref('orders_raw') }})
select id, amount, cast(placed_at as timestamp) as placed_at from source""",
    "models/prices_v1.sql": "select id, amount from {{ ref('orders_raw') }}",
    "models/prices_v2.sql": "select id, amount as price from {{ ref('orders_raw') }}",
    "models/large.sql": """{{ config(materialized='ephemeral') }}
select id, amount from {{ ref('stg_orders') }} where amount > 0""",
    "models/orders.sql": """{{ config(materialized='table') }}
select id, amount as total from {{ ref('large') }}""",
    "models/daily.sql": """{{ config(materialized='incremental', incremental_strategy='microbatch',
  event_time='placed_at', batch_size='day', begin='2024-01-01', concurrent_batches=false, tags='daily') }}
select id, amount, placed_at from {{ ref('stg_orders') }}""",
    "models/report.sql": """{{ config(materialized='table') }}
select {{ env_var('COLUMN', 'total') }} as shown from {{ ref('orders') }}""",
    "models/last.sql": "select * from {{ ref('report') }}",
    "models/schema.yml": """
groups:
  - name: finance
    owner: {name: Finance, email: finance@shop.example}
exposures:
  - name: board
    type: dashboard
    url: https://bi.shop.example/board
    depends_on: [ref('report'), ref('prices')]
    owner: {name: Ana, email: ana@shop.example}
    config: {tags: [weekly], meta: {team: finance}}
models:
  - name: prices
    latest_version: 2
    versions: [{v: 1}, {v: 2}]
    config: {tags: [versioned]}
  - name: orders
    description: Orders, one row each.
    config: {group: finance, access: protected, tags: [gold], meta: {owner: ana, contract: {sla: 4}}}
    columns:
      - {name: id, config: {tags: [key], meta: {pii: false}}, data_tests: [unique, not_null]}
      - name: total
        data_tests: [{accepted_values: {arguments: {values: [10, 20]}, config: {severity: warn}}}]
sources:
  - name: shop_raw
    schema: main_raw
    tables:
      - name: incoming
        config: {tags: [external], meta: {owner: [ana, ben]}}
        identifier: orders_raw
        loaded_at_field: cast(placed_at as timestamp)
        freshness: {warn_after: {count: 1, period: day}}
unit_tests:
  - name: staged
    model: stg_orders
    config: {tags: [unit], meta: {team: sales}}
    given: [{input: ref('orders_raw'), rows: [{id: 1, amount: 2, placed_at: 2024-01-01}]}]
    expect: {rows: [{id: 1, amount: 2}]}
""",
    "snapshots/orders_then.yml": """
snapshots:
  - name: orders_then
    relation: ref('orders')
    config: {strategy: check, check_cols: all, unique_key: id}
""",
    "tests/no_negative.sql": "select * from {{ ref('orders') }} where total < 0",
    "macros/hello.sql": "{% macro hello() %}{{ log('hello', info=True) }}{% endmacro %}",
}


@dataclass
class Run:
    """What one run gave: its end and its events."""

    code: int
    out: str
    err: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def of(self, job: str) -> dict[str, dict[str, Any]]:
        """The events of a job, by their state."""
        return {event["eventType"]: event for event in self.events if event.get("job", {}).get("name") == job}

    def states(self) -> dict[str, list[str]]:
        """The states of each job, in order."""
        found: dict[str, list[str]] = {}
        for event in self.events:
            if "job" in event:
                found.setdefault(event["job"]["name"], []).append(event["eventType"])
        return found


class Shop:
    """The project in a folder.

    Args:
        folder: An empty folder.
        where: The working directory of what is run; the folder if it is not given.
    """

    def __init__(self, folder: Path, where: Path | None = None) -> None:
        self.folder, self.where = folder, where or folder
        for name, content in _FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def run(self, program: str, arguments: Sequence[str], **environment: str) -> Run:
        """Runs `PROGRAM ARGUMENTS` of this interpreter's environment with a file for a transport."""
        with self.start(program, arguments, **environment) as process:
            out, err = process.communicate(timeout=240)
        return Run(process.returncode, out, err, self.events())

    def start(self, program: str, arguments: Sequence[str], **environment: str) -> subprocess.Popen[str]:
        """Starts what `run` runs."""
        self.log.unlink(missing_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "OPENLINEAGE"))}
        transport = {"type": "file", "log_file_path": str(self.log), "append": True}
        own = {"OPENLINEAGE__TRANSPORT": json.dumps(transport), "DO_NOT_TRACK": "1", "HOME": str(self.folder)}
        return subprocess.Popen(
            [Path(sys.executable).with_name(program), *arguments],
            cwd=self.where,
            env=kept | own | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def log(self) -> Path:
        """Where events go."""
        return self.folder / "events.jsonl"

    def events(self) -> list[dict[str, Any]]:
        """What has been sent since the start of the last run."""
        return written_events(self.log)
