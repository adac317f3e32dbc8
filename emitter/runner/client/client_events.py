"""Events as objects of OpenLineage's client, including each facet that the client itself reads.

The client and its transports read and replace parts of events before sending: they add tags to the run and the job,
rename the parent's namespace, shorten dataset names in column lineage, select by the job's type. They expect objects,
and fail on dictionaries. Facets that none of them reads stay dictionaries.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)
from openlineage.client.facet_v2 import column_lineage_dataset, job_type_job, parent_run, tags_job, tags_run

Event = Mapping[str, Any]
Facet = Mapping[str, Any]
DatasetT = TypeVar("DatasetT", InputDataset, OutputDataset)


def client_event(event: Event) -> RunEvent | DatasetEvent:
    """Returns the event as an object of the client's class.

    The client changes what it is given, so nothing of it is shared with the event.
    """
    if "dataset" in event:
        dataset = event["dataset"]
        return DatasetEvent(
            eventTime=event["eventTime"],
            producer=event["producer"],
            dataset=StaticDataset(
                namespace=dataset["namespace"], name=dataset["name"], facets=_facets(dataset, _OF_DATASETS)
            ),
        )
    run, job = event["run"], event["job"]
    return RunEvent(
        eventType=RunState[event["eventType"]],
        eventTime=event["eventTime"],
        run=Run(run["runId"], _facets(run, _OF_RUNS)),
        job=Job(job["namespace"], job["name"], _facets(job, _OF_JOBS)),
        producer=event["producer"],
        inputs=[_dataset(InputDataset, found, "inputFacets") for found in event["inputs"]],
        outputs=[_dataset(OutputDataset, found, "outputFacets") for found in event["outputs"]],
    )


def _dataset(kind: type[DatasetT], found: Mapping[str, Any], own: str) -> DatasetT:
    return kind(
        namespace=found["namespace"],
        name=found["name"],
        facets=_facets(found, _OF_DATASETS),
        **{own: dict(found.get(own) or {})},
    )


def _facets(owner: Mapping[str, Any], makers: Mapping[str, Callable[[Facet], Any]]) -> dict[str, Any]:
    facets = dict(owner.get("facets") or {})
    for name in facets.keys() & makers.keys():
        facets[name] = _as_object(facets[name], makers[name])
    return facets


def _as_object(facet: Facet, make: Callable[[Facet], Any]) -> Any:
    try:
        made = make(facet)
    except (KeyError, TypeError, ValueError, AttributeError):
        # The client's classes refuse some values, such as a parent's run id that is not a UUID. Then the event is sent
        # with the dictionary, and without the client's changes to the object.
        return facet
    made._schemaURL = facet.get("_schemaURL", made._schemaURL)  # noqa: SLF001 # there is no argument for it
    return made


def _run_tags(facet: Facet) -> tags_run.TagsRunFacet:
    tags = [tags_run.TagsRunFacetFields(**tag) for tag in facet["tags"]]
    return tags_run.TagsRunFacet(tags, producer=facet["_producer"])


def _job_tags(facet: Facet) -> tags_job.TagsJobFacet:
    tags = [tags_job.TagsJobFacetFields(**tag) for tag in facet["tags"]]
    return tags_job.TagsJobFacet(tags, producer=facet["_producer"])


def _parent(facet: Facet) -> parent_run.ParentRunFacet:
    run, job, root = facet["run"], facet["job"], facet.get("root")
    return parent_run.ParentRunFacet(
        run=parent_run.Run(run["runId"], None),
        job=parent_run.Job(job["namespace"], job["name"], None),
        root=root
        and parent_run.Root(
            run=parent_run.RootRun(root["run"]["runId"], None),
            job=parent_run.RootJob(root["job"]["namespace"], root["job"]["name"], None),
        ),
        producer=facet["_producer"],
    )


def _job_type(facet: Facet) -> job_type_job.JobTypeJobFacet:
    return job_type_job.JobTypeJobFacet(
        processingType=facet["processingType"],
        integration=facet["integration"],
        jobType=facet.get("jobType"),
        producer=facet["_producer"],
    )


def _column_lineage(facet: Facet) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    fields = {
        name: column_lineage_dataset.Fields(**{**field, "inputFields": list(map(_input_field, field["inputFields"]))})
        for name, field in facet["fields"].items()
    }
    whole = facet.get("dataset")
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields, None if whole is None else list(map(_input_field, whole)), producer=facet["_producer"]
    )


def _input_field(field: Facet) -> column_lineage_dataset.InputField:
    found = field.get("transformations")
    made = None if found is None else [column_lineage_dataset.Transformation(**each) for each in found]
    return column_lineage_dataset.InputField(**{**field, "transformations": made})


_OF_RUNS: dict[str, Callable[[Facet], Any]] = {"tags": _run_tags, "parent": _parent}
_OF_JOBS: dict[str, Callable[[Facet], Any]] = {"tags": _job_tags, "jobType": _job_type}
_OF_DATASETS: dict[str, Callable[[Facet], Any]] = {"columnLineage": _column_lineage}
