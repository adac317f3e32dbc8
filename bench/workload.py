"""The events of a dbt project of any size, shaped and sized like real ones (about 6 KB each)."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

NAMESPACE = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"
PRODUCER = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"
CLIENT = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/client/python"
COLUMNS = 12
LAYERS = 10
START = datetime(2020, 1, 1, tzinfo=UTC)
"""Long ago, because no event may lie ahead of its record, and each build is an hour later than the one before."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Project:
    """A dbt project: models in layers, each of which reads some of the layer before.

    Attributes:
        name: Its name.
        models: How many models it has.
        reads: How many tables each model reads.
        mixes: From how many of them each of its columns is made.
    """

    name: str
    models: int
    reads: int = 2
    mixes: int = 1

    def table(self, model: int) -> str:
        """The table of a model."""
        return f"dev.{self.name}.model_{model:06}"

    def parents(self, model: int) -> list[str]:
        """The tables that a model reads: some of the layer before, or sources."""
        width = max(self.models // LAYERS, 1)
        chance = random.Random(model)  # noqa: S311 - the same graph each time
        read = chance.sample(range(width), min(self.reads, width))
        if model < width:
            return [f"dev.raw.{self.name}_source_{source:06}" for source in read]
        first = (model // width - 1) * width
        return [self.table(first + parent) for parent in read]

    def build(self, number: int) -> Iterator[tuple[bytes, bytes]]:
        """The records of one `dbt build`, as key and value: START and COMPLETE of the run and of each model.

        Args:
            number: Which build it is; later ones have later times and other run ids, and say the same.
        """
        at = START + timedelta(hours=number)
        key = f"dbt/dbt-run-{self.name}".encode()
        root = _run_id(self.name, number, -1)
        yield key, orjson.dumps(self._root(root, at, "START"))
        for model in range(self.models):
            run = _run_id(self.name, number, model)
            for kind, seconds in (("START", 0), ("COMPLETE", 1)):
                time = at + timedelta(seconds=seconds, milliseconds=model)
                yield key, orjson.dumps(self._event(model, run, root, time, kind))
        yield key, orjson.dumps(self._root(root, at + timedelta(minutes=59), "COMPLETE"))

    def _root(self, run: str, time: datetime, kind: str) -> Json:
        job = {"namespace": "dbt", "name": f"dbt-run-{self.name}", "facets": {"jobType": _job_type("JOB")}}
        return _run_event(job, {"runId": run, "facets": {}}, time, kind, [], [])

    def _event(self, model: int, run: str, root: str, time: datetime, kind: str) -> Json:
        table, parents = self.table(model), self.parents(model)
        parent = {"run": {"runId": root}, "job": {"namespace": "dbt", "name": f"dbt-run-{self.name}"}}
        job = {
            "namespace": "dbt",
            "name": f"dev.{self.name}.imdb.model_{model:06}.build.run",
            "facets": {
                "jobType": _job_type("MODEL"),
                "dbt_node": {
                    **_facet("dbt-node-job-facet"),
                    "unique_id": f"model.{self.name}.model_{model:06}",
                    "original_file_path": f"models/model_{model:06}.sql",
                    "database": "dev",
                    "schema": self.name,
                },
                "sql": {**_facet("SQLJobFacet"), "dialect": "redshift", "query": _query(table, parents)},
            },
        }
        run_facets = {
            "parent": {**_facet("ParentRunFacet"), **parent, "root": parent},
            "processing_engine": {**_facet("ProcessingEngineRunFacet"), "name": "dbt", "version": "1.11.16"},
            "dbt_run": {**_facet("dbt-run-run-facet"), "invocation_id": root, "project_name": self.name},
        }
        inputs = [_dataset(name) for name in parents]
        output = _dataset(table)
        output["facets"] |= {"schema": _schema(), "columnLineage": _column_lineage(parents, self.mixes)}
        return _run_event(job, {"runId": run, "facets": run_facets}, time, kind, inputs, [output])


def _run_id(project: str, number: int, model: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{project}/{number}/{model}"))


def _facet(name: str) -> Json:
    return {"_producer": CLIENT, "_schemaURL": f"https://openlineage.io/spec/facets/1-0-1/{name}.json#/$defs/{name}"}


def _job_type(kind: str) -> Json:
    return {**_facet("JobTypeJobFacet"), "integration": "DBT", "jobType": kind, "processingType": "BATCH"}


def _run_event(job: Json, run: Json, time: datetime, kind: str, inputs: list[Json], outputs: list[Json]) -> Json:
    return {
        "eventTime": time.isoformat(),
        "eventType": kind,
        "run": run,
        "job": job,
        "inputs": inputs,
        "outputs": outputs,
        "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }


def _dataset(name: str) -> Json:
    source = {**_facet("DatasourceDatasetFacet"), "name": NAMESPACE, "uri": NAMESPACE}
    return {"namespace": NAMESPACE, "name": name, "facets": {"dataSource": source}}


def _schema() -> Json:
    fields = [{"name": f"column_{n:02}", "type": "character varying(256)"} for n in range(COLUMNS)]
    return {**_facet("SchemaDatasetFacet"), "fields": fields}


def _column_lineage(parents: list[str], mixes: int) -> Json:
    def source(column: int, parent: int) -> Json:
        return {
            "namespace": NAMESPACE,
            "name": parents[(column + parent) % len(parents)],
            "field": f"column_{column:02}",
            "transformations": [],
        }

    fields = {
        f"column_{column:02}": {"inputFields": [source(column, parent) for parent in range(mixes)]}
        for column in range(COLUMNS)
    }
    return {**_facet("ColumnLineageDatasetFacet"), "fields": fields}


def _query(table: str, parents: list[str]) -> str:
    columns = ",\n    ".join(f"a.column_{n:02} as column_{n:02}" for n in range(COLUMNS))
    return (
        f"-- {table}\nselect\n    {columns}\n"
        f"from {parents[0]} a\nleft join {parents[-1]} b on b.column_00 = a.column_00"
    )
