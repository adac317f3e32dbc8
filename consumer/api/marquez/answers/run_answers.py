"""Answers about jobs and runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from consumer.api.marquez.answers.catalog_answers import in_namespace
from consumer.api.marquez.asked import Asked
from consumer.api.marquez.documents import event_log, job_documents, run_documents
from consumer.api.marquez.documents.job_documents import Job, read_jobs
from consumer.api.marquez.documents.spelling import RUN_STATES, STATES, Document
from consumer.api.marquez.lookup import job_of, run_of
from consumer.api.marquez.refusals import missing, not_one_of
from consumer.lineage.facts.keys import JobName
from consumer.query.runs import Run, history, read_run

FACETS_OF = ("DATASET", "JOB", "RUN")


def _by_activity(asked: Asked, names: Sequence[JobName]) -> Document:
    page = asked.query.page()
    wanted = asked.query.choices("lastRunStates", RUN_STATES)
    ordered = asked.activity.newest_first(names)
    if wanted:
        last = asked.activity.last
        ordered = [one for one in ordered if one in last and STATES.get(last[one].state, "NEW") in wanted]
    shown = ordered[page.offset : page.end]
    known = read_jobs(asked.store, shown)
    return {"totalCount": len(names), "jobs": [job_documents.document(known[one]) for one in shown if one in known]}


def all_jobs(asked: Asked) -> Document:
    """Lists all jobs, those that ran last first; `totalCount` is of all, whatever state is asked for."""
    return _by_activity(asked, list(asked.names.all_jobs()))


def jobs(asked: Asked) -> Document:
    """Lists the jobs of a namespace, those that ran last first."""
    space = in_namespace(asked)
    return _by_activity(asked, [JobName(space, one) for one in asked.names.jobs.get(space, ())])


def _job(asked: Asked) -> Job:
    named = JobName(*asked.parts[:2])
    found = job_of(asked.store, [named], asked.remembered.given)
    if found is None:
        raise missing("Job", named.name)
    return read_jobs(asked.store, [found])[found]


def job(asked: Asked) -> Document:
    """Returns one job with its latest runs and its facets."""
    found = _job(asked)
    return job_documents.document(found, job_documents.facets_of(asked.store, found))


def job_versions(asked: Asked) -> Document:
    """Lists the versions of a job: the current one."""
    page = asked.query.page()
    return {"versions": [job_documents.version_document(_job(asked))][page.offset : page.end]}


def job_version_of(asked: Asked) -> Document:
    """Returns one version of a job."""
    found = _job(asked)
    if asked.parts[2] != found.version:
        raise missing("Job version", asked.parts[2])
    return job_documents.version_document(found)


def job_runs(asked: Asked) -> Document:
    """Lists the runs of a job, newest first."""
    page, found = asked.query.page(), _job(asked)
    runs, total = history(asked.store, [found.name], page.end)
    return {"runs": run_documents.documents(asked.store, runs[page.offset :]), "totalCount": total}


def run_asked(asked: Asked, run_id: str) -> Run:
    """Returns the run of an id.

    Raises:
        Problem: The graph has no run of it.
    """
    recent = [moment.key for moment in asked.activity.recent]
    key = run_of(asked.store, run_id, asked.names, recent)
    found = None if key is None else read_run(asked.store, key)
    if found is None:
        raise missing("Run", run_id)
    return found


def run(asked: Asked) -> Document:
    """Returns one run with its facets and the versions of its datasets."""
    return run_documents.documents(asked.store, [run_asked(asked, asked.parts[0])])[0]


def run_facets(asked: Asked) -> Document:
    """Returns the facets of a run, or those of its job."""
    kind = asked.query.choice("type", FACETS_OF)
    if kind is None:
        raise not_one_of("type", FACETS_OF)
    found = run_asked(asked, asked.parts[0])
    facets: Mapping[str, object] = {}
    if kind == "RUN":
        facets = run_documents.documents(asked.store, [found])[0]["facets"]
    elif kind == "JOB":
        jobs_ = read_jobs(asked.store, [found.key.job])
        facets = job_documents.facets_of(asked.store, jobs_[found.key.job]) if jobs_ else {}
    return {"runId": found.key.id, "facets": facets}


def events(asked: Asked) -> Document:
    """Lists the starts and ends of the latest runs in the form of events."""
    query, page = asked.query, asked.query.page()
    descending = query.choice("sortDirection", event_log.DIRECTIONS, "DESC") == "DESC"
    found = event_log.events(
        asked.activity.recent, query.moment("before"), query.moment("after"), descending=descending
    )
    return {"totalCount": len(found), "events": event_log.documents(asked.store, found[page.offset : page.end])}
