"""What was done to a dataset as a whole: created, dropped, renamed."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from schemas.facets.datasets import LifecycleStateChangeDatasetFacet
from schemas.naming import DatasetName, canonical

DROP = "DROP"
RENAME = "RENAME"


class Lifecycle(NamedTuple):
    """A change of a dataset's state.

    Attributes:
        change: OpenLineage's word, such as DROP.
        previous: The canonical name that a renamed dataset had before; None for all else, and where the event gives
            the dataset's own name for it, as Spark does for an external table.
    """

    change: str
    previous: DatasetName | None = None


def kept(view: LifecycleStateChangeDatasetFacet) -> object:
    """A facet as the graph keeps it, with a canonical name in it."""
    found: dict[str, object] = {"lifecycleStateChange": view.lifecycle_state_change}
    if view.previous_identifier is not None and view.lifecycle_state_change == RENAME:
        found["previousIdentifier"] = canonical(*(view.previous_identifier.namespace, view.previous_identifier.name))
    return found


def lifecycle(text: str, name: DatasetName) -> Lifecycle | None:
    """The change that a kept facet says of a dataset; None of the empty text, of a deleted facet.

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
