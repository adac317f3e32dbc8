"""The inputs of an event while it is refined: those that the event has, and those that were found."""

from collections.abc import Iterable, Mapping
from typing import Any

from emitter.dbt.project import Project
from emitter.refine.datasets.refined_datasets import Dataset


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
