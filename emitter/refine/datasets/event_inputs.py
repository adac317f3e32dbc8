"""The inputs of an event while it is refined: those that the event has, and those that were found.

Tables that an engine keeps of itself, which a dbt project may read, are no inputs.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from emitter.dbt.project import Project
from emitter.refine.datasets.refined_datasets import Dataset
from emitter.refine.nested_access import at
from schemas.naming import canonical
from schemas.system_tables import fits, is_metadata, is_of_engine, kind_of, may_be


class EventInputs:
    """The inputs of an event, which are taken one by one by name, and the inputs found so far.

    Args:
        given: The event's inputs.
        project: The manifest's nodes, for the spelling of names.

    Attributes:
        found: The refined inputs, in order.
    """

    def __init__(self, given: Iterable[Mapping[str, Any]], project: Project) -> None:
        self._given = {project.fold(dataset["name"]): dataset for dataset in given}
        self.found: list[Dataset] = []

    def take(self, name: str | None) -> Mapping[str, Any] | None:
        """Returns the event's input of a name, and removes it from the rest."""
        return self._given.pop(name, None) if name is not None else None

    def add(self, dataset: Dataset | None) -> None:
        """Adds a refined input; None, the dataset of a node without a table, adds nothing."""
        if dataset is not None:
            self.found.append(dataset)

    def names(self) -> frozenset[str]:
        """Returns the names of the inputs that were found."""
        return frozenset(dataset["name"] for dataset in self.found)

    def rest(self) -> list[Mapping[str, Any]]:
        """Returns the inputs that were not taken."""
        return list(self._given.values())


def without_system_tables(event: Mapping[str, Any], problems: Counter[str]) -> dict[str, Any]:
    """Returns an event without inputs and sources of columns that are an engine's own tables or metadata of tables.

    Args:
        event: The event.
        problems: Counts the inputs that were dropped.
    """
    inputs = list(event.get("inputs") or [])
    kept = [dataset for dataset in inputs if not _is_system_table(dataset)]
    problems["system_tables"] += len(inputs) - len(kept)
    outputs = [_without_sources(dataset) for dataset in event.get("outputs") or []]
    return {**event, "inputs": kept, "outputs": outputs}


def _is_system_table(dataset: Mapping[str, Any]) -> bool:
    """True for an input, or a source of a column, whose name is no user's table's, unless its columns are others."""
    if not may_be(dataset["name"]):
        return False
    name = canonical(dataset["namespace"], dataset["name"])
    if is_of_engine(name):
        return True
    fields = at(dataset, "facets", "schema").get("fields") or []
    columns = [str(field.get("name")).lower() for field in fields]
    return is_metadata(name) and fits(kind_of(name.name), columns) is not False


def _without_sources(dataset: Mapping[str, Any]) -> Mapping[str, Any]:
    facet = at(dataset, "facets", "columnLineage")
    found = [*(facet.get("dataset") or []), *_inputs_of(facet)]
    # Each column has sources of the same few tables.
    if not any(map(may_be, {source["name"] for source in found})) or not any(map(_is_system_table, found)):
        return dataset
    fields = {
        name: {**field, "inputFields": _real(field.get("inputFields"))} for name, field in facet["fields"].items()
    }
    fields = {name: field for name, field in fields.items() if field["inputFields"]}
    whole = _real(facet.get("dataset"))
    changed = {key: value for key, value in facet.items() if key != "dataset"} | {"fields": fields}
    if whole:
        changed["dataset"] = whole
    return {**dataset, "facets": {**dataset["facets"], "columnLineage": changed}}


def _inputs_of(facet: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for field in (facet.get("fields") or {}).values():
        yield from field.get("inputFields") or []


def _real(sources: Iterable[Mapping[str, Any]] | None) -> list[Mapping[str, Any]]:
    return [source for source in sources or [] if not _is_system_table(source)]
