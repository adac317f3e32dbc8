"""Seeded histories of OpenLineage events for writers at once: few names, so that nearly all events concern each other.

A history is drawn with a random generator, so one integer makes it again. Each has a few themes out of many (links of
names, streaming, shared run ids, siblings, schemas that change); a history with every theme has little of each.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from consumer.lineage.identity import IdentityRules
from tests.support.events.event_strategies import ATHENA, GLUE, REDSHIFT

Json = dict[str, Any]
Name = tuple[str, str]

TABLES = ("a", "b", "c", "d")
COLUMNS = ("x", "y", "z")
JOBS = ("j", "k", "l")
PRODUCER = "https://example.com/producer"
LAST_SECOND = 9

THEMES = (
    "links",
    "streaming",
    "shared runs",
    "siblings",
    "schemas",
    "column lineage",
    "declared",
    "datasets",
    "partial",
    "explicit",
    "deletes",
    "wide",
)
"""What a history may be about, besides runs of jobs."""

IDENTITY: dict[str, IdentityRules] = {
    "none": IdentityRules.of(),
    "across engines": IdentityRules.of([[GLUE, ATHENA], [f"{GLUE}/db", f"{REDSHIFT}/dev.db"]]),
    "redshift first": IdentityRules.of([[f"{REDSHIFT}/dev.db", f"{ATHENA}/awsdatacatalog.db"]]),
    "by table name": IdentityRules.of(by_table_name=True),
}
"""Identity rules by name, for cases that print it."""

FEW_NAMES: dict[str, IdentityRules] = {
    "one link": IdentityRules(most_linked=1),
    "two links, by table name": IdentityRules(by_table_name=True, most_linked=2),
    "three links": IdentityRules(most_linked=3),
}
"""Rules under which names are soon crowded; of these the past is not known for sure."""


def at(second: int) -> str:
    """A time of an event."""
    return f"2026-01-01T00:00:{second:02}Z"


def run_id(run: str) -> str:
    """A UUID that shows a short name of a run."""
    return f"00000000-0000-4000-8000-{run.encode().hex():0>12}"


class _Run(NamedTuple):
    """A run that a history tells of: its job, its id, what it says of its job and of itself, and its datasets."""

    job: Json
    run: Json
    inputs: list[Json]
    outputs: list[Json]


class _Teller:
    """Draws the events of one history."""

    def __init__(self, chance: random.Random, *, ordered: bool) -> None:
        self._chance = chance
        self._ordered = ordered
        self._themes = frozenset(chance.sample(THEMES, chance.randint(1, 4)))
        self._jobs = JOBS[: chance.randint(1, len(JOBS))]
        self._names = self._drawn_names()

    def _is(self, theme: str, likelihood: float = 0.5) -> bool:
        return theme in self._themes and self._chance.random() < likelihood

    def _drawn_names(self) -> list[Name]:
        chance = self._chance
        tables = TABLES[: chance.randint(2, len(TABLES))]
        redshift = [(REDSHIFT, f"dev.db.{table}") for table in tables]
        if "links" not in self._themes:
            return redshift
        athena = [(ATHENA, f"AwsDataCatalog.db.{table}") for table in tables]
        glue = [(GLUE, f"table/db/{table}") for table in tables]
        names = [*redshift, *athena, *glue]
        return chance.sample(names, min(len(names), chance.randint(3, 6)))

    def events(self) -> list[Json]:
        """Events of runs, jobs and datasets."""
        found: list[Json] = []
        for number in range(self._chance.randint(1, 5)):
            found += self._events_of_run(number)
        if "declared" in self._themes:
            found += [self._job_event() for _ in range(self._chance.randint(1, 2))]
        if {"datasets", "links"} & self._themes:
            found += [self._dataset_event() for _ in range(self._chance.randint(1, 3))]
        return found

    def _events_of_run(self, number: int) -> list[Json]:
        chance = self._chance
        begin = chance.randint(0, LAST_SECOND - 3)
        kinds = self._kinds()
        times = sorted(chance.sample(range(begin, LAST_SECOND + 1), min(len(kinds), LAST_SECOND + 1 - begin)))
        if self._ordered:
            run = self._run(number, times[-1])
        else:
            run = self._run(number, chance.randint(0, 1))
            if chance.random() < 0.1:
                chance.shuffle(times)  # clocks of machines differ, so an end may have an earlier time than its start
        jobs = [run.job]
        if not self._ordered and self._is("shared runs"):
            jobs.append(self._job())
        return [self._event(run, chance.choice(jobs), kind, second) for kind, second in zip(kinds, times, strict=False)]

    def _kinds(self) -> list[str]:
        chance = self._chance
        end = chance.choice(("COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "FAIL", "ABORT", ""))
        if self._ordered and (not end or "streaming" in self._themes):
            return [chance.choice(("START", "RUNNING", end)) if end else "START"]
        kinds = ["START"] if chance.random() < 0.7 else []
        kinds += ["RUNNING"] * chance.choice((0, 0, 0, 1, 2))
        if end:
            kinds.append(end)
        if not self._ordered and chance.random() < 0.15:
            kinds.append(chance.choice(("COMPLETE", "FAIL", "ABORT", "OTHER")))
        return kinds or ["COMPLETE"]

    def _run(self, number: int, group: int) -> _Run:
        chance = self._chance
        name = f"r{number}"
        if not self._ordered and self._is("shared runs"):
            name = "r0"
        facets: Json = {}
        if "siblings" in self._themes:
            parent = f"p{group}"
            if not self._ordered and chance.random() < 0.2:
                parent = f"r{chance.randint(0, number)}"
            facets["parent"] = {
                "run": {"runId": run_id(parent)},
                "job": {"namespace": "dbt", "name": "all"},
                "root": {"run": {"runId": run_id("root")}, "job": {"namespace": "dbt", "name": "all"}},
            }
        if chance.random() < 0.1:
            facets["errorMessage"] = {"message": chance.choice(("boom", "bang")), "programmingLanguage": "python"}
        if not self._ordered and chance.random() < 0.05:
            facets["extractionError"] = {"totalTasks": 1, "failedTasks": 1, "errors": []}
        inputs = [self._dataset(output=False) for _ in range(chance.choice((0, 1, 1, 1, 2)))]
        most = 3 if self._is("wide") else 1
        outputs = [self._dataset(output=True) for _ in range(chance.choice((0, 1, 1, 1, 2, most)))]
        return _Run(self._job(), {"runId": run_id(name), "facets": facets}, inputs, outputs)

    def _event(self, run: _Run, job: Json, kind: str, second: int) -> Json:
        inputs, outputs = run.inputs, run.outputs
        if not self._ordered:
            inputs, outputs = self._part(inputs), self._part(outputs)
        return {
            "eventTime": at(second),
            "eventType": kind,
            "run": run.run,
            "job": job,
            "inputs": inputs,
            "outputs": outputs,
            "producer": PRODUCER,
        }

    def _part(self, datasets: list[Json]) -> list[Json]:
        """Those of a run's datasets that one of its events names."""
        if self._chance.random() < 0.2:
            return []
        if "partial" in self._themes:
            return [dataset for dataset in datasets if self._chance.random() < 0.6]
        return datasets

    def _job(self) -> Json:
        name = self._chance.choice(self._jobs)
        facets: Json = {}
        if self._chance.random() < 0.2:
            # Commands of dbt name a model differently; its unique id is the job.
            facets["dbt_node"] = {"unique_id": f"model.p.{name}"}
            name += self._chance.choice(("", ".build"))
        if self._chance.random() < 0.3:
            facets["jobType"] = {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"}
        # In an ordered history all events say so: otherwise the job's kind changes while runs are pruned.
        if "streaming" in self._themes and (self._ordered or self._chance.random() < 0.7):
            facets["jobType"] = {"processingType": "STREAMING", "integration": "FLINK", "jobType": "JOB"}
        if not self._ordered and self._chance.random() < 0.2:
            facets["sql"] = {"query": self._chance.choice(("select 1", "select 2"))}
        if self._is("deletes", 0.2):
            facets["documentation"] = self._chance.choice(({"description": "one"}, {"_deleted": True}))
        return {"namespace": "dbt", "name": name, "facets": facets}

    def _job_event(self) -> Json:
        chance = self._chance
        return {
            "eventTime": at(chance.randint(0, LAST_SECOND)),
            "job": self._job(),
            "inputs": [self._dataset(output=False) for _ in range(chance.randint(0, 2))],
            "outputs": [self._dataset(output=True) for _ in range(chance.randint(0, 2))],
            "producer": PRODUCER,
        }

    def _dataset_event(self) -> Json:
        dataset = self._dataset(output=self._chance.random() < 0.3)
        if "links" in self._themes and self._chance.random() < 0.7:
            dataset["facets"]["symlinks"] = self._symlinks()
        return {"eventTime": at(self._chance.randint(0, LAST_SECOND)), "dataset": dataset, "producer": PRODUCER}

    def _dataset(self, *, output: bool) -> Json:
        namespace, name = self._chance.choice(self._names)
        facets: Json = {}
        if "schemas" in self._themes and self._chance.random() < 0.7:
            facets["schema"] = self._schema()
        if self._is("links", 0.25):
            facets["symlinks"] = self._symlinks()
        if self._is("deletes", 0.3):
            facets["documentation"] = self._chance.choice(({"description": "x" * 200}, {"_deleted": True}))
        if self._is("deletes", 0.15):
            facets["lifecycleStateChange"] = self._lifecycle()
        if output and "column lineage" in self._themes and self._chance.random() < 0.7:
            facets["columnLineage"] = self._column_lineage()
        if output and self._is("explicit", 0.4):
            facets["lineage"] = {"inputs": [self._source() for _ in range(self._chance.randint(0, 2))]}
        return {"namespace": namespace, "name": name, "facets": facets}

    def _lifecycle(self) -> Json:
        change = self._chance.choice(("DROP", "CREATE", "TRUNCATE", "RENAME"))
        if change != "RENAME":
            return {"lifecycleStateChange": change}
        namespace, name = self._chance.choice(self._names)
        return {"lifecycleStateChange": change, "previousIdentifier": {"namespace": namespace, "name": name}}

    def _schema(self) -> Json:
        if self._is("deletes", 0.3):
            return {"_deleted": True}
        columns = self._chance.sample(COLUMNS, self._chance.randint(1, len(COLUMNS)))
        return {"fields": [{"name": column, "type": "int"} for column in columns]}

    def _symlinks(self) -> Json:
        kind = self._chance.random()
        if kind < 0.1:
            return {"_deleted": True}
        count = 0 if kind < 0.2 else self._chance.choice((1, 1, 2))
        links = [self._chance.choice(self._names) for _ in range(count)]
        return {"identifiers": [{"namespace": link[0], "name": link[1], "type": "TABLE"} for link in links]}

    def _source(self) -> Json:
        namespace, name = self._chance.choice(self._names)
        return {"type": "DATASET", "namespace": namespace, "name": name}

    def _input_field(self) -> Json:
        namespace, name = self._chance.choice(self._names)
        return {"namespace": namespace, "name": name, "field": self._chance.choice(COLUMNS)}

    def _column_lineage(self) -> Json:
        if self._is("deletes", 0.3):
            return {"_deleted": True}
        columns = self._chance.sample(COLUMNS, self._chance.randint(1, 2))
        fields: Json = {}
        for column in columns:
            fields[column] = {"inputFields": [self._input_field() for _ in range(self._chance.choice((1, 1, 2)))]}
        dataset = [self._input_field()] if self._chance.random() < 0.15 else []
        return {"fields": fields, "dataset": dataset}


def history(chance: random.Random, *, ordered: bool = False) -> list[Json]:
    """The events of one history.

    Args:
        chance: Where they are drawn from.
        ordered: True for runs as one careful producer reports them: each event of a run names all of its datasets, a
            run ends once, a run id belongs to one job, a run that never ends has one event, as has one of a streaming
            job, and the runs of one parent end in the same second. A prune may remove such a run between two of its
            events without an effect on lineage: what it removes has been superseded for good, or is repeated by the
            events that follow. The end of a streaming run replaces none of its snapshots, but counts as one where a
            prune has taken those.
    """
    return _Teller(chance, ordered=ordered).events()
