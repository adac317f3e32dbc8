"""Results of tests, as assertions on the tested dataset.

dbt-ol puts a test's result on the last of its parents, and sends one test per event if it reads dbt's log. An event
with fewer results would replace those of earlier events, so each event repeats all results of the invocation.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from emitter.dbt.deferral import deferred
from emitter.dbt.project import Project, compiled_sql, dataset_name, kind

KEY = "dataQualityAssertions"
Assertion = Mapping[str, Any]


class Assertions:
    """The assertions of each dataset in the events of an invocation so far.

    Args:
        project: The nodes.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._shown: dict[tuple[str, str], dict[str, Assertion]] = defaultdict(dict)
        self._tests: dict[str, list[str]] = defaultdict(list)
        for unique_id in project.nodes:
            if kind(unique_id) == "test":
                self._tests[str((project.node(unique_id) or {}).get("name"))].append(unique_id)

    def place(self, assertion: Assertion, test_id: str | None, dataset: str) -> tuple[str | None, Assertion]:
        """Returns the dataset of an assertion, and the assertion completed from the manifest.

        Args:
            assertion: The assertion in the event.
            test_id: The test, if it is the event's node; else it is found by its name.
            dataset: The name of the dataset that has the assertion in the event.

        Returns:
            The tested dataset's name, or None if the test is of an ephemeral model, which is not a dataset.
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
        """Adds a dataset's assertions to those of its invocation, and returns all of them, ordered by name."""
        shown = self._shown[invocation, dataset]
        shown.update((str(found.get("name") or found.get("assertion")), found) for found in assertions)
        return [shown[name] for name in sorted(shown)]

    def _test(self, name: object, dataset: str) -> str | None:
        candidates = self._tests.get(str(name), [])
        near = [test for test in candidates if dataset in map(self._project.table, self._project.above(test))]
        return next(iter(near or candidates), None)

    def _table(self, test_id: str, tested: str) -> str | None:
        """Returns the table that a test has read, which may be another environment's with `--defer`."""
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
    """Returns the assertions on an input of an event, from either kind of facets."""
    for place in ("inputFacets", "facets"):
        if facet := (dataset.get(place) or {}).get(KEY):
            return list(facet.get("assertions") or [])
    return []
