"""`python -m bench.emit`: how long `emit()` holds up dbt for an event of 12 KB, on disk and in memory.

No broker is asked: the events wait, as they do in the moments before the first connection.
"""

import argparse
import logging
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset, sql_job
from openlineage.client.serde import Serde

from emitter.brokers.broker import Broker
from emitter.config.transport_config import CheckedConfig
from emitter.errors import RefusedError
from emitter.transport import KafkaTransport

NAMESPACE = "awsathena://athena.us-east-1.amazonaws.com"
COLUMNS = 20


def event() -> RunEvent:
    """An event of a model of 20 columns with schema, column lineage and SQL, shaped like dbt-ol's: about 12 KB."""
    fields = [schema_dataset.SchemaDatasetFacetFields(name=f"column_{n:02}", type="varchar") for n in range(COLUMNS)]
    lineage = {
        f"column_{n:02}": column_lineage_dataset.Fields(
            inputFields=[column_lineage_dataset.InputField(NAMESPACE, "awsdatacatalog.imdb.title", f"column_{n:02}")]
        )
        for n in range(COLUMNS)
    }
    facets: dict[str, Any] = {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}
    return RunEvent(
        eventType=RunState.COMPLETE,
        eventTime="2026-01-01T00:00:00Z",
        run=Run(runId="0190a2b8-0000-7000-8000-000000000000"),
        job=Job("dbt", "imdb.titles", facets={"sql": sql_job.SQLJobFacet(query="select a, b, c from title\n" * 180)}),
        inputs=[InputDataset(NAMESPACE, "awsdatacatalog.imdb.title", facets=dict(facets))],
        outputs=[
            OutputDataset(
                NAMESPACE,
                "awsdatacatalog.imdb.titles",
                facets={**facets, "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(fields=lineage)},
            )
        ],
    )


def refuse(_: object) -> Broker:
    """Leaves the thread without work."""
    raise RefusedError("no broker")


def milliseconds(count: int, **settings: Any) -> list[float]:
    """How long each call of `emit` took, in milliseconds."""
    transport = KafkaTransport(CheckedConfig.from_dict({"bootstrap_servers": "b:1", **settings}), connect=refuse)
    one, took = event(), []
    for _ in range(count):
        began = time.perf_counter()
        transport.emit(one)
        took.append((time.perf_counter() - began) * 1000)
    transport.close(0)
    return took


def serialised(count: int) -> list[float]:
    """How long OpenLineage's own serialisation takes, which any transport needs, in milliseconds."""
    one, took = event(), []
    for _ in range(count):
        began = time.perf_counter()
        Serde.to_json(one).encode()
        took.append((time.perf_counter() - began) * 1000)
    return took


def main() -> None:
    """Measures and prints a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.emit", description=__doc__)
    parser.add_argument("--events", type=int, default=3000, help="how many events (3000)")
    parser.add_argument("--spool-dir", help="a folder on the disk to measure; default: a temporary one")
    options = parser.parse_args()
    logging.getLogger("emitter").addHandler(logging.NullHandler())  # the summaries are not the result
    with tempfile.TemporaryDirectory(dir=options.spool_dir) as folder:
        rows = {
            "serialisation alone": serialised(options.events),
            "emit, spool on disk": milliseconds(options.events, spool_dir=str(Path(folder) / "spool")),
            "emit, memory": milliseconds(options.events, spool=False),
        }
    print(f"{len(Serde.to_json(event()))} bytes an event, {options.events} events, {os.cpu_count()} processors\n")
    print("| what | median ms | p99 ms | most ms |\n|---|---:|---:|---:|")
    for what, took in rows.items():
        p99 = statistics.quantiles(took, n=100)[98]
        print(f"| {what} | {statistics.median(took):.3f} | {p99:.3f} | {max(took):.1f} |")


if __name__ == "__main__":
    main()
