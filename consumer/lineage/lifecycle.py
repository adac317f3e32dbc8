"""Changes of a dataset as a whole: created, dropped, renamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NamedTuple

import orjson

from consumer.lineage.facts.delta import Delta
from consumer.lineage.facts.registers import Registers, as_json
from schemas.facets.dataset_facets import LifecycleStateChangeDatasetFacet
from schemas.naming import DatasetName, canonical

DROP = "DROP"
RENAME = "RENAME"

LIFECYCLE = LifecycleStateChangeDatasetFacet.key
RENAMED = "renamed"
"""The register of a dataset's old name that has the new one; made from the lifecycle facet of the new one."""


class Lifecycle(NamedTuple):
    """A change of a dataset's state.

    Attributes:
        change: OpenLineage's word, such as DROP.
        previous: The canonical name that a renamed dataset had before; None for all else, and where the event gives
            the dataset's own name for it, as Spark does for an external table.
    """

    change: str
    previous: DatasetName | None = None


def kept(view: LifecycleStateChangeDatasetFacet) -> str:
    """Returns a facet as the graph keeps it, with a canonical name in it."""
    found: dict[str, object] = {"lifecycleStateChange": view.lifecycle_state_change}
    if view.previous_identifier is not None and view.lifecycle_state_change == RENAME:
        found["previousIdentifier"] = canonical(*(view.previous_identifier.namespace, view.previous_identifier.name))
    return as_json(found)


def lifecycle(text: str, name: DatasetName) -> Lifecycle | None:
    """Returns the change that a kept facet says of a dataset; None of the empty text, of a deleted facet.

    Args:
        text: The kept facet.
        name: The dataset's canonical name.
    """
    if not text:
        return None
    found = orjson.loads(text)
    previous = found.get("previousIdentifier")
    was = DatasetName(*previous) if previous else None
    return Lifecycle(found["lifecycleStateChange"], was if was != name else None)


def is_dropped(facets: object) -> bool:
    """True if an output, by its raw facets, is there because it was dropped: nothing is written to it."""
    facet = facets.get(LifecycleStateChangeDatasetFacet.key) if isinstance(facets, dict) else None
    said = facet.get("lifecycleStateChange") if isinstance(facet, dict) else None
    return isinstance(said, str) and said.upper() == DROP


class Placement(NamedTuple):
    """The node that shows the lineage of a dataset's name.

    Attributes:
        shown: The name under which the dataset is shown.
        dropped: When it was dropped, if nothing has brought it back since; what was said before is not shown.
        renamed: When it was renamed; what was said before is shown at the new name.
        to: The new name.
        unused: True if the dataset is not shown, since nothing but its end is known.
    """

    shown: DatasetName
    dropped: str = ""
    renamed: str = ""
    to: DatasetName | None = None
    unused: bool = False

    @property
    def changed(self) -> bool:
        """True if what was said at one time is shown otherwise than what was said at another."""
        return bool(self.dropped or self.renamed or self.unused)


def placement(shown: DatasetName, facets: Registers) -> Placement:
    """Returns the node that shows the lineage of a dataset, by the facets in force of it."""
    change, renamed = facets.get(LIFECYCLE), facets.get(RENAMED)
    found = Placement(shown)
    if change is not None and change.ref and orjson.loads(change.ref)["lifecycleStateChange"].upper() == DROP:
        found = found._replace(dropped=change.time)
    if renamed is not None and renamed.ref:
        to = DatasetName(*orjson.loads(renamed.ref))
        found = found._replace(renamed=renamed.time, to=to)
    return found


def place(name: DatasetName, time: str, placements: Mapping[DatasetName, Placement]) -> DatasetName | None:
    """Returns the name at which something is shown that was said of a dataset at a time; None if it was dropped since.

    Changes count in the order of their times. Of a drop and a renaming at one instant the renaming counts, which keeps
    what was said.
    """
    found, since = placements[name], ""
    # Only a later change of the new name counts; the times grow, so this ends where tables were swapped.
    while (to := _renamed_since(found, time, since)) is not None:
        since, found = found.renamed, placements[to]
    gone = bool(found.dropped) and max(time, since) <= found.dropped
    return None if found.unused or gone else found.shown


def is_renamed(name: DatasetName, time: str, placements: Mapping[DatasetName, Placement]) -> bool:
    """True if something that was said of a dataset at a time is shown by way of a name that the dataset got later.

    It may be the same name again.
    """
    return _renamed_since(placements[name], time, "") is not None


def _renamed_since(found: Placement, time: str, since: str) -> DatasetName | None:
    """Returns the name that a dataset got after a time, and after its present one; None if it was dropped before."""
    if not time <= found.renamed or not since < found.renamed:
        return None
    dropped_before = bool(found.dropped) and max(time, since) <= found.dropped < found.renamed
    return None if dropped_before else found.to


def renamed_from(name: DatasetName, refs: Mapping[str, str]) -> tuple[DatasetName, str] | None:
    """Returns the old name of a dataset that was renamed, with the reference that its `renamed` register gets.

    Args:
        name: The new name.
        refs: The references of the facets that an event has of it.
    """
    change = refs.get(LIFECYCLE)
    found = lifecycle(change, name) if change is not None else None
    return (found.previous, as_json(name)) if found is not None and found.previous is not None else None


def renamings(delta: Delta) -> Iterator[tuple[DatasetName, DatasetName]]:
    """Yields the old and the new name of each dataset that facts state to be renamed, whether that counts or not."""
    heard = ((name, facts.heard.ref(RENAMED)) for name, facts in delta.names.items())
    run = ((name, registers.ref(RENAMED)) for facts in delta.runs.values() for name, registers in facts.carried.items())
    declared = ((output.name, carried.ref(RENAMED)) for output, carried in delta.declared.items())
    for name, ref in chain(heard, run, declared):
        if ref:
            yield name, DatasetName(*orjson.loads(ref))
