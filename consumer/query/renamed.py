"""Exports whose datasets are called as in another environment, so that the two can be compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PARTS = re.compile(r"([./])")


def renamed(document: Mapping[str, Any], parts: Mapping[str, str]) -> dict[str, Any]:
    """Returns an export with parts of its datasets' names, or whole namespaces, replaced.

    Args:
        document: The object of `export --format json`.
        parts: By a part of a name, such as a schema, or by a whole namespace, what takes its place.
    """

    def dataset(name: list[str]) -> list[str]:
        namespace, table, *column = name
        return [parts.get(namespace, namespace), _replaced(table, parts), *column]

    def shown(one: Mapping[str, Any]) -> dict[str, Any]:
        namespace, name = dataset([one["namespace"], one["name"]])
        return {**one, "namespace": namespace, "name": name}

    return {
        **document,
        "datasets": [shown(one) for one in document["datasets"]],
        "reads": [[dataset(name), job] for name, job in document["reads"]],
        "writes": [[job, dataset(name)] for job, name in document["writes"]],
        "dataset_edges": [[dataset(source), dataset(target), job] for source, target, job in document["dataset_edges"]],
        "column_edges": [[dataset(source), dataset(target), job] for source, target, job in document["column_edges"]],
    }


def _replaced(name: str, parts: Mapping[str, str]) -> str:
    return "".join(parts.get(part, part) for part in _PARTS.split(name))
