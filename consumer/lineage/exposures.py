"""Exposures of dbt: what people use a dataset for, such as a dashboard.

Events say with a dataset which exposures use it. Two projects may read one table, and each knows its own exposures
alone, so what each project says of a table is a register by itself. An event of a node that has completed names all
exposures of its project for each of its tables: a table without the facet is used by none any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import orjson

from consumer.lineage.facts.facet_values import TextOf, facet_value
from consumer.lineage.facts.keys import ExposureName, node_key
from consumer.lineage.facts.registers import EMPTY, Register, Registers, as_json

KEY = "dbt_exposures"
KIND = "exposure"
"""Prefix of the unique id of an exposure, and the kind of its vertex."""

UNKNOWN_PROJECT = "dbt"
"""The namespace of exposures of which no event says whose project they are."""


class Project(NamedTuple):
    """A dbt project as it is run.

    Attributes:
        namespace: The namespace of its jobs.
        name: Its own name, that of the root project.
    """

    namespace: str
    name: str


class Exposure(NamedTuple):
    """An exposure that uses a dataset.

    Attributes:
        key: Its key.
        type: Such as `dashboard`.
        url: Where it is.
        owner: Who answers for it.
    """

    key: ExposureName
    type: str
    url: str
    owner: str


def register_of(project: Project | None) -> str:
    """Returns the key of the register of what a project says of a dataset's exposures."""
    return KEY if project is None else f"{KEY} {as_json(project)}"


def without_dropped(facets: Registers, dropped: str) -> Registers:
    """Returns the facets of a dataset without the exposures that were said before the dataset was dropped or renamed.

    Args:
        facets: The facets.
        dropped: When; empty if it was not.
    """
    if not dropped or not any(key.startswith(KEY) for key in facets):
        return facets
    kept = {key: one for key, one in facets.items() if not (key.startswith(KEY) and _is_before(one, dropped))}
    return Registers.of(kept)


def _is_before(register: Register, time: str) -> bool:
    return register.stamp.partition(" ")[0] <= time


def exposures_in(facets: Registers, text: TextOf) -> dict[ExposureName, Exposure]:
    """Returns the exposures that use a dataset, by all projects."""
    found = [one for key in sorted(facets) if key.startswith(KEY) for one in _said(facets, key, text)]
    return {one.key: one for one in found}


def _said(facets: Registers, key: str, text: TextOf) -> Iterator[Exposure]:
    if facets[key].ref == EMPTY:
        return
    project = Project(*orjson.loads(key.removeprefix(KEY))) if key != KEY else None
    listed = facet_value(facets, key, text).get("exposures")
    for said in listed if isinstance(listed, list) else ():
        yield _exposure(said, project)


def _exposure(said: Mapping[str, object], project: Project | None) -> Exposure:
    root = project.name if project is not None else ""
    unique_id = str(said.get("unique_id") or f"{KIND}.{root or UNKNOWN_PROJECT}.{said.get('name') or ''}")
    namespace = project.namespace if project is not None else UNKNOWN_PROJECT
    type_, url, owner = (str(said.get(each) or "") for each in ("type", "url", "owner"))
    return Exposure(ExposureName(namespace, node_key(unique_id, root)), type_, url, owner)
