"""The inputs of a test's event: the tested dataset with its results, and the other inputs of the test."""

from collections.abc import Callable, Mapping
from typing import Any

from emitter.dbt.project import Project, kind
from emitter.refine.datasets import refined_facets
from emitter.refine.datasets.assertions import KEY, Assertion, Assertions, found_in
from emitter.refine.datasets.refined_datasets import Dataset, Datasets, renamed
from emitter.refine.nested_access import at


class TestedInputs:
    """Assigns the results of tests to the tested datasets.

    Args:
        project: The nodes.
        datasets: Makes and corrects datasets.
        deferred_names: Returns the names of a node's inputs in another environment, by their names in the manifest.
    """

    def __init__(
        self, project: Project, datasets: Datasets, deferred_names: Callable[[str], Mapping[str, str]]
    ) -> None:
        self._project = project
        self._datasets = datasets
        self._deferred_names = deferred_names
        self._assertions = Assertions(project)

    def of(self, event: Mapping[str, Any], unique_id: str, namespace: str) -> list[Dataset]:
        """Returns the inputs of an event of a test, or of the tests of a node."""
        test = unique_id if kind(unique_id) == "test" else None
        deferred_names = self._deferred_names(test) if test else {}
        placed: dict[str, list[Assertion]] = {}
        inputs: dict[str, Dataset] = {}
        for given in event.get("inputs") or []:
            name = self._real_name(given["name"], unique_id)
            places = self._place(given, test, name, placed)
            if name in deferred_names:
                inputs[deferred_names[name]] = self._datasets.bare(deferred_names[name], namespace)
            elif not places or name in places or not places.isdisjoint({None, *self._project.tables}):
                for kept in self._datasets.kept(renamed(given, name)):
                    inputs[name] = self._plain(kept)
        self._show(placed, inputs, _invocation(event), namespace)
        return list(inputs.values())

    def _place(
        self, given: Mapping[str, Any], test: str | None, name: str, placed: dict[str, list[Assertion]]
    ) -> set[str | None]:
        """Groups an input's results by their tested datasets; returns these datasets."""
        places = set()
        for assertion in found_in(given):
            place, known = self._assertions.place(assertion, test, name)
            places.add(place)
            if place is not None:
                placed.setdefault(place, []).append(known)
        return places

    def _show(
        self,
        placed: Mapping[str, list[Assertion]],
        inputs: dict[str, Dataset],
        invocation: str,
        namespace: str,
    ) -> None:
        for name, assertions in placed.items():
            if name not in inputs and (made := self._found(name, namespace)) is not None:
                inputs[name] = made
            if name in inputs:
                shown = self._assertions.show(invocation, name, assertions)
                inputs[name] = _with_assertions(inputs[name], shown)

    def _found(self, name: str, namespace: str) -> Dataset | None:
        about = self._project.tables.get(name)
        return self._datasets.made(about, namespace) if about else self._datasets.bare(name, namespace)

    def _real_name(self, name: str, unique_id: str) -> str:
        folded = self._project.fold(name)
        for parent in (unique_id, *self._project.above(unique_id)):
            if folded in self._project.phantoms and folded == self._project.stock_name(parent):
                return self._project.table(parent) or folded
        return folded

    def _plain(self, dataset: Dataset) -> Dataset:
        """Returns a tested dataset without its results, which are added to the right dataset later."""
        unique_id = self._project.tables.get(dataset["name"])
        plain = _without_assertions(dataset)
        return plain if unique_id is None else self._datasets.corrected(plain, unique_id, exposed=False)


def _invocation(event: Mapping[str, Any]) -> str:
    run = at(event, "run", "facets")
    return str(at(run, "dbt_run").get("invocation_id") or at(run, "parent", "run").get("runId") or "")


def _without_assertions(dataset: Dataset) -> Dataset:
    plain = dict(dataset)
    for place in ("facets", "inputFacets"):
        if plain.get(place):
            plain[place] = {key: facet for key, facet in plain[place].items() if key != KEY}
    return plain


def _with_assertions(dataset: Dataset, assertions: list[Assertion]) -> Dataset:
    # By the specification it is an input facet; dbt-ol also makes it a dataset facet, for older readers.
    facet = refined_facets.assertions_facet(assertions)
    places = {place: {**(dataset.get(place) or {}), KEY: facet} for place in ("facets", "inputFacets")}
    return {**dataset, **places}
