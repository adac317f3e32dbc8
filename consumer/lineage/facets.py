"""The facets that the graph keeps, and in which form.

A facet is read through its typed view (`schemas.facets`) and kept as compact JSON. The same facet comes again with each
run of an unchanged model, so what was made of it is remembered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from consumer.lineage.columns import WHOLE, OutputLineage, Source, pack
from consumer.lineage.memo import OVERHEAD, Memo
from consumer.lineage.registers import INLINE_CHARS, Value, as_json, value_of
from schemas.errors import BadFacet
from schemas.facets import datasets, dbt, jobs, lineage
from schemas.facets.view import DELETED, Facet, read
from schemas.naming import DatasetName, canonical, engine, parts

ALWAYS_INLINE = 16_384
"""For values that views read without a look-up of their text."""

MOST_REMEMBERED = 12 * 1024 * 1024
"""Bytes of what was made of facets: those of some two thousand models with all their columns."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How a facet is kept.

    Attributes:
        view: Its typed view.
        keep: What is kept of it, as JSON; by default all that the view knows.
        inline: At most how many characters stand with the facts, rather than once under their hash.
    """

    view: type[Facet]
    keep: Callable[[Any], object]
    inline: int = INLINE_CHARS


class Reading(NamedTuple):
    """What was made of a facet.

    Attributes:
        value: What is kept.
        dropped: Names of datasets that were left out, because they can't be tables of their engine.
    """

    value: Value
    dropped: tuple[str, ...] = ()


def _all(view: Facet) -> object:
    return view.model_dump(by_alias=True, exclude_none=True, mode="json")


def _is_table(namespace: str, name: str) -> bool:
    """Whether a name can be one of a table: an alias or a CTE that a parser did not resolve has too few parts."""
    return engine(namespace) is None or parts(canonical(namespace, name)) is not None


def _kinds(transformations: Iterable[lineage.Transformation]) -> list[str]:
    return [f"{step.type}/{step.subtype}" if step.subtype else step.type for step in transformations] or [""]


def _of_fields(fields: Iterable[lineage.InputField | lineage.LineageDatasetInput]) -> tuple[Source, ...]:
    return tuple(
        Source(canonical(field.namespace, field.name), field.field or WHOLE, kind)
        for field in fields
        if _is_table(field.namespace, field.name)
        for kind in _kinds(field.transformations)
    )


def _column_lineage(view: lineage.ColumnLineageDatasetFacet) -> object:
    columns = {column: _of_fields(said.input_fields) for column, said in view.fields.items()}
    return pack(OutputLineage(None, _with_whole(columns, _of_fields(view.dataset))))


def _with_whole(columns: Mapping[str, tuple[Source, ...]], whole: tuple[Source, ...]) -> dict[str, tuple[Source, ...]]:
    """Columns by name with the sources of the whole dataset; parsers of `select *` name a column `*` too."""
    return {**columns, WHOLE: (*columns.get(WHOLE, ()), *whole)}


def _dataset_inputs(inputs: Iterable[lineage.LineageInput] | None) -> list[lineage.LineageDatasetInput]:
    return [said for said in inputs or () if isinstance(said, lineage.LineageDatasetInput)]


def _explicit(view: lineage.LineageFacet | lineage.LineageDatasetEntry) -> object:
    """What is stated of one target; a source that is a job is no dataset, and is left to reads and writes."""
    inputs = _dataset_inputs(view.inputs)
    whole = [said for said in inputs if said.field is not None]
    columns = {column: _of_fields(_dataset_inputs(said.inputs)) for column, said in view.fields.items()}
    named = frozenset(canonical(said.namespace, said.name) for said in inputs if _is_table(said.namespace, said.name))
    return pack(OutputLineage(None if view.inputs is None else named, _with_whole(columns, _of_fields(whole))))


def _parent(view: jobs.ParentRunFacet) -> object:
    return view.run.run_id


def _error(view: jobs.ErrorMessageRunFacet) -> object:
    return {"message": view.message[:4_000]}


def _table(*kept: Kept) -> dict[str, Kept]:
    return {one.view.key: one for one in kept}


RUN_FACETS = _table(
    Kept(jobs.ParentRunFacet, _parent, ALWAYS_INLINE),
    Kept(jobs.ErrorMessageRunFacet, _error, ALWAYS_INLINE),
    Kept(jobs.NominalTimeRunFacet, _all),
    Kept(jobs.ProcessingEngineRunFacet, _all),
    Kept(jobs.TagsFacet, _all),
    Kept(dbt.DbtRunRunFacet, _all),
)

JOB_FACETS = _table(
    Kept(jobs.JobTypeJobFacet, _all, ALWAYS_INLINE),
    Kept(dbt.DbtNodeJobFacet, _all, ALWAYS_INLINE),
    Kept(jobs.SourceCodeLocationJobFacet, _all, ALWAYS_INLINE),
    Kept(jobs.DocumentationFacet, _all, ALWAYS_INLINE),
    Kept(jobs.SQLJobFacet, _all),
    Kept(jobs.OwnershipFacet, _all),
    Kept(jobs.TagsFacet, _all),
)

DATASET_FACETS = _table(
    Kept(datasets.SchemaDatasetFacet, _all),
    Kept(datasets.DatasourceDatasetFacet, _all),
    Kept(datasets.LifecycleStateChangeDatasetFacet, _all),
    Kept(datasets.DatasetVersionDatasetFacet, _all),
    Kept(datasets.StorageDatasetFacet, _all),
    Kept(datasets.DataQualityAssertionsDatasetFacet, _all),
    Kept(dbt.DbtModelDatasetFacet, _all),
    Kept(jobs.DocumentationFacet, _all),
    Kept(jobs.OwnershipFacet, _all),
    Kept(jobs.TagsFacet, _all),
)

OUTPUT_FACETS = DATASET_FACETS | _table(
    Kept(datasets.OutputStatisticsOutputDatasetFacet, _all),
    Kept(lineage.ColumnLineageDatasetFacet, _column_lineage),
    Kept(lineage.LineageFacet, _explicit),
)


def read_facet(kept: Kept, raw: object, at: str) -> Reading:
    """What is kept of a facet.

    Args:
        kept: Which facet.
        raw: As it is in the event.
        at: The JSON path of the facets that it is among.

    Raises:
        BadFacet: It can't be read.
    """
    try:
        return _reading(kept, orjson.dumps(raw))
    except BadFacet as error:
        raise BadFacet(f"{at}{error.path}", error.reason) from None


_READINGS: Memo[tuple[Kept, bytes], Reading] = Memo(MOST_REMEMBERED)


def _reading(kept: Kept, raw: bytes) -> Reading:
    # The facet itself is large and is not asked for again; its digest stands for it.
    key = kept, blake2b(raw, digest_size=16).digest()
    found = _READINGS.get(key)
    if found is None:
        made = _made_of(kept, raw)
        found = _READINGS.put(key, made, OVERHEAD + len(made.value.text or made.value.ref))
    return found


def _made_of(kept: Kept, raw: bytes) -> Reading:
    view = read(kept.view, {kept.view.key: orjson.loads(raw)}, "")
    if view is None or view is DELETED:
        return Reading(value_of(""))
    text = as_json(kept.keep(view))
    return Reading(value_of(text, kept.inline), tuple(_dropped(view)))


def _dropped(view: object) -> Iterable[str]:
    """What `_of_fields` leaves out of a facet of lineage."""
    if isinstance(view, lineage.ColumnLineageDatasetFacet):
        fields = [field for said in view.fields.values() for field in said.input_fields]
        return sorted({f.name for f in (*fields, *view.dataset) if not _is_table(f.namespace, f.name)})
    return ()


def explicit_of_job(raw: object, at: str) -> dict[DatasetName, Value]:
    """What a job's explicit lineage states, by target dataset; targets that are jobs are left out.

    Raises:
        BadFacet: It can't be read.
    """
    view = read(lineage.LineageFacet, {lineage.LineageFacet.key: raw}, at)
    if view is None or view is DELETED:
        return {}
    entries: defaultdict[DatasetName, list[lineage.LineageDatasetEntry]] = defaultdict(list)
    for entry in view.entries or ():
        if isinstance(entry, lineage.LineageDatasetEntry) and _is_table(entry.namespace, entry.name):
            entries[canonical(entry.namespace, entry.name)].append(entry)
    # Of several entries for one target the last is taken, as in any JSON object.
    return {target: value_of(as_json(_explicit(said[-1]))) for target, said in entries.items()}


def linked(facets: Mapping[str, object], at: str) -> list[DatasetName]:
    """The names that a symlinks facet gives a dataset, as the event spells them.

    Raises:
        BadFacet: It can't be read.
    """
    view = read(datasets.SymlinksDatasetFacet, facets, at)
    if view is None or view is DELETED:
        return []
    return [DatasetName(link.namespace, link.name) for link in view.identifiers]
