"""Names of tables of which a part has a dot or a quote in it: as refinement has them, and as events spell them.

dbt-ol and refinement join the parts of a name by dots, so `"dev"."raw"."orders.2024"` looks like four parts. In an
event such a part is quoted, as a statement does it, and as a reader of the event's SQL finds it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from emitter.dbt.project import Project, dataset_name, dataset_parts

Event = dict[str, Any]


class SpelledNames:
    """The names of a project's tables that need quotes.

    Args:
        project: The nodes.
    """

    def __init__(self, project: Project) -> None:
        self._spelled: dict[str, str] = {}
        for node in project.nodes.values():
            parts = dataset_parts(node)
            if any("." in part or '"' in part for part in parts):
                spelled = ".".join(map(_quoted, parts))
                self._spelled[project.fold(dataset_name(node))] = project.fold(spelled)
        self._joined = {spelled: joined for joined, spelled in self._spelled.items()}

    def joined(self, event: Mapping[str, Any]) -> Event:
        """Returns an event with these names as parts joined by dots."""
        return _renamed(event, self._joined)

    def spelled(self, event: Mapping[str, Any]) -> Event:
        """Returns an event with the names quoted where they need it."""
        return _renamed(event, self._spelled)


def _quoted(part: str) -> str:
    return '"' + part.replace('"', '""') + '"' if "." in part or '"' in part else part


def _renamed(event: Mapping[str, Any], names: Mapping[str, str]) -> Event:
    if not names:
        return dict(event)
    return {**event, **{key: _datasets(event[key], names) for key in ("inputs", "outputs") if event.get(key)}}


def _datasets(datasets: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    return [_dataset(one, names) for one in datasets]


def _dataset(dataset: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    facets = dataset.get("facets") or {}
    lineage = facets.get("columnLineage")
    changed = {"facets": {**facets, "columnLineage": _lineage(lineage, names)}} if lineage else {}
    return {**dataset, "name": names.get(dataset["name"], dataset["name"]), **changed}


def _lineage(facet: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    fields = {
        column: {**field, "inputFields": _sources(field.get("inputFields") or (), names)}
        for column, field in (facet.get("fields") or {}).items()
    }
    of_all = {"dataset": _sources(facet["dataset"], names)} if facet.get("dataset") else {}
    return {**facet, "fields": fields, **of_all}


def _sources(sources: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> list[Mapping[str, Any]]:
    return [_source(source, names) for source in sources]


def _source(source: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, Any]:
    name = names.get(source["name"])
    return source if name is None else {**source, "name": name}
