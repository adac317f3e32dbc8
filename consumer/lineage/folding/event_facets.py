"""The facets of one event, read with what the event says as a whole: which tables it has, and what is metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from consumer.lineage import exposures
from consumer.lineage.column_lineage import OutputLineage, may_have_metadata, pack, sources, unpack, without
from consumer.lineage.exposures import Project
from consumer.lineage.facts.output_facets import BY_RUN, COLUMN_LINEAGE
from consumer.lineage.facts.registers import Value, value_of
from consumer.lineage.folding.gathering import Gathering
from consumer.lineage.folding.kept_facets import MISSPELT, Kept, Reading, linked, read_facet, rest_of
from consumer.lineage.folding.sql.phantom_tables import Tables
from consumer.lineage.metadata_columns import (
    NOTHING,
    field_names,
    is_column,
    reserved,
    schema_without,
)
from consumer.lineage.metadata_tables import Described, is_source, is_table, may_be_table
from schemas.errors import BadFacet
from schemas.events import Dataset
from schemas.facets.dataset_facets import DatasourceDatasetFacet, SchemaDatasetFacet, SymlinksDatasetFacet
from schemas.naming import DatasetName, canonical

Refs = dict[str, str]
"""References of values by facet."""

METADATA = "it is the metadata of a table, or a table of the engine's own catalog, which is no data, left out"


def _links(dataset: Dataset) -> list[DatasetName]:
    """Returns the symlinks of a dataset; none where the facet can't be read, which is reported with its name."""
    try:
        return linked(dataset.facets, "$")[0] or []
    except BadFacet:
        return []


class EventFacets:
    """The facets of one event.

    Args:
        gathering: Takes texts of values, and what is left out.
        datasets: The event's datasets.
        producer: The event's producer.
        tables: The tables that the event names as such; None for an event about one dataset.
        project: The dbt project whose node the event's job is; None of any other event.

    Attributes:
        exposures: The key of the register of what the event states of a dataset's exposures.
    """

    def __init__(
        self,
        gathering: Gathering,
        datasets: Iterable[Dataset],
        producer: str,
        tables: Tables | None = None,
        project: Project | None = None,
    ) -> None:
        self._gathering = gathering
        self._tables = tables
        self.exposures = exposures.register_of(project)
        self._reserved: dict[DatasetName, frozenset[str]] = {}
        # Datasets that the event names, whose names are like those of metadata.
        self._named: set[DatasetName] = set()
        by_spark = "spark" in producer.lower()
        for dataset in datasets:
            self._reserve(dataset, by_spark=by_spark)

    def is_metadata(self, dataset: Dataset, at: str, *, written: bool = False) -> bool:
        """True if a dataset is metadata of a table or of the engine, which is then noted as left out.

        Args:
            dataset: The dataset.
            at: Its JSON path.
            written: True if it is an output.
        """
        if not may_be_table(dataset.namespace, dataset.name, has_links=SymlinksDatasetFacet.key in dataset.facets):
            return False
        name = canonical(dataset.namespace, dataset.name)
        links = tuple(canonical(*link) for link in _links(dataset))
        described = Described(name, links, frozenset(field_names(dataset.facets)), written)
        found = is_table(described) or (not written and self._is_system_view(name))
        if found:
            self._gathering.leave_out(f"{at}.name", f"{dataset.name!r}: {METADATA}")
        else:
            self._named.add(name)
        return found

    def is_metadata_source(self, name: DatasetName) -> bool:
        """True if a source of lineage, or a table of the event's SQL, is metadata, by its canonical name."""
        return may_be_table(name.namespace, name.name, has_links=False) and (
            is_source(name, self._named) or self._is_system_view(name)
        )

    def _is_system_view(self, name: DatasetName) -> bool:
        return self._tables is not None and self._tables.is_system_view(name)

    def refs(
        self, table: Mapping[str, Kept], facets: Mapping[str, object], at: str, dataset: DatasetName | None = None
    ) -> Refs:
        """References of the facets that the graph keeps; one that can't be read is noted as left out.

        Args:
            table: Which facets are kept.
            facets: Those of the event.
            at: Their JSON path.
            dataset: The dataset that they are of, if they are of one.
        """
        found: Refs = {}
        for key, raw in facets.items():
            kept = table.get(key)
            if kept is None:
                continue
            reserved_columns = self._reserved.get(dataset) if dataset and key == SchemaDatasetFacet.key else None
            try:
                reading = read_facet(kept, schema_without(raw, reserved_columns) if reserved_columns else raw, at)
            except BadFacet as error:
                self._gathering.leave_out(error.path, error.reason)
                rest = rest_of(kept, raw)
                if rest is not None:
                    found[key] = self._gathering.keep(rest)
                continue
            self._note_left_out(reading, at, key)
            value = reading.value
            if key in BY_RUN and dataset is not None:
                value = self._of_tables(value, dataset, f"{at}.{key}")
            found[key] = self._gathering.keep(value)
            found |= dict.fromkeys(reading.also, value.ref)
        if dataset is not None and exposures.KEY in found:
            found[self.exposures] = found.pop(exposures.KEY)
        return found

    def has_no_exposure(self, refs: Refs) -> bool:
        """True if a table's facets name none of its project's exposures, of an event that names all of them.

        Of a table that is named without a source of data, as one of another environment, nothing is stated.
        """
        return DatasourceDatasetFacet.key in refs and self.exposures not in refs

    def by_text(self, dataset: DatasetName) -> Refs:
        """Returns the lineage of one of several outputs by the event's SQL; empty where that does not state it."""
        behind = self._tables.reads.of(dataset) if self._tables is not None else None
        if not behind:
            return {}
        return {COLUMN_LINEAGE: self._gathering.keep(value_of(pack(OutputLineage(behind, {}))))}

    def _reserve(self, dataset: Dataset, *, by_spark: bool) -> None:
        if found := reserved(dataset.namespace, dataset.facets, by_spark=by_spark):
            name = canonical(dataset.namespace, dataset.name)
            self._reserved[name] = self._reserved.get(name, found) | found

    def _is_metadata_column(self, dataset: DatasetName, column: str) -> bool:
        return is_column(column, self._reserved.get(dataset, NOTHING))

    def _note_left_out(self, reading: Reading, at: str, key: str) -> None:
        """Notes what a facet was read without."""
        for path, reason in reading.left_out:
            self._gathering.leave_out(f"{at}{path}", reason)
        for path, meant in reading.misspelt:
            self._gathering.leave_out(f"{at}.{key}{path}", MISSPELT.format(meant))
        if reading.dropped:
            names = ", ".join(reading.dropped)
            self._gathering.leave_out(f"{at}.{key}", f"not names of tables, left out: {names}")

    def _of_tables(self, value: Value, dataset: DatasetName, at: str) -> Value:
        """Returns a facet of lineage without names that are no tables of this event, and without metadata columns."""
        text = value.text or value.ref
        if not text or self._tables is None:
            return value
        phantoms = {name for name in sources(text) if self._tables.is_phantom(name) or self.is_metadata_source(name)}
        if not phantoms and not may_have_metadata(text):
            return value
        told = without(unpack(text), phantoms.__contains__, self._is_metadata_column)
        own = {name: made for name, made in told.columns.items() if not self._is_metadata_column(dataset, name)}
        if phantoms:
            names = ", ".join(sorted(name.name for name in phantoms))
            self._gathering.leave_out(at, f"not names of tables, left out: {names}")
            if behind := self._tables.reads.of(dataset):
                told = told._replace(datasets=(told.datasets or frozenset()) | behind, partial=False)
        return value_of(pack(told._replace(columns=own)))
