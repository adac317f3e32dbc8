"""Contexts: what an event says of jobs and of names, without the event's time, so that equal events share one text.

A run refers to the contexts of its events. So the jobs and names of any moment can be put together again from the runs
that had ended by then, although their documents hold the newest values alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson

from consumer.lineage.facts.delta import Delta, JobFacts, NameFacts, merge
from consumer.lineage.facts.executions import Declared
from consumer.lineage.facts.keys import JobName, OutputKey, RunKey
from consumer.lineage.facts.layers import Values
from consumer.lineage.facts.output_facets import CarriedFacets
from consumer.lineage.facts.registers import Registers, Value, as_json, is_stored, stamped, value_of
from consumer.lineage.facts.run_facts import RunFacts
from schemas.naming import DatasetName

VOLATILE = frozenset({"version"})
"""Facets that differ with each run, for which each run would have a context of its own."""

_SAID, _READ, _USED = 1, 2, 4


class Statement(NamedTuple):
    """An event that counts at its own time: of a streaming run, of a dataset, or of a job.

    Attributes:
        time: The event's time.
        context: The reference of its context.
        runs: The run that it is of, with what it says of it.
        declared: What it declares of a job.
        outputs: The facets that it declares for outputs.
    """

    time: str
    context: str
    runs: Mapping[RunKey, RunFacts]
    declared: Mapping[JobName, Declared]
    outputs: Mapping[OutputKey, CarriedFacets]


class JobContext(NamedTuple):
    """Statements of an event about its job.

    Attributes:
        job: The job's key.
        called: The job's name in the event.
        values: References of the job's facets.
    """

    job: JobName
    called: str
    values: Mapping[str, str]


class NameContext(NamedTuple):
    """Statements of an event about a dataset under one of its names.

    Attributes:
        name: The canonical name.
        facts: Those that have no time.
        links: The reference of the names of its symlinks facet; None where there is no such facet.
        values: References of facets that count at once.
    """

    name: DatasetName
    facts: NameFacts
    links: str | None
    values: Mapping[str, str]


def dump_context(job: JobContext | None, names: Iterable[NameContext]) -> str:
    """Returns the context of an event, by what it says of its job and of names."""
    of_jobs = [] if job is None else [[*job.job, job.called, _lasting(job.values)]]
    of_names = [
        [
            *one.name,
            _SAID * one.facts.said + _READ * one.facts.read + _USED * one.facts.used,
            _lasting(one.values),
            sorted(one.facts.spellings),
            sorted(one.facts.linked_with),
            one.links,
        ]
        for one in sorted(names, key=lambda one: one.name)
        # A name that configuration alone gives is one by the rules of the reader.
        if one.facts.said
    ]
    return as_json([of_jobs, of_names])


def _lasting(values: Mapping[str, str]) -> dict[str, str]:
    return {facet: ref for facet, ref in values.items() if facet not in VOLATILE}


def load_context(text: str, time: str) -> Delta:
    """Returns the facts of jobs and names in a context that was said at a time."""
    of_jobs, of_names = orjson.loads(text)
    delta = Delta()
    for namespace, name, called, values in of_jobs:
        registers = Registers.at(time, Values.of(values))
        delta.add_job(JobName(namespace, name), JobFacts(frozenset({called}), registers))
    for namespace, name, flags, values, spellings, linked_with, links in of_names:
        facts = NameFacts(
            spellings=frozenset(DatasetName(*one) for one in spellings),
            linked_with=frozenset(DatasetName(*one) for one in linked_with),
            links=None if links is None else stamped(time, _value(links)),
            said=bool(flags & _SAID),
            read=bool(flags & _READ),
            used=bool(flags & _USED),
            heard=Registers.at(time, Values.of(values)),
        )
        delta.add_name(DatasetName(namespace, name), facts)
    return delta


def _value(ref: str) -> Value:
    return Value(ref, ref[1:], None) if is_stored(ref) else value_of(ref, len(ref))


def facts_of(statement: Statement, context: str) -> Delta:
    """Returns the facts of a statement, with the text of its context."""
    delta = load_context(context, statement.time)
    jobs = {job: JobFacts(declared=declared) for job, declared in statement.declared.items()}
    merge(delta, Delta(runs=dict(statement.runs), jobs=jobs, declared=dict(statement.outputs)))
    return delta
