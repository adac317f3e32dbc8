"""OpenLineage events for tests, in few words: one job of one dbt project, tables of one Redshift."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from consumer.lineage.facts.current import recount
from consumer.lineage.facts.delta import Delta, JobFacts
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.facts.output_facets import OutputFacts
from consumer.lineage.facts.processing import job_streams, settled
from consumer.lineage.facts.run_facts import RunFacts
from consumer.lineage.lifecycle import Placement
from consumer.lineage.views import JobView, job_view
from consumer.projection.jobs import from_run
from schemas.naming import DatasetName
from tests.support.graph.graph_of_events import folded

Json = dict[str, Any]

REDSHIFT = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"
JOB = JobName("dbt", "j")
PRODUCER = "https://example.com/producer"
"""With a type of the job, it says what the job's tool is called."""
BATCH = {"jobType": {"processingType": "BATCH", "integration": "DBT"}}
"""Facets of a job whose runs end."""
STREAMING = {"jobType": {"processingType": "STREAMING", "integration": "FLINK", "jobType": "JOB"}}
"""Facets of a job whose events are snapshots."""


def at(second: int) -> str:
    """A moment, as events spell it and as the core does."""
    return f"2026-01-01T00:00:{second:02}.000000Z"


def name(table: str) -> DatasetName:
    """The name of a table."""
    return DatasetName(REDSHIFT, f"dev.s.{table}")


def dataset(table: str, **facets: object) -> Json:
    """A table in an event, with facets."""
    return {"namespace": REDSHIFT, "name": name(table).name, "facets": facets}


def columns(*names: str) -> Json:
    """A schema facet."""
    return {"fields": [{"name": column, "type": "int"} for column in names]}


def made_of(**sources: str) -> Json:
    """A columnLineage facet: for each column one source, written `table.column`."""
    fields = {column: {"inputFields": [_field(source)]} for column, source in sources.items()}
    return {"fields": fields}


def _field(source: str) -> Json:
    table, _, field = source.partition(".")
    kinds = [{"type": "DIRECT", "subtype": "IDENTITY"}]
    return {"namespace": REDSHIFT, "name": name(table).name, "field": field, "transformations": kinds}


def run_event(
    kind: str,
    second: int,
    *,
    run: str = "r1",
    inputs: Iterable[str | Json] = (),
    outputs: Iterable[str | Json] = (),
    job: str = "j",
    job_facets: Json | None = None,
    run_facets: Json | None = None,
) -> Json:
    """A RunEvent; tables by name, or as `dataset` gives them."""
    return {
        "eventType": kind,
        "eventTime": at(second),
        "run": {"runId": run, "facets": run_facets or {}},
        **_work(job, job_facets, inputs, outputs),
    }


def job_event(
    second: int,
    *,
    inputs: Iterable[str | Json] = (),
    outputs: Iterable[str | Json] = (),
    job_facets: Json | None = None,
) -> Json:
    """A JobEvent."""
    return {"eventTime": at(second), **_work("j", job_facets, inputs, outputs)}


def dataset_event(second: int, said: Json) -> Json:
    """A DatasetEvent."""
    return {"eventTime": at(second), "dataset": said}


def renamed(second: int, old: str, new: str) -> Json:
    """A DatasetEvent of a table that has got another name."""
    change = {
        "lifecycleStateChange": "RENAME",
        "previousIdentifier": {"namespace": REDSHIFT, "name": dataset(old)["name"]},
    }
    return dataset_event(second, dataset(new, lifecycleStateChange=change))


def dropped(second: int, table: str) -> Json:
    """A DatasetEvent of a table that is no more."""
    return dataset_event(second, dataset(table, lifecycleStateChange={"lifecycleStateChange": "DROP"}))


def many_names(seed: int) -> list[Json]:
    """Events that make more and more names one dataset, by a symlink of each, and a job that uses two of them."""
    rng = random.Random(seed)
    tables = [f"t{number:02}" for number in range(48)]
    documents: list[Json] = [
        run_event("COMPLETE", 1, inputs=["source"], outputs=[dataset(rng.choice(tables), schema=columns("x"))]),
        run_event("COMPLETE", 2, run="r2", inputs=[rng.choice(tables)], outputs=["target"], job="k"),
    ]
    for at in range(1, len(tables)):
        # Each name has one facet, as a newer one would replace its links.
        other = {"namespace": REDSHIFT, "name": name(rng.choice(tables[:at])).name}
        documents.append(dataset_event(3, dataset(tables[at], symlinks={"identifiers": [other]})))
    return documents


def _work(job: str, facets: Json | None, inputs: Iterable[str | Json], outputs: Iterable[str | Json]) -> Json:
    return {
        "job": {"namespace": "dbt", "name": job, "facets": facets or {}},
        "inputs": [dataset(one) if isinstance(one, str) else one for one in inputs],
        "outputs": [dataset(one) if isinstance(one, str) else one for one in outputs],
    }


def facts_of(*documents: Json, job: JobName = JOB) -> JobFacts:
    """What events say of a job, its runs counted."""
    delta = folded(documents)
    facts_of_job = delta.jobs[job]
    return replace(facts_of_job, ran=recount({run.id: facts for run, facts in _runs_of(delta, job).items()}))


def _runs_of(delta: Delta, job: JobName) -> dict[RunKey, RunFacts]:
    """The runs of a job, settled by what its last facet says of it."""
    streams = job in delta.jobs and job_streams(delta.jobs[job].facets)
    return {run: settled(facts, job_streams=streams) for run, facts in delta.runs.items() if run.job == job}


def outputs_of(*documents: Json, job: JobName = JOB) -> dict[DatasetName, OutputFacts]:
    """What is in force of the facets of a job's outputs."""
    delta = folded(documents)
    found: dict[DatasetName, OutputFacts] = {}
    for run, facts in _runs_of(delta, job).items():
        for output, carried in from_run(run, facts).items():
            known = found.get(output, OutputFacts())
            found[output] = OutputFacts(known.ran.join(carried))
    for key, carried in delta.declared.items():
        known = found.get(key.name, OutputFacts())
        found[key.name] = OutputFacts(known.ran, known.declared.join(carried))
    return found


class Anywhere(dict[DatasetName, Placement]):
    """Placements of names none of which is linked, dropped or renamed."""

    def __missing__(self, name: DatasetName) -> Placement:
        return Placement(name)


def lineage(*documents: Json, job: JobName = JOB) -> JobView:
    """The lineage of a job that follows from events, by the pure core alone."""
    texts = folded(documents).contents
    outputs = outputs_of(*documents, job=job)
    return job_view(facts_of(*documents, job=job), outputs, Anywhere(), lambda ref: texts.get(ref, ref))


def edges(view: JobView) -> set[tuple[str, str]]:
    """Dataset edges by the last parts of their names."""
    return {(_short(source), _short(target)) for source, target in view.edges}


def column_edges(view: JobView) -> set[tuple[str, str]]:
    """Column edges as `table.column`."""
    return {
        (f"{_short(edge.source)}.{edge.source_column}", f"{_short(edge.target)}.{edge.target_column}")
        for edge in view.columns
    }


def _short(name: DatasetName) -> str:
    return name.name.rpartition(".")[2]
