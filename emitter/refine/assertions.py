"""Results of tests, as assertions on the dataset that was tested.

dbt-ol says a test's result on the last of its parents, and one test at a time where it reads dbt's log; an event that
says less than one before it would take that back, so what an invocation has shown is said again.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from emitter.dbt.deferral import deferred
from emitter.dbt.project import Project, compiled_sql, dataset_name, kind

KEY = "dataQualityAssertions"
Assertion = Mapping[str, Any]


class Assertions:
    """The assertions of each dataset that the events of an invocation have shown so far.

    Args:
        project: the nodes.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._shown: dict[tuple[str, str], dict[str, Assertion]] = defaultdict(dict)
        self._tests: dict[str, list[str]] = defaultdict(list)
        for unique_id in project.nodes:
            if kind(unique_id) == "test":
                self._tests[str((project.node(unique_id) or {}).get("name"))].append(unique_id)

    def place(self, assertion: Assertion, test_id: str | None, dataset: str) -> tuple[str | None, Assertion]:
        """Where an assertion belongs, and what the manifest adds to it.

        Args:
            assertion: as an event has it.
            test_id: the test, if the event is of one; else it is found by its name.
            dataset: the dataset's name that the event has it on.

        Returns:
            The tested dataset's name, or None if the test is of an ephemeral model, which is no dataset.
        """
        name = assertion.get("name")
        if test_id is None or name not in {None, (self._project.node(test_id) or {}).get("name")}:
            test_id = self._test(name, dataset)
        if test_id is None:
            return dataset, assertion
        tested = self._project.tested(test_id)
        place = dataset if tested is None else self._table(test_id, tested)
        return place, {**self._told(test_id), **{key: value for key, value in assertion.items() if value is not None}}

    def show(self, invocation: str, dataset: str, assertions: list[Assertion]) -> list[Assertion]:
        """Adds a dataset's assertions to those of its invocation and returns all of them, by name."""
        shown = self._shown[invocation, dataset]
        shown.update((str(found.get("name") or found.get("assertion")), found) for found in assertions)
        return [shown[name] for name in sorted(shown)]

    def _test(self, name: object, dataset: str) -> str | None:
        candidates = self._tests.get(str(name), [])
        near = [test for test in candidates if dataset in map(self._project.table, self._project.above(test))]
        return next(iter(near or candidates), None)

    def _table(self, test_id: str, tested: str) -> str | None:
        """The table that a test has read, which with `--defer` may be another environment's."""
        place = deferred(self._project, test_id, compiled_sql(self._project.node(test_id) or {})).get(tested)
        return self._project.table(tested) if place is None else self._project.fold(dataset_name(place))

    def _told(self, test_id: str) -> dict[str, Any]:
        test = self._project.node(test_id) or {}
        arguments = (test.get("test_metadata") or {}).get("kwargs") or {}
        severity = (test.get("config") or {}).get("severity")
        told = {
            "column": arguments.get("column_name") or test.get("column_name"),
            "severity": severity.lower() if isinstance(severity, str) else None,
        }
        return {key: value for key, value in told.items() if value is not None}


def found_in(dataset: Mapping[str, Any]) -> list[Assertion]:
    """The assertions that an event has on an input, wherever it has them."""
    for place in ("inputFacets", "facets"):
        if facet := (dataset.get(place) or {}).get(KEY):
            return list(facet.get("assertions") or [])
    return []
