"""What the views read, what they let pass, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from schemas import facets as views
from schemas.decode import decode
from schemas.errors import BadFacet
from schemas.events import RunEvent
from schemas.facets import DELETED, Facet, read
from schemas.json_path import join

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
VIEWS = [
    view for view in vars(views).values() if isinstance(view, type) and issubclass(view, Facet) and view is not Facet
]
AT = "$.outputs[0].facets"
TABLE = {"namespace": "ns", "name": "t"}
COLUMN = TABLE | {"field": "c"}


def view_of(view: type[Facet], facet: object) -> Any:
    """The view of a facet that must be readable."""
    found = read(view, {view.key: facet}, AT)
    assert isinstance(found, view), f"{view.__name__} read {facet!r} as {found!r}"
    return found


def raw_facets() -> Iterator[tuple[str, Mapping[str, object]]]:
    """The facets of everything in the samples."""
    for path in sorted(SAMPLES.glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            event = decode(line)
            assert isinstance(event, RunEvent)
            owners = [event.run.facets, event.job.facets]
            owners += [facets for dataset in event.inputs for facets in (dataset.facets, dataset.input_facets)]
            owners += [facets for dataset in event.outputs for facets in (dataset.facets, dataset.output_facets)]
            for facets in owners:
                yield f"{path.name}:{number}", facets


def test_every_facet_of_the_samples_can_be_read() -> None:
    """What dbt really sends is no bad facet, and the views find it under its key."""
    found: set[str] = set()
    for place, facets in raw_facets():
        for view in VIEWS:
            facet = read(view, facets, place)
            assert (facet is not None) == (view.key in facets), f"{place}: {view.key}"
            found |= {view.key} & facets.keys()
    assert {"schema", "columnLineage", "symlinks", "parent", "dbt_node", "dataQualityAssertions"} <= found


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.key)
def test_absent_null_deleted_and_broken_facets(view: type[Facet]) -> None:
    """Every view tells a facet that is not there, one that was deleted, and one that is no object."""
    assert read(view, {}, AT) is None
    assert read(view, {view.key: None}, AT) is None
    assert read(view, {view.key: {"_deleted": True, "_producer": "p"}}, AT) is DELETED
    broken: object
    for broken in ([], "text", 3, True):
        with pytest.raises(BadFacet, match="expected a facet") as caught:
            read(view, {view.key: broken}, AT)
        assert caught.value.path == join(AT, [view.key])


def test_keys_are_told_apart() -> None:
    """No two views claim one key."""
    assert len({view.key for view in VIEWS}) == len(VIEWS) == 26


def test_views_are_immutable() -> None:
    """A view that was read stays as it is."""
    facet = view_of(views.SQLJobFacet, {"query": "select 1", "dialect": None})
    with pytest.raises(ValueError, match="frozen"):
        facet.query = "drop"


@pytest.mark.parametrize(
    ("view", "facet", "path"),
    [
        (views.SchemaDatasetFacet, {"fields": [{"name": "a"}, {"type": "int"}]}, "schema.fields[1].name"),
        (
            views.SchemaDatasetFacet,
            {"fields": [{"name": "a", "fields": [{"name": ""}]}]},
            "schema.fields[0].fields[0].name",
        ),
        (views.SchemaDatasetFacet, {"fields": {}}, "schema.fields"),
        (views.ColumnLineageDatasetFacet, {}, "columnLineage"),
        (views.ColumnLineageDatasetFacet, {"fields": {"a.b": {}}}, 'columnLineage.fields["a.b"].inputFields'),
        (views.ColumnLineageDatasetFacet, {"fields": {"": {"inputFields": []}}}, 'columnLineage.fields[""]'),
        (
            views.ColumnLineageDatasetFacet,
            {"fields": {"a": {"inputFields": [TABLE]}}},
            "columnLineage.fields.a.inputFields[0].field",
        ),
        (
            views.ColumnLineageDatasetFacet,
            {"fields": {}, "dataset": [COLUMN | {"transformations": [{}]}]},
            "columnLineage.dataset[0].transformations[0].type",
        ),
        (views.LineageFacet, {"inputs": [{"type": "DATASET", "name": "t"}]}, "lineage.inputs[0].namespace"),
        (views.LineageFacet, {"inputs": [TABLE]}, "lineage.inputs[0].type"),
        (views.LineageFacet, {"entries": [{"type": "JOB", "name": "j"}]}, "lineage.entries[0]"),
        (views.LineageFacet, {"entries": [TABLE | {"type": "VIEW"}]}, "lineage.entries[0]"),
        (views.LineageFacet, {"fields": {"a": {}}}, "lineage.fields.a.inputs"),
        (views.SymlinksDatasetFacet, {"identifiers": [{"namespace": "x"}]}, "symlinks.identifiers[0].name"),
        (views.ParentRunFacet, {"run": {"runId": "x"}}, "parent.job"),
        (views.ParentRunFacet, {"run": {}, "job": TABLE}, "parent.run.runId"),
        (views.NominalTimeRunFacet, {"nominalStartTime": "soon"}, "nominalTime.nominalStartTime"),
        (
            views.LifecycleStateChangeDatasetFacet,
            {"lifecycleStateChange": "BURN"},
            "lifecycleStateChange.lifecycleStateChange",
        ),
        (
            views.DataQualityAssertionsDatasetFacet,
            {"assertions": [{"assertion": "a"}]},
            "dataQualityAssertions.assertions[0].success",
        ),
        (views.OutputStatisticsOutputDatasetFacet, {"rowCount": 1 << 63}, "outputStatistics.rowCount"),
        (views.DbtRunRunFacet, {"project_name": "p"}, "dbt_run.invocation_id"),
        (views.OwnershipFacet, {"owners": [{"type": "team"}]}, "ownership.owners[0].name"),
    ],
)
def test_what_meaning_depends_on_is_required(view: type[Facet], facet: object, path: str) -> None:
    """The fault is named by its place in the event, in the event's spelling."""
    with pytest.raises(BadFacet) as caught:
        read(view, {view.key: facet}, AT)
    assert caught.value.path == f"{AT}.{path}", str(caught.value)
    assert caught.value.reason


@pytest.mark.parametrize(
    ("view", "facet", "expected"),
    [
        (views.SchemaDatasetFacet, {"fields": None, "more": 1}, {"fields": ()}),
        (views.ColumnLineageDatasetFacet, {"fields": {}, "dataset": None}, {"fields": {}, "dataset": ()}),
        (views.SymlinksDatasetFacet, {"identifiers": None}, {"identifiers": ()}),
        (views.DocumentationFacet, {}, {"description": None}),
        (views.OwnershipFacet, {"owners": [{"name": "me", "type": None}]}, {"owners": (views.Owner(name="me"),)}),
        (views.TagsFacet, {"tags": [{"key": "k", "value": 3}]}, {"tags": (views.Tag(key="k", value="3"),)}),
        (
            views.OutputStatisticsOutputDatasetFacet,
            {"rowCount": -1, "size": 0},
            {"row_count": None, "size": 0, "file_count": None},
        ),
        (
            views.LifecycleStateChangeDatasetFacet,
            {"lifecycleStateChange": "create"},
            {"lifecycle_state_change": "CREATE"},
        ),
        (
            views.NominalTimeRunFacet,
            {"nominalStartTime": "2026-11-21T00:00:00+01:00", "nominalEndTime": ""},
            {"nominal_start_time": "2026-11-20T23:00:00.000000Z", "nominal_end_time": None},
        ),
        (
            views.JobTypeJobFacet,
            {"integration": "DBT", "jobType": "MODEL"},
            {"job_type": "MODEL", "processing_type": None},
        ),
        (views.DatasetVersionDatasetFacet, {"datasetVersion": 7}, {"dataset_version": "7"}),
        (views.StorageDatasetFacet, {"storageLayer": "iceberg"}, {"storage_layer": "iceberg", "file_format": None}),
        (views.ErrorMessageRunFacet, {"message": "no", "stackTrace": None}, {"message": "no", "stack_trace": None}),
        (
            views.ProcessingEngineRunFacet,
            {"openlineageAdapterVersion": "1.54.0"},
            {"openlineage_adapter_version": "1.54.0"},
        ),
        (views.SourceCodeLocationJobFacet, {"url": "u", "repoUrl": "r"}, {"url": "u", "repo_url": "r"}),
        (views.DatasourceDatasetFacet, {"name": "n", "uri": "u"}, {"name": "n", "uri": "u"}),
        (views.DbtNodeJobFacet, {"unique_id": "model.p.m", "schema": "s"}, {"unique_id": "model.p.m", "schema_": "s"}),
        (views.DbtRunRunFacet, {"invocation_id": "i", "project_version": 1.0}, {"project_version": "1.0"}),
        (views.DbtModelDatasetFacet, {"config": None}, {"config": None}),
    ],
)
def test_views_are_lenient_where_producers_are(view: type[Facet], facet: object, expected: dict[str, object]) -> None:
    """Nulls, unknown keys, numbers for text and unknown counts cost nothing."""
    found = view_of(view, facet)
    assert {name: getattr(found, name) for name in expected} == expected


def test_nested_fields() -> None:
    """Structs keep their fields, at any level that decode lets pass."""
    inner: dict[str, Any] = {"name": "leaf", "type": "int"}
    for level in range(25):
        inner = {"name": f"s{level}", "fields": [inner], "ordinal_position": level}
    found = view_of(views.SchemaDatasetFacet, {"fields": [inner]}).fields[0]
    for level in reversed(range(25)):
        assert (found.name, found.ordinal_position) == (f"s{level}", level)
        found = found.fields[0]
    assert (found.name, found.type) == ("leaf", "int")


def test_old_transformations_become_each_input_fields_own() -> None:
    """The one transformation of older facets stands for those that have none."""
    own = {"type": "indirect", "subtype": "FILTER", "masking": None}
    facet = {
        "fields": {
            "a": {"inputFields": [COLUMN, COLUMN | {"transformations": [own]}], "transformationType": "IDENTITY"},
            "b": {"inputFields": [COLUMN], "transformationType": "MASKED", "transformationDescription": "md5(c)"},
            "c": {"inputFields": [COLUMN], "transformationType": None},
        }
    }
    fields = view_of(views.ColumnLineageDatasetFacet, facet).fields
    old, new = (field.transformations[0] for field in fields["a"].input_fields)
    assert (old.type, old.subtype, old.masking) == ("DIRECT", "IDENTITY", False)
    assert (new.type, new.subtype, new.masking) == ("INDIRECT", "FILTER", None)
    masked = fields["b"].input_fields[0].transformations[0]
    assert (masked.subtype, masked.description, masked.masking) == ("TRANSFORMATION", "md5(c)", True)
    assert fields["c"].input_fields[0].transformations == ()


def test_explicit_lineage_of_a_dataset_and_of_a_job() -> None:
    """Nothing feeds it, and nothing is said of what feeds it, are two things; jobs may be the event's own."""
    nothing = view_of(views.LineageFacet, {"inputs": []})
    assert (nothing.inputs, nothing.fields, nothing.entries) == ((), {}, None)
    source = COLUMN | {"type": "DATASET", "transformations": [{"type": "DIRECT"}]}
    dataset: Any = view_of(views.LineageFacet, {"fields": {"a": {"inputs": [source]}}})
    assert dataset.inputs is None
    assert isinstance(dataset.fields["a"].inputs[0], views.LineageDatasetInput)
    assert dataset.fields["a"].inputs[0].field == "c"
    entries = [
        TABLE | {"type": "DATASET", "inputs": [{"type": "JOB"}]},
        {"type": "JOB", "runId": "01A1FC7F-4F87-75D1-B91B-1E46BC29E91E", "inputs": [source]},
    ]
    target, own = view_of(views.LineageFacet, {"entries": entries}).entries
    assert isinstance(target, views.LineageDatasetEntry)
    assert target.inputs == (views.LineageJobInput(type="JOB"),)
    assert (own.namespace, own.name, own.run_id) == (None, None, "01a1fc7f-4f87-75d1-b91b-1e46bc29e91e")


def test_the_parent_run_is_spelled_as_its_own_events_spell_it() -> None:
    """A UUID in upper case names the same run."""
    upper = "01A1FC7F-4F87-75D1-B91B-1E46BC29E91E"
    run = {"run": {"runId": upper}, "job": TABLE}
    own = decode(json.dumps(run | {"eventTime": "2026-11-21T05:22:25Z"}).encode())
    parent = view_of(views.ParentRunFacet, run | {"root": run})
    assert isinstance(own, RunEvent)
    assert parent.run.run_id == parent.root.run.run_id == own.run.run_id == upper.lower()
