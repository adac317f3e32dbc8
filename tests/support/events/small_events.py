"""A stream of small events in which everything changes: what models read, how runs end, which names are one table.

Two projects of forty models are built again and again, by four jobs each. Every run says in five events what it reads
and writes, each a part of it; later builds read other tables and write more columns, some runs fail, and from
the second build on a few events link the names of tables, so that what was written apart is joined under way.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

PROJECTS = ("left", "right")
MODELS = 40
ROOTS = 4
LINKED_FROM_BUILD = 2
WIDER_FROM_BUILD = 4
KINDS = ("START", "RUNNING", "RUNNING", "RUNNING")
ENDS = ("COMPLETE", "COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "ABORT")

REDSHIFT = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"
GLUE = "arn:aws:glue:us-east-1:123456789012"
PRODUCER = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
COMMON = {"_producer": PRODUCER, "_schemaURL": SCHEMA}
LEAST_COLUMNS = ("c0", "c1", "c2")
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)

Json = dict[str, Any]


def _table(project: str, model: int) -> str:
    """A model's table; the last ones are of both projects."""
    return f"dev.{project}.t{model:02}" if model < MODELS - 4 else f"dev.shared.t{model:02}"


TABLES = tuple(sorted({_table(project, model) for project in PROJECTS for model in range(MODELS)}))
"""All that is written; the stream begins with one event for each, which lists its columns."""


def records(count: int) -> list[tuple[bytes, bytes]]:
    """The first so many records of the stream, as key and value; the same ones each time."""
    found = [(name.encode(), orjson.dumps(_listing(name))) for name in TABLES]
    build = 0
    while len(found) < count:
        found += _build(build)
        build += 1
    return found[:count]


def _build(build: int) -> Iterator[tuple[bytes, bytes]]:
    # By event, not by run, so that the runs of a build are under way at the same time.
    for step in range(len(KINDS) + 1):
        for project in PROJECTS:
            for model in range(MODELS):
                key = f"dbt/dbt-run-{project}-{model % ROOTS}".encode()
                yield key, orjson.dumps(_event(project, model, build, step))


def _event(project: str, model: int, build: int, step: int) -> Json:
    chance = random.Random(f"{project}/{model}/{build}")
    reads = [_table(project, read) for read in chance.sample(range(MODELS), chance.randint(1, 3)) if read != model]
    end = chance.choice(ENDS)
    kind = (*KINDS, end)[step]
    at = BEGIN + timedelta(hours=build, seconds=step, milliseconds=model)
    outputs = [_dataset(_table(project, model), _output_facets(reads, build))] if step in {0, len(KINDS)} else []
    return {
        "eventTime": at.isoformat(),
        "eventType": kind,
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{project}/{model}/{build}")), "facets": {}},
        "job": {"namespace": "dbt", "name": f"model.{project}.m{model:02}", "facets": {}},
        "inputs": [_dataset(name, _links(name, build)) for name in reads[step % 3 :: 3]],
        "outputs": outputs,
        "producer": PRODUCER,
        "schemaURL": f"{SCHEMA}RunEvent",
    }


def _listing(name: str) -> Json:
    """The columns of a table, before anything is built."""
    schema = {"schema": _schema(LEAST_COLUMNS)}
    return {
        "eventTime": (BEGIN - timedelta(days=1)).isoformat(),
        "dataset": _dataset(name, schema),
        "producer": PRODUCER,
        "schemaURL": f"{SCHEMA}DatasetEvent",
    }


def _dataset(name: str, facets: Json) -> Json:
    return {"namespace": REDSHIFT, "name": name, "facets": facets}


def _links(name: str, build: int) -> Json:
    """Every fifth table has another name, which is told late; two tables have the same one."""
    number = int(name[-2:])
    if build < LINKED_FROM_BUILD or number % 5:
        return {}
    linked = {"namespace": GLUE, "name": f"table/imdb/t{number % 35:02}", "type": "TABLE"}
    return {"symlinks": {**COMMON, "identifiers": [linked]}}


def _output_facets(reads: list[str], build: int) -> Json:
    columns = (*LEAST_COLUMNS, "c3")[: 3 + (build >= WIDER_FROM_BUILD)]
    fields = {
        column: {
            "inputFields": [{"namespace": REDSHIFT, "name": read, "field": LEAST_COLUMNS[build % 3]} for read in reads]
        }
        for column in columns
    }
    return {"schema": _schema(columns), "columnLineage": {**COMMON, "fields": fields}}


def _schema(columns: Sequence[str]) -> Json:
    return {**COMMON, "fields": [{"name": column, "type": "varchar"} for column in columns]}
