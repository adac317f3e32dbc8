"""Datasets of an event that are no tables of users: an engine's own tables, and the metadata of tables.

`schemas.system_tables` judges names. An event says more: a dataset's columns and its location, and that it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from schemas import system_tables
from schemas.naming import DatasetName, engine, is_sql, last_part
from schemas.storage_paths import has_paths, is_warehouse

_STEP = re.compile(r"[./]")
_LEAST_STEPS = 3


class Described(NamedTuple):
    """Statements of an event about a dataset.

    Attributes:
        name: Its canonical name.
        links: The canonical names of its symlinks: Spark names a table's location, and the metadata by symlink.
        columns: The names of its columns, in lower case; empty if the event has none.
        written: True if it is an output.
    """

    name: DatasetName
    links: tuple[DatasetName, ...] = ()
    columns: frozenset[str] = frozenset()
    written: bool = False


def may_be_table(namespace: str, name: str, *, has_links: bool) -> bool:
    """True if `is_table` may be for a dataset; quick, as it is asked of every dataset."""
    return has_links or is_warehouse(namespace) or system_tables.may_be(name)


def is_table(dataset: Described) -> bool:
    """True if a dataset is a table of the engine itself, or the metadata of another table."""
    name = dataset.name
    if system_tables.is_of_engine(name):
        return True
    if not has_paths(name.namespace) and system_tables.is_by_suffix(name.name):
        return True
    return _is_by_name(dataset) or any(_is_by_link(link, dataset) for link in dataset.links)


def _is_by_name(dataset: Described) -> bool:
    """True for a dataset whose own name is that of another table's metadata, unless its columns are others."""
    name = dataset.name
    fits = system_tables.fits(system_tables.kind_of(name.name), dataset.columns)
    if system_tables.is_metadata(name):
        # Nothing writes metadata by its name, so a table of Glue that has a dot in its own name is written.
        is_own = engine(name.namespace) == "glue" and (dataset.written or _is_at_its_own_place(dataset))
        return fits is not False and not is_own
    is_nested = len(_STEP.split(name.name)) >= _LEAST_STEPS
    # Where the parts of a table's name are not known, its columns are evidence.
    return bool(fits) and is_nested and not dataset.written and not _has_known_parts(name)


def _has_known_parts(name: DatasetName) -> bool:
    return is_sql(name.namespace) or engine(name.namespace) is not None or has_paths(name.namespace)


def _is_at_its_own_place(dataset: Described) -> bool:
    """True if a location of a table is called as the table is, with the dot in it."""
    own = last_part(dataset.name).lower()
    return any(has_paths(link.namespace) and last_part(link).lower() == own for link in dataset.links)


def _is_by_link(link: DatasetName, dataset: Described) -> bool:
    """True for a location whose symlink has Trino's form, or Iceberg's, `db.t.snapshots`, of the table there."""
    if not has_paths(link.namespace) and system_tables.is_by_suffix(link.name):
        return True
    if not system_tables.is_below_a_table(link.name, least=2):
        return False
    *_, table, metadata = _STEP.split(link.name.lower())
    place = last_part(dataset.name).lower()
    if place == f"{table}.{metadata}" or system_tables.fits(metadata, dataset.columns) is False:
        return False
    # The location is that of `t`, and not of `snapshots`.
    return place.startswith(table) or (engine(link.namespace) == "glue" and system_tables.is_metadata(link))


def is_source(name: DatasetName, tables: Iterable[DatasetName]) -> bool:
    """True if a source of lineage, by its canonical name, is such a table.

    Args:
        name: The name.
        tables: Datasets that the event names, and that are none.
    """
    return is_table(Described(name)) and name not in tables
