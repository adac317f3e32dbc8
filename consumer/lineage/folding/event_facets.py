"""The facets of one event, read with what the event says as a whole: which tables it has, and what is metadata."""

from __future__ import annotations

from collections.abc import Mapping

from consumer.lineage import exposures
from consumer.lineage.column_lineage import OutputLineage, may_have_metadata, pack, sources, unpack, without
from consumer.lineage.exposures import Project
from consumer.lineage.facts.delta import Problem
from consumer.lineage.facts.output_facets import BY_RUN, COLUMN_LINEAGE
from consumer.lineage.facts.registers import EMPTY, Value, as_json, value_of
from consumer.lineage.folding.gathering import Gathering
from consumer.lineage.folding.job_naming import names_all_exposures, project_of
from consumer.lineage.folding.kept_facets import Kept, linked, read_facet
from consumer.lineage.folding.phantom_tables import Tables
from consumer.lineage.identity import IdentityRules
from consumer.lineage.metadata_columns import (
    NOTHING,
    is_column,
    is_table,
    may_be_table,
    reserved,
    schema_without,
)
from schemas.errors import BadFacet
from schemas.events import Dataset, JobEvent, RunEvent
from schemas.facets.dataset_facets import DatasourceDatasetFacet, SchemaDatasetFacet
from schemas.naming import DatasetName, canonical

METADATA = "it is the metadata of a table, which is no data, left out"


def _links(dataset: Dataset) -> list[DatasetName]:
    """The symlinks of a dataset; none where the facet can't be read, which is reported with its name."""
    try:
        return linked(dataset.facets, "$") or []
    except BadFacet:
        return []


class FacetGathering(Gathering):
    """A gathering that reads facets; arguments as of `Gathering`."""

    def __init__(self, time: str, rules: IdentityRules) -> None:
        super().__init__(time, rules)
        self._tables: Tables | None = None
        self._project: Project | None = None
        self._names_all_exposures = False
        self._reserved: dict[DatasetName, frozenset[str]] = {}

    def prepare(self, event: RunEvent | JobEvent) -> None:
        """Takes from the event as a whole what its parts are judged by."""
        self._tables = Tables(event)
        self._project = project_of(event)
        self._names_all_exposures = self._project is not None and names_all_exposures(event)
        by_spark = "spark" in event.producer.lower()
        for dataset in (*event.inputs, *event.outputs):
            self._reserve(dataset, by_spark=by_spark)

    def _reserve(self, dataset: Dataset, *, by_spark: bool) -> None:
        if found := reserved(dataset.namespace, dataset.facets, by_spark=by_spark):
            name = canonical(dataset.namespace, dataset.name)
            self._reserved[name] = self._reserved.get(name, found) | found

    def _is_metadata(self, dataset: Dataset, at: str) -> bool:
        """Whether a dataset is the metadata of a table; if so, it is reported."""
        if not may_be_table(dataset):
            return False
        links = [canonical(*link) for link in _links(dataset)]
        found = is_table(canonical(dataset.namespace, dataset.name), links)
        if found:
            self.delta.problems.append(Problem(f"{at}.name", f"{dataset.name!r}: {METADATA}"))
        return found

    def _is_metadata_column(self, dataset: DatasetName, column: str) -> bool:
        return is_column(column, self._reserved.get(dataset, NOTHING))

    def _without(self, value: Value, dataset: DatasetName, at: str) -> Value:
        """A facet of lineage without names that are no tables of this event, and without columns that are metadata."""
        text = value.text or value.ref
        if not text or self._tables is None:
            return value
        phantoms = {name for name in sources(text) if self._tables.is_phantom(name) or is_table(name)}
        if not phantoms and not may_have_metadata(text):
            return value
        told = without(unpack(text), phantoms.__contains__, self._is_metadata_column)
        own = {name: made for name, made in told.columns.items() if not self._is_metadata_column(dataset, name)}
        if phantoms:
            names = ", ".join(sorted(name.name for name in phantoms))
            self.delta.problems.append(Problem(at, f"not names of tables, left out: {names}"))
            if behind := self._tables.reads.of(dataset):
                told = told._replace(datasets=(told.datasets or frozenset()) | behind, partial=False)
        return value_of(as_json(pack(told._replace(columns=own))))

    def _by_text(self, dataset: DatasetName) -> dict[str, str]:
        """The lineage of one of several outputs by the event's SQL; empty where that does not state it."""
        behind = self._tables.reads.of(dataset) if self._tables is not None else None
        if not behind:
            return {}
        value = value_of(as_json(pack(OutputLineage(behind, {}))))
        self._keep(value)
        return {COLUMN_LINEAGE: value.ref}

    def _exposed(self, refs: dict[str, str]) -> dict[str, str]:
        """The facets of a table, with its exposures as those of the project that was run.

        A table that is named without a source of data, as one of another environment, is unknown in this respect.
        """
        stated = refs.get(exposures.KEY)
        if stated is None and not (self._names_all_exposures and DatasourceDatasetFacet.key in refs):
            return refs
        others = {key: ref for key, ref in refs.items() if key != exposures.KEY}
        return others | {exposures.register_of(self._project): stated if stated is not None else EMPTY}

    def _refs(
        self, table: Mapping[str, Kept], facets: Mapping[str, object], at: str, dataset: DatasetName | None = None
    ) -> dict[str, str]:
        """References of the facets that the graph keeps; one that can't be read is left out and reported.

        Args:
            table: Which facets are kept.
            facets: Those of the event.
            at: Their JSON path.
            dataset: The dataset that they are of, if they are of one.
        """
        found: dict[str, str] = {}
        for key, raw in facets.items():
            kept = table.get(key)
            if kept is None:
                continue
            reserved_columns = self._reserved.get(dataset) if dataset and key == SchemaDatasetFacet.key else None
            try:
                reading = read_facet(kept, schema_without(raw, reserved_columns) if reserved_columns else raw, at)
            except BadFacet as error:
                self.delta.problems.append(Problem(error.path, error.reason))
                continue
            if reading.dropped:
                names = ", ".join(reading.dropped)
                self.delta.problems.append(Problem(f"{at}.{key}", f"not names of tables, left out: {names}"))
            value = reading.value
            if key in BY_RUN and dataset is not None:
                value = self._without(value, dataset, f"{at}.{key}")
            self._keep(value)
            found[key] = value.ref
            found |= dict.fromkeys(reading.also, value.ref)
        return found if dataset is None else self._exposed(found)
