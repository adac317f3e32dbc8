"""Places of the datasets of one execution, without outputs that are inputs under the name that they had before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from consumer.lineage.facts.executions import Execution
from consumer.lineage.lifecycle import Placement, is_renamed, place
from schemas.naming import DatasetName

PlaceOf = Callable[[DatasetName], DatasetName | None]
"""From a name to the one at which something is shown that was said of it; None where that is not shown."""


class ExecutionPlaces:
    """The places of the datasets of one execution.

    A dataset that was renamed to an output of the execution is no source of that output: a rename is no flow of data,
    and what was copied from the old name to the new one is gone once the rename has replaced it. It is one where the
    execution itself writes the old name, or also names the new one.
    """

    def __init__(self, execution: Execution, placements: Mapping[DatasetName, Placement]) -> None:
        self._time = execution.time
        self._placements = placements
        written = execution.outputs.union(one.output for one in execution.lineage)
        self._written = {placements[name].shown for name in written}
        self._inputs = execution.inputs
        self.inputs = placed(execution.inputs, self.of)
        self.outputs = placed(execution.outputs, self.of)
        moved = filter(self._is_moved, execution.inputs)
        self._renamed = placed(moved, self.of)
        """Places that inputs have since a rename."""

    def of(self, name: DatasetName) -> DatasetName | None:
        """Returns the place of a name; None where it is not shown."""
        return place(name, self._time, self._placements)

    def source_of(self, target: DatasetName) -> PlaceOf:
        """Returns the places of the sources of an output; a name that the output had before has none.

        Args:
            target: The place of the output.
        """

        def place_of(name: DatasetName) -> DatasetName | None:
            found = self.of(name)
            return None if found == target and self._is_moved(name) else found

        return place_of

    def inputs_of(self, target: DatasetName) -> frozenset[DatasetName]:
        """Returns the places of the inputs, without an output's own former names.

        Args:
            target: The place of the output.
        """
        return placed(self._inputs, self.source_of(target)) if target in self._renamed else self.inputs

    def read(self, targets: Iterable[DatasetName]) -> frozenset[DatasetName]:
        """Returns the places of what is read: of inputs that are a source of any output, or of all if it writes none.

        Args:
            targets: The places of the outputs.
        """
        of_each = [self.inputs_of(target) for target in targets] if self._renamed else []
        return frozenset().union(*of_each) if of_each else self.inputs

    def _is_moved(self, name: DatasetName) -> bool:
        """True if a dataset was renamed since, and the execution does not write it under its former name."""
        is_written = self._placements[name].shown in self._written
        return not is_written and is_renamed(name, self._time, self._placements)


def placed(names: Iterable[DatasetName], place_of: PlaceOf) -> frozenset[DatasetName]:
    """Returns the places of names, but for those that are not shown."""
    return frozenset(found for name in names if (found := place_of(name)) is not None)
