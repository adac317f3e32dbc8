"""The facets that the graph keeps, and in which form.

A facet is read through its typed view (`schemas.facets`) and kept as compact JSON. The same facet comes again with each
run of an unchanged model, so what was made of it is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from consumer.lineage import lifecycle
from consumer.lineage.column_lineage import OutputLineage, pack, unpack, with_whole
from consumer.lineage.column_types import BESIDE, registers_of
from consumer.lineage.explicit_lineage import of_dataset, of_fields, table_name
from consumer.lineage.facts.registers import INLINE_CHARS, Value, as_json, value_of
from consumer.lineage.metadata_columns import is_column
from schemas.byte_cache import OVERHEAD, ByteCache
from schemas.errors import BadFacet
from schemas.events import MAX_NAME, canonical_run_id
from schemas.facets import dataset_facets, dbt_facets, job_facets, lineage_facets
from schemas.facets.bad_items import read_items
from schemas.facets.base import DELETED, Facet, Part, misspelt_in
from schemas.json_path import join
from schemas.naming import DatasetName

ALWAYS_INLINE = 16_384
"""For values that views read without a look-up of their text."""

MISSPELT = "it is not a key of the facet, ignored: did you mean `{}`?"
"""The reason why a key of a facet states nothing."""

MOST_REMEMBERED = 5 * 1024 * 1024
"""Bytes of what was made of facets, for bodies of which only some facets are new."""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """The way in which a facet is kept.

    Attributes:
        view: Its typed view.
        keep: The JSON text of what is kept of it.
        inline: At most how many characters stand with the facts, rather than once under their hash.
        rest: The JSON text of what is kept of a facet that can't be read as a whole; None to keep nothing.
    """

    view: type[Facet]
    keep: Callable[[Any], str]
    inline: int = INLINE_CHARS
    rest: Callable[[object], str | None] = lambda _: None


class Reading(NamedTuple):
    """The result of reading a facet.

    Attributes:
        value: What is kept.
        dropped: Names of datasets that were left out, because they can't be tables of their engine.
        also: Other registers that it is a value of.
        left_out: JSON paths of items that can't be read, from the facets on, each with the reason.
        misspelt: JSON paths of keys that are probably misspelt, within the facet, each with the key that was meant.
    """

    value: Value
    dropped: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    misspelt: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


def _fields(view: Part) -> object:
    return view.model_dump(by_alias=True, exclude_none=True, mode="json")


def _all(view: Part) -> str:
    return as_json(_fields(view))


def _column_lineage(view: lineage_facets.ColumnLineageDatasetFacet) -> str:
    columns = {column: of_fields(said.input_fields) for column, said in view.fields.items()}
    return pack(OutputLineage(None, with_whole(columns, of_fields(view.dataset)), bool(_dropped(view))))


def _stated(view: lineage_facets.LineageFacet) -> str:
    return pack(of_dataset(view))


def _schema(view: dataset_facets.SchemaDatasetFacet) -> str:
    fields = tuple(field for field in view.fields if not is_column(field.name))
    return _all(view.model_copy(update={"fields": fields}))


def _parent(view: job_facets.ParentRunFacet) -> str:
    root = {"root": view.root.run.run_id} if view.root is not None else {}
    return as_json({"job": [view.job.namespace, view.job.name], "run": view.run.run_id, **root})


def _rest_of_parent(raw: object) -> str | None:
    """Returns the ids of the parent run and of the root run, as far as they can be read: they make runs siblings."""
    run, root = _text_at(raw, "run", "runId"), _text_at(raw, "root", "run", "runId")
    if not run and not root:
        return None
    job = [_text_at(raw, "job", "namespace"), _text_at(raw, "job", "name")]
    kept = {"job": job if all(job) else ["", ""], "run": canonical_run_id(run)}
    return as_json({**kept, "root": canonical_run_id(root)} if root else kept)


def _text_at(raw: object, *keys: str) -> str:
    """Returns the name at a path of keys; empty if there is none that the graph can store."""
    for key in keys:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw if isinstance(raw, str) and len(raw) <= MAX_NAME else ""


def _error(view: job_facets.ErrorMessageRunFacet) -> str:
    return as_json({"message": view.message[:MOST_OF_AN_ERROR]})


MOST_OF_AN_ERROR = 4_000
"""Characters of an error's message that are kept."""


def _spark_error(view: job_facets.SparkExceptionRunFacet) -> str:
    """Returns the message, as that of an errorMessage facet; a stack trace begins with it."""
    return as_json({"message": (view.message or view.stack_trace or "").partition("\n\tat ")[0][:MOST_OF_AN_ERROR]})


def _dbt_tags(view: job_facets.TagsFacet) -> str:
    """Returns the tags that dbt has for a node, and its meta; not those that the OpenLineage client adds."""
    return as_json({"tags": [_fields(tag) for tag in view.tags if tag.source in {"DBT", "DBT_META"}]})


def _table(*kept: Kept) -> dict[str, Kept]:
    return {one.view.key: one for one in kept}


RUN_FACETS = _table(
    Kept(job_facets.ParentRunFacet, _parent, ALWAYS_INLINE, _rest_of_parent),
    Kept(job_facets.ErrorMessageRunFacet, _error, ALWAYS_INLINE),
    Kept(job_facets.SparkExceptionRunFacet, _spark_error, ALWAYS_INLINE),
    Kept(job_facets.SkippedRunFacet, _all, ALWAYS_INLINE),
    Kept(job_facets.NominalTimeRunFacet, _all),
    Kept(job_facets.ProcessingEngineRunFacet, _all),
    Kept(job_facets.TagsFacet, _all),
    Kept(dbt_facets.DbtRunRunFacet, _all),
)

TAGS_OF_A_NODE = Kept(job_facets.TagsFacet, _dbt_tags)
"""The tags of a run of dbt that are those of the node's table: dbt-ol has no other place for them."""

JOB_FACETS = _table(
    Kept(job_facets.JobTypeJobFacet, _all, ALWAYS_INLINE),
    Kept(dbt_facets.DbtNodeJobFacet, _all, ALWAYS_INLINE),
    Kept(job_facets.SourceCodeLocationJobFacet, _all, ALWAYS_INLINE),
    Kept(job_facets.DocumentationFacet, _all, ALWAYS_INLINE),
    Kept(job_facets.SQLJobFacet, _all),
    Kept(job_facets.OwnershipFacet, _all),
    Kept(job_facets.TagsFacet, _all),
    Kept(job_facets.RetiredJobFacet, _all, ALWAYS_INLINE),
)

DATASET_FACETS = _table(
    Kept(dataset_facets.SchemaDatasetFacet, _schema),
    Kept(dataset_facets.DatasourceDatasetFacet, _all),
    Kept(dataset_facets.LifecycleStateChangeDatasetFacet, lifecycle.kept, ALWAYS_INLINE),
    Kept(dataset_facets.DatasetVersionDatasetFacet, _all),
    Kept(dataset_facets.StorageDatasetFacet, _all),
    Kept(dataset_facets.DataQualityAssertionsDatasetFacet, _all),
    Kept(dbt_facets.DbtModelDatasetFacet, _all),
    Kept(dbt_facets.DbtExposuresDatasetFacet, _all),
    Kept(job_facets.DocumentationFacet, _all),
    Kept(job_facets.OwnershipFacet, _all),
    Kept(job_facets.TagsFacet, _all),
)

OUTPUT_FACETS = DATASET_FACETS | _table(
    Kept(dataset_facets.OutputStatisticsOutputDatasetFacet, _all),
    Kept(lineage_facets.ColumnLineageDatasetFacet, _column_lineage),
    Kept(lineage_facets.LineageFacet, _stated),
)


def read_facet(kept: Kept, raw: object, at: str) -> Reading:
    """Returns the kept part of a facet.

    Args:
        kept: Which facet.
        raw: As it is in the event.
        at: The JSON path of the facets that it is among.

    Raises:
        BadFacet: It can't be read.
    """
    try:
        return _reading(kept, raw)
    except BadFacet as error:
        raise BadFacet(f"{at}{error.path}", error.reason) from None


def rest_of(kept: Kept, raw: object) -> Value | None:
    """Returns what is kept of a facet that `read_facet` can't read; None if nothing is."""
    text = kept.rest(raw)
    return None if text is None else value_of(text, kept.inline)


_READINGS: ByteCache[tuple[Kept, bytes], Reading] = ByteCache(MOST_REMEMBERED)


def _reading(kept: Kept, raw: object) -> Reading:
    # The facet itself is large and is not asked for again; its digest stands for it.
    key = kept, blake2b(orjson.dumps(raw), digest_size=16).digest()
    found = _READINGS.get(key)
    if found is None:
        made = _made_of(kept, raw)
        found = _READINGS.put(key, made, OVERHEAD + len(made.value.text or made.value.ref))
    return found


def _made_of(kept: Kept, raw: object) -> Reading:
    view, bad = read_items(kept.view, {kept.view.key: raw}, "")
    if view is None or view is DELETED:
        return Reading(value_of(""), also=BESIDE if kept.view is dataset_facets.SchemaDatasetFacet else ())
    text = kept.keep(view)
    if bad and isinstance(view, lineage_facets.ColumnLineageDatasetFacet):
        text = pack(unpack(text)._replace(partial=True))
    also = registers_of(view) if isinstance(view, dataset_facets.SchemaDatasetFacet) else ()
    left_out = tuple((one.path, one.reason) for one in bad)
    misspelt = misspelt_keys(kept.view, raw, (one.path.removeprefix(f".{kept.view.key}") for one in bad))
    return Reading(value_of(text, kept.inline), tuple(_dropped(view)), also, misspelt, left_out)


def misspelt_keys(view: type[Facet], raw: object, bad: Iterable[str] = ()) -> tuple[tuple[str, str], ...]:
    """Returns the JSON path, within a facet, of each key that is probably misspelt, and the key that was meant.

    Args:
        view: Class of the facet.
        raw: The raw facet.
        bad: Paths of faults in it. The report of one names the misspelt key of its object.
    """
    reported = {path.rpartition(".")[0] for path in bad}
    found = ((join("", steps), meant) for steps, meant in misspelt_in(view, raw))
    return tuple((path, meant) for path, meant in found if path.rpartition(".")[0] not in reported)


def _dropped(view: object) -> Sequence[str]:
    """Yields the parts that `of_fields` leaves out of a facet of lineage."""
    if isinstance(view, lineage_facets.ColumnLineageDatasetFacet):
        fields = [field for said in view.fields.values() for field in said.input_fields]
        named = {(field.namespace, field.name) for field in (*fields, *view.dataset)}
        return sorted({name or "''" for namespace, name in named if table_name(namespace, name) is None})
    return ()


def linked(facets: Mapping[str, object], at: str) -> tuple[list[DatasetName] | None, list[BadFacet]]:
    """Returns the names that a symlinks facet gives a dataset, as the event spells them; None without one.

    Args:
        facets: The dataset's.
        at: Their JSON path.

    Returns:
        The names, and those that can't be read, each with its path and the reason.

    Raises:
        BadFacet: None of it can be read.
    """
    view, bad = read_items(dataset_facets.SymlinksDatasetFacet, facets, at)
    if view is None:
        return None, bad
    return [] if view is DELETED else [DatasetName(link.namespace, link.name) for link in view.identifiers], bad
