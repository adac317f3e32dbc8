"""How much one event may say: at the bound all is taken, beyond it the event or the facet is refused, in words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.counted import counted
from schemas.decode import decode, decode_document
from schemas.errors import MAX_TEXT, BadFacet, RejectedEvent
from schemas.events import DatasetEvent, JobEvent, RunEvent
from schemas.facets import (
    ColumnLineageDatasetFacet,
    Facet,
    JobTypeJobFacet,
    LineageFacet,
    SchemaDatasetFacet,
    SymlinksDatasetFacet,
    read,
)
from schemas.lazy_decode import decode_lazily
from schemas.limits import MAX_COLUMNS, MAX_DATASETS, MAX_LABEL, MAX_LINKS, MAX_SYMLINKS
from schemas.strict_json import MAX_VALUES
from tests.support.events.event_builders import dataset, job_event, run_event

AT = "$.outputs[0].facets"
TABLE = {"namespace": "ns", "name": "t"}


def tables(count: int) -> list[Any]:
    """Datasets of an event."""
    return [dataset(f"t{number}") for number in range(count)]


def test_datasets_up_to_the_bound_are_taken() -> None:
    """Inputs and outputs count together."""
    event = decode_document(run_event("COMPLETE", 1, inputs=tables(MAX_DATASETS - 1), outputs=tables(1)))
    assert isinstance(event, RunEvent)
    assert len(event.inputs) == MAX_DATASETS - 1
    assert isinstance(decode_document(job_event(1, inputs=tables(1), outputs=tables(MAX_DATASETS - 1))), JobEvent)


@pytest.mark.parametrize(("inputs", "outputs", "path"), [(MAX_DATASETS, 1, "$.inputs"), (1, MAX_DATASETS, "$.outputs")])
def test_an_event_with_more_datasets_is_rejected(inputs: int, outputs: int, path: str) -> None:
    """The reason names both counts, the bound, and what to do; so for runs and for jobs."""
    read_, written = tables(inputs), tables(outputs)
    for document in (
        run_event("COMPLETE", 1, inputs=read_, outputs=written),
        job_event(1, inputs=read_, outputs=written),
    ):
        with pytest.raises(RejectedEvent) as caught:
            decode_document(document)
        assert caught.value.path == path
        for words in (
            counted(inputs, "input"),
            counted(outputs, "output"),
            f"at most {MAX_DATASETS:,}",
            "send several events",
        ):
            assert words in caught.value.reason


@pytest.mark.parametrize("unit", ["[]", '{"0":0}', '"a"', "1.5", "{}", "[[]]"])
def test_values_of_a_document_are_bounded(unit: str) -> None:
    """Whatever they are: at the bound the event is taken, beyond it rejected before there is an object of any."""
    each = 1 + unit.count("[[") + unit.count(":")
    event = orjson.dumps(run_event("COMPLETE", 1))
    for count, taken in ((MAX_VALUES // each - 100, True), (MAX_VALUES // each + 1, False)):
        values = ",".join([unit] * count).encode()
        data = event[:-1] + b', "other": [' + values + b"]}"
        if taken:
            decode(data)
            continue
        with pytest.raises(RejectedEvent, match=rf"values; an event may have at most {MAX_VALUES}"):
            decode(data)


def test_marks_in_texts_are_no_values() -> None:
    """A query with very many commas and brackets is one value."""
    job = {"namespace": "n", "name": "j", "facets": {"sql": {"query": 'select "[{,\\\\' * MAX_VALUES}}}
    data = orjson.dumps({**run_event("COMPLETE", 1), "job": job})
    assert isinstance(decode(data), RunEvent)


def test_short_texts_are_bounded() -> None:
    """A producer and a specification are shortened, a facet with a long kind is left out, as it is multiplied else."""
    event = decode_document({**run_event("COMPLETE", 1), "producer": "p" * 9_999, "schemaURL": "s" * 9_999})
    assert (len(event.producer), len(event.schema_url)) == (MAX_LABEL, MAX_LABEL)
    with pytest.raises(BadFacet, match="integration"):
        read(JobTypeJobFacet, {"jobType": {"integration": "x" * (MAX_LABEL + 1)}}, "$.job.facets")


def test_a_time_of_any_length() -> None:
    """Digits of a second without end are a time like any other."""
    event = decode_document({**run_event("COMPLETE", 1), "eventTime": "2026-01-01T00:00:00." + "1" * 100_000 + "Z"})
    assert event.event_time == "2026-01-01T00:00:00.111111Z"


def test_errors_are_short() -> None:
    """Whatever they quote."""
    error = RejectedEvent("$" * 99_999, "x" * 99_999)
    assert (len(error.path), len(error.reason)) == (MAX_TEXT + 3, MAX_TEXT + 3)


def test_facets_that_nothing_reads_are_not_kept() -> None:
    """Those with a view are, of every part of an event, parsed or not; so are those that are read without a view."""
    facets = {"schema": {"fields": []}, "other": {"v": [[]]}, "sql": {"query": "q"}, "catalog": {"framework": "delta"}}
    table = {**dataset("t"), "facets": facets, "inputFacets": facets, "outputFacets": facets}
    run = run_event("COMPLETE", 1, inputs=[table], outputs=[table])
    run["run"]["facets"], run["job"]["facets"] = {**facets, "extractionError": {}}, facets
    for data in (orjson.dumps(run), orjson.dumps(run, option=orjson.OPT_INDENT_2)):
        event = decode_lazily(data)
        assert isinstance(event, RunEvent)
        assert set(event.run.facets) == {"schema", "sql", "catalog", "extractionError"}
        kept = [event.job.facets, event.inputs[0].facets, event.inputs[0].input_facets]
        for found in [*kept, event.outputs[0].facets, event.outputs[0].output_facets]:
            assert set(found) == {"schema", "sql", "catalog"}
    alone = {"eventTime": "2026-01-01T00:00:00Z", "dataset": {**TABLE, "facets": facets}}
    assert isinstance(known := decode_lazily(orjson.dumps(alone)), DatasetEvent)
    assert set(known.dataset.facets) == {"schema", "sql", "catalog"}


def symlinks(count: int) -> Any:
    """So many other names."""
    return {"identifiers": [{**TABLE, "name": f"s{number}"} for number in range(count)]}


def flat(count: int) -> Any:
    """So many columns."""
    return {"fields": [{"name": f"c{number}"} for number in range(count)]}


def nested(count: int) -> Any:
    """So many columns, all but one in a struct."""
    return {"fields": [{"name": "struct", **flat(count - 1)}]}


def by_column(count: int) -> Any:
    """Two columns that are made of so many together."""
    fields = [{**TABLE, "field": f"c{number}"} for number in range(count)]
    return {"fields": {"x": {"inputFields": fields[:1]}, "y": {"inputFields": fields[1:]}}}


def by_row(count: int) -> Any:
    """So many columns that decide on rows."""
    return {"fields": None, "dataset": [{**TABLE, "field": f"c{number}"} for number in range(count)]}


def by_transformation(count: int) -> Any:
    """One source, transformed in so many ways."""
    ways = [{"type": "DIRECT", "subtype": f"W{number}"} for number in range(count)]
    return {"fields": {"x": {"inputFields": [{**TABLE, "field": "c", "transformations": ways}]}}}


def explicit(count: int) -> Any:
    """So many source datasets."""
    return {"inputs": [{"type": "DATASET", **TABLE, "name": f"s{number}"} for number in range(count)]}


def by_entry(count: int) -> Any:
    """Two targets with so many sources together."""
    one, other = explicit(count - 1), explicit(1)
    return {"entries": [{"type": "DATASET", **TABLE, **said} for said in (one, other)]}


@pytest.mark.parametrize(
    ("view", "facet", "most", "words"),
    [
        (SymlinksDatasetFacet, symlinks, MAX_SYMLINKS, "symlinks"),
        (SchemaDatasetFacet, flat, MAX_COLUMNS, "columns"),
        (SchemaDatasetFacet, nested, MAX_COLUMNS, "columns"),
        (ColumnLineageDatasetFacet, by_column, MAX_LINKS, "links between columns"),
        (ColumnLineageDatasetFacet, by_row, MAX_LINKS, "links between columns"),
        (ColumnLineageDatasetFacet, by_transformation, MAX_LINKS, "links between columns"),
        (LineageFacet, explicit, MAX_LINKS, "links from sources"),
        (LineageFacet, by_entry, MAX_LINKS, "links from sources"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_facet_that_says_too_much_is_refused(view: type[Facet], facet: Any, most: int, words: str) -> None:
    """At the bound it is read; beyond it, the fault names the facet, the count, the bound, and what to do."""
    assert isinstance(read(view, {view.key: facet(most)}, AT), view)
    with pytest.raises(BadFacet) as caught:
        read(view, {view.key: facet(most + 1)}, AT)
    assert caught.value.path == f"{AT}.{view.key}"
    for said in (str(most + 1), f"at most {most}", words, "ignored", "send fewer"):
        assert said in caught.value.reason
