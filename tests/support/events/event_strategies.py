"""Hypothesis strategies for lists of OpenLineage events in a world so small that everything meets everything."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

ATHENA = "awsathena://athena.us-east-1.amazonaws.com"
GLUE = "arn:aws:glue:us-east-1:123456789012"
REDSHIFT = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"
TABLES = ("a", "b", "c")
COLUMNS = ("x", "y")
RUNS = tuple(f"00000000-0000-4000-8000-00000000000{n}" for n in range(5))
TIMES = tuple(f"2026-01-01T00:00:0{second}Z" for second in range(6))
JOBS = ("j1", "j2", "j3")
QUERIES = ("select 1", "select 2")
TYPES = ("START", "RUNNING", "COMPLETE", "COMPLETE", "FAIL", "ABORT", "OTHER")

PRODUCERS = ("https://example.com/spark", "", "https://example.com/integration/dagster")
"""Dagster's FAIL may come before the COMPLETE of the same run; of the others it outranks COMPLETE."""

Json = dict[str, Any]


def _names(*, linked: bool) -> st.SearchStrategy[tuple[str, str]]:
    athena = st.tuples(st.just(ATHENA), st.sampled_from(TABLES).map(lambda table: f"AwsDataCatalog.db.{table}"))
    redshift = st.tuples(st.just(REDSHIFT), st.sampled_from(TABLES).map(lambda table: f"dev.db.{table}"))
    other = st.tuples(st.just("s3://lake"), st.sampled_from(("p/q%", "p")))
    glue = st.tuples(st.just(GLUE), st.sampled_from(TABLES).map(lambda table: f"table/db/{table}"))
    return st.one_of(athena, redshift, other, *([glue] if linked else []))


def _input_fields(*, linked: bool) -> st.SearchStrategy[Json]:
    return st.builds(
        lambda name, field, kind: {
            "namespace": name[0],
            "name": name[1],
            "field": field,
            "transformations": [{"type": kind}],
        },
        _names(linked=linked),
        st.sampled_from(COLUMNS),
        st.sampled_from(("DIRECT", "INDIRECT")),
    )


def _column_lineage(*, linked: bool) -> st.SearchStrategy[Json]:
    fields = st.lists(_input_fields(linked=linked), max_size=2).map(lambda found: {"inputFields": found})
    return st.fixed_dictionaries(
        {
            "fields": st.fixed_dictionaries({}, optional=dict.fromkeys((*COLUMNS, "*"), fields)),
            "dataset": st.lists(_input_fields(linked=linked), max_size=1),
        }
    )


def _explicit(*, linked: bool) -> st.SearchStrategy[Json]:
    source = _names(linked=linked).map(lambda name: {"type": "DATASET", "namespace": name[0], "name": name[1]})
    return st.fixed_dictionaries({"inputs": st.lists(source, max_size=2)})


def _stated(*, linked: bool) -> st.SearchStrategy[Json]:
    """A job's lineage facet: several entries may have one target, and targets and sources may be jobs."""
    dataset = _names(linked=linked).map(lambda name: {"type": "DATASET", "namespace": name[0], "name": name[1]})
    own, other = st.just({"type": "JOB"}), st.just({"type": "JOB", "namespace": "dbt", "name": "elsewhere"})
    sources = st.lists(st.one_of(dataset, own, other), max_size=2)
    entry = st.builds(
        lambda target, inputs: {**target, "inputs": inputs}, st.one_of(dataset, dataset, own, other), sources
    )
    return st.one_of(st.lists(entry, max_size=3).map(lambda found: {"entries": found}), st.just({"_deleted": True}))


def _symlinks() -> st.SearchStrategy[Json]:
    """One other name or two, or none any more; locations that several tables claim are frequent."""
    table = _names(linked=True).map(lambda name: {"namespace": name[0], "name": name[1], "type": "TABLE"})
    location = st.just({"namespace": "s3://lake", "name": "p", "type": "LOCATION"})
    name = st.one_of(table, table, location)
    return st.lists(name, max_size=2).map(lambda found: {"identifiers": found})


def _exposures() -> st.SearchStrategy[Json]:
    """Some exposures of two projects, each with what may differ from event to event."""
    exposure = st.builds(
        lambda name, owner: {"unique_id": f"exposure.{name}", "name": name.partition(".")[2], **owner},
        st.sampled_from(("p.board", "p.report", "q.board")),
        st.sampled_from(({}, {"owner": "ana"}, {"owner": "bob", "type": "dashboard"})),
    )
    named = st.lists(exposure, max_size=2, unique_by=lambda one: one["unique_id"])
    return named.map(lambda found: {"exposures": found})


def _facets(*, linked: bool, output: bool) -> st.SearchStrategy[Json]:
    schema = st.builds(
        lambda columns, types: {"fields": [{"name": column, **types} for column in columns]},
        st.sampled_from((COLUMNS, COLUMNS[:1], COLUMNS[1:])),
        st.sampled_from(({"type": "int"}, {"type": "date"}, {})),
    )
    documentation = st.sampled_from(("one", "two", "x" * 200)).map(lambda text: {"description": text})
    deleted = st.just({"_deleted": True})
    bad = st.just({"fields": "no list"})
    renamed = _names(linked=linked).map(
        lambda name: {
            "lifecycleStateChange": "RENAME",
            "previousIdentifier": {"namespace": name[0], "name": name[1]},
        }
    )
    changes = st.one_of(
        st.sampled_from(("DROP", "CREATE")).map(lambda change: {"lifecycleStateChange": change}), renamed
    )
    optional: dict[str, st.SearchStrategy[Json]] = {
        "schema": st.one_of(schema, deleted, bad),
        "lifecycleStateChange": st.one_of(changes, changes, changes, deleted),
        "documentation": st.one_of(documentation, deleted),
        "dataSource": st.just({"uri": "https://example.com"}),
        "dbt_exposures": st.one_of(_exposures(), deleted, bad),
    }
    if linked:
        optional["symlinks"] = st.one_of(_symlinks(), _symlinks(), deleted, bad)
    if output:
        optional["columnLineage"] = _column_lineage(linked=linked)
        optional["lineage"] = _explicit(linked=linked)
    return st.fixed_dictionaries({}, optional=optional)


def _dataset(*, linked: bool, output: bool) -> st.SearchStrategy[Json]:
    return st.builds(
        lambda name, facets: {"namespace": name[0], "name": name[1], "facets": facets},
        _names(linked=linked),
        _facets(linked=linked, output=output),
    )


def _datasets(*, linked: bool, output: bool) -> st.SearchStrategy[list[Json]]:
    return st.lists(_dataset(linked=linked, output=output), max_size=2)


def _job_facets(*, linked: bool) -> st.SearchStrategy[Json]:
    """Facets of a job: what kind it is of, its SQL, and what it states of lineage."""
    # Some events have no processing type: that of another event of the run, or of the job, counts for them.
    kinds = ("BATCH", "BATCH", "BATCH", "STREAMING", None, None)
    job_type = st.sampled_from(kinds).map(
        lambda kind: {"processingType": kind, "integration": "DBT", "jobType": "MODEL"} if kind else None
    )
    sql = st.sampled_from(({}, *({"sql": {"query": query}} for query in QUERIES), {"sql": {"_deleted": True}}))
    stated = _stated(linked=linked).map(lambda found: {"lineage": found})
    return st.builds(
        lambda kind, query, more: {**({"jobType": kind} if kind else {}), **query, **more},
        job_type,
        sql,
        st.one_of(st.just({}), st.just({}), stated),
    )


def _job(*, linked: bool) -> st.SearchStrategy[Json]:
    return st.builds(
        lambda name, checksum, facets: {
            "namespace": "dbt",
            "name": name,
            "facets": {
                **facets,
                **({"dbt_node": {"unique_id": f"model.p.{name[:2]}", **checksum}} if checksum is not None else {}),
            },
        },
        st.sampled_from((*JOBS, "j1.build", "j2.build")),
        st.sampled_from((None, None, {}, {"checksum": "c1"}, {"checksum": "c2"})),
        _job_facets(linked=linked),
    )


def _parent(run: str, root: str, parts: str) -> Json:
    """A parent, of which some producers give a part alone."""
    job = {"namespace": "dbt", "name": "j1"}
    whole = {"run": {"runId": run}, "job": job, "root": {"run": {"runId": root}, "job": job}}
    return {key: value for key, value in whole.items() if key in parts.split()}


PARTS_OF_PARENT = ("run job", "run job", "run job root", "root", "run root", "run", "job root", "job")


def _run_facets() -> st.SearchStrategy[Json]:
    # Few parents, so that runs are siblings.
    parent = st.builds(_parent, st.sampled_from(RUNS[:3]), st.sampled_from(RUNS[:2]), st.sampled_from(PARTS_OF_PARENT))
    error = st.sampled_from(("boom", "bang")).map(lambda text: {"message": text, "programmingLanguage": "python"})
    failed = st.sampled_from(({"totalTasks": 1, "failedTasks": 1}, {"_deleted": True}))
    project = st.sampled_from(("p", "q")).map(lambda name: {"invocation_id": "i", "project_name": name})
    skipped = st.just({"reason": "model.p.a failed"})
    optional = {"parent": parent, "errorMessage": error, "dbt_run": project, "headwater_skipped": skipped}
    most = st.fixed_dictionaries({}, optional=optional)
    return st.one_of(most, most, most, st.builds(lambda facets, one: {**facets, "extractionError": one}, most, failed))


def run_events(*, linked: bool) -> st.SearchStrategy[Json]:
    """RunEvents; `linked` ones have symlinks too."""
    return st.fixed_dictionaries(
        {
            "eventTime": st.sampled_from(TIMES),
            "eventType": st.sampled_from(TYPES),
            "run": st.fixed_dictionaries({"runId": st.sampled_from(RUNS), "facets": _run_facets()}),
            "job": _job(linked=linked),
            "inputs": _datasets(linked=linked, output=False),
            "outputs": _datasets(linked=linked, output=True),
            "producer": st.sampled_from(PRODUCERS),
        }
    )


def events(*, linked: bool = True) -> st.SearchStrategy[list[Json]]:
    """Lists of events of all three kinds; `linked` ones have symlinks too."""
    runs = run_events(linked=linked)
    jobs = st.fixed_dictionaries(
        {
            "eventTime": st.sampled_from(TIMES),
            "job": _job(linked=linked),
            "inputs": _datasets(linked=linked, output=False),
            "outputs": _datasets(linked=linked, output=True),
        }
    )
    dataset = _dataset(linked=linked, output=True)
    datasets = st.fixed_dictionaries({"eventTime": st.sampled_from(TIMES), "dataset": dataset})
    return st.lists(st.one_of(runs, runs, runs, jobs, datasets), min_size=1, max_size=10)
