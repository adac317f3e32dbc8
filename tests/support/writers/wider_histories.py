"""Seeded histories with what the others of this folder never have: more facets, more kinds of names, and retiring.

An ordinary history is drawn first, and then more is said in some of its events: processing types that change, lineage
that a job states itself, with other jobs among its ends, lineage of inputs and of datasets alone, exposures, locations
that several tables claim, parents of which a part is missing, SQL whose tables are no inputs, Dagster's order of ends.
"""

from __future__ import annotations

import random
from typing import Any

from consumer.lineage import retirement
from consumer.lineage.facts.keys import JobName
from schemas.naming import canonical
from tests.support.events.event_strategies import PARTS_OF_PARENT
from tests.support.writers.histories import COLUMNS, JOBS, LAST_SECOND, PRODUCER, at, history, run_id

Json = dict[str, Any]

LAKE = "s3://lake"
_PLACES = ((LAKE, "p"), (LAKE, "p/q%"), ("hive://metastore:9083", "db.a"))
_DAGSTER = "https://example.com/integration/dagster"
_QUERIES = (
    "with c as (select * from dev.db.a) select * from c",
    "create temp table n as select * from dev.db.b; insert into dev.db.c select * from n",
    "select 1",
)


class _Adding:
    """Says more in the events of one history."""

    def __init__(self, chance: random.Random, documents: list[Json]) -> None:
        self._chance = chance
        self._often = chance.choice((0.1, 0.3))
        datasets = [dataset for document in documents for dataset in _datasets(document)]
        known = sorted({(dataset["namespace"], dataset["name"]) for dataset in datasets})
        self._names = [*known, *_PLACES[: chance.randint(0, len(_PLACES))]] or [_PLACES[0]]

    def _is(self, times: float = 1) -> bool:
        return self._chance.random() < self._often * times

    def add_to(self, document: Json) -> None:
        """Adds to an event, in place."""
        if "job" in document:
            document["job"] = {**document["job"], "facets": {**document["job"]["facets"], **self._of_job()}}
        if "run" in document:
            self._add_to_run(document)
        for side in ("inputs", "outputs"):
            if side in document:
                document[side] = [self._more(dataset) for dataset in document[side]]
        if "dataset" in document:
            document["dataset"] = self._more(document["dataset"])

    def _add_to_run(self, document: Json) -> None:
        chance = self._chance
        if self._is(0.3):
            document["producer"] = _DAGSTER
        if self._is(0.5):
            document["inputs"] = []
        if self._is(0.3):
            document["eventType"] = "OTHER"
        if self._is():
            document["run"] = {**document["run"], "facets": {**document["run"]["facets"], "parent": self._parent()}}
        if self._is(0.5):
            facets = {**document["run"]["facets"], "dbt_run": {"invocation_id": "i", "project_name": "q"}}
            document["run"] = {**document["run"], "facets": facets}
        if self._is(0.2):
            document["run"] = {**document["run"], "runId": run_id(chance.choice(("r0", "r1")))}

    def _parent(self) -> Json:
        chance = self._chance
        job = {"namespace": "dbt", "name": chance.choice(JOBS)}
        run, root = ({"runId": run_id(chance.choice(("p0", "r0", "r1")))} for _ in range(2))
        whole = {"run": run, "job": job, "root": {"run": root, "job": job}}
        return {key: value for key, value in whole.items() if key in chance.choice(PARTS_OF_PARENT).split()}

    def _of_job(self) -> Json:
        chance = self._chance
        facets: Json = {}
        if self._is(2):
            kind = chance.choice(("BATCH", "STREAMING", "SERVICE"))
            facets["jobType"] = {"processingType": kind, "integration": "DBT", "jobType": "MODEL"}
        if self._is():
            facets["lineage"] = self._stated()
        if self._is(0.5):
            facets["sql"] = {"query": chance.choice(_QUERIES)}
        if self._is(0.3):
            facets["tags"] = {"tags": [{"key": "k", "value": chance.choice("vw")}]}
        return facets

    def _more(self, dataset: Json) -> Json:
        chance = self._chance
        facets = {**dataset["facets"]}
        if self._is():
            names = chance.sample(("p.board", "p.report", "q.board"), chance.randint(0, 2))
            owner = chance.choice(({}, {"owner": "ana"}))
            facets["dbt_exposures"] = {"exposures": [{"unique_id": f"exposure.{name}", **owner} for name in names]}
        if self._is():
            facets["symlinks"] = {
                "identifiers": [{**self._name(), "type": "LOCATION"} for _ in "ab"[: chance.randint(0, 2)]]
            }
        if self._is():
            fields = {column: {"inputFields": [self._field()]} for column in chance.sample((*COLUMNS, "*"), 2)}
            facets["columnLineage"] = {"fields": fields}
        if self._is(0.5):
            facets["lineage"] = {"inputs": [self._source() for _ in range(chance.randint(0, 2))]}
        if self._is(0.3):
            facets["schema"] = {"fields": [{"name": "x", "type": chance.choice(("int", "date"))}]}
        if self._is(0.3):
            facets["lifecycleStateChange"] = self._change()
        return {**(self._name() if self._is(0.3) else dataset), "facets": facets}

    def _change(self) -> Json:
        change = self._chance.choice(("DROP", "CREATE", "RENAME"))
        renamed = {"previousIdentifier": self._name()} if change == "RENAME" else {}
        return {"lifecycleStateChange": change, **renamed}

    def _name(self) -> Json:
        namespace, name = self._chance.choice(self._names)
        return {"namespace": namespace, "name": name}

    def _field(self) -> Json:
        return {**self._name(), "field": self._chance.choice(COLUMNS)}

    def _source(self) -> Json:
        own, other = {"type": "JOB"}, {"type": "JOB", "namespace": "dbt", "name": self._chance.choice((*JOBS, "m"))}
        dataset = {"type": "DATASET", **self._name()}
        return self._chance.choice((dataset, dataset, own, other))

    def _stated(self) -> Json:
        if self._chance.random() < 0.2:
            return {"_deleted": True}
        entries = [
            {**self._source(), "inputs": [self._source() for _ in range(self._chance.randint(0, 2))]}
            for _ in range(self._chance.randint(0, 2))
        ]
        return {"entries": entries}

    def alone(self) -> Json:
        """Returns an event that retires something, or one of a dataset alone."""
        chance = self._chance
        time, kind = at(chance.randint(0, LAST_SECOND)), chance.random()
        if kind < 0.4:
            return retirement.of_job(JobName("dbt", chance.choice(JOBS)), time)
        namespace, name = chance.choice(self._names)
        if kind < 0.6:
            return retirement.of_dataset(canonical(namespace, name), time)
        dataset = self._more({"namespace": namespace, "name": name, "facets": {}})
        return {"eventTime": time, "dataset": dataset, "producer": PRODUCER}


def _datasets(document: Json) -> list[Json]:
    of_dataset = [document["dataset"]] if "dataset" in document else []
    return [*document.get("inputs", ()), *document.get("outputs", ()), *of_dataset]


def wider_history(chance: random.Random, *, ordered: bool = False) -> list[Json]:
    """The events of one history; of an `ordered` one, which may be pruned, only jobs are retired besides."""
    documents = history(chance, ordered=ordered)
    adding = _Adding(chance, documents)
    if ordered:
        jobs = chance.sample(JOBS, chance.randint(1, 2))
        return [
            *documents,
            *(retirement.of_job(JobName("dbt", job), at(chance.randint(0, LAST_SECOND))) for job in jobs),
        ]
    for document in documents:
        adding.add_to(document)
    return [*documents, *(adding.alone() for _ in range(chance.randint(0, 3)))]
