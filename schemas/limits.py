"""Limits on what one event may say, so that each costs bounded time and memory.

Those on its document, in bytes, values and depth, are `MAX_BYTES`, `MAX_VALUES` and `MAX_DEPTH` of `strict_json`.

The limits are far above real sizes. dbt names some dozens of inputs, one or two outputs, and up to three symlinks of a
dataset. A Redshift table has at most 1,600 columns ("CTAS usage notes", Amazon Redshift Database Developer Guide).
"""

from __future__ import annotations

MAX_DATASETS = 2_000
"""Maximum number of inputs and outputs of an event; one with more is rejected, as partial lineage would be wrong."""

MAX_SYMLINKS = 100
"""Maximum number of symlinks of one dataset; a facet with more is ignored."""

MAX_COLUMNS = 10_000
"""Maximum number of columns of one dataset, with nested fields; a schema facet with more is ignored."""

MAX_LINKS = 16_000
"""Maximum number of sources of one lineage facet, counted per transformation; a facet with more is ignored.

The limit allows ten sources for each column of Redshift's widest table.
"""

MAX_LABEL = 1_000
"""Maximum length of a kind, tool, version or producer in characters; a facet with a longer one is ignored."""

MAX_TIME = 64
"""Maximum length of a timestamp in characters; RFC 3339 does not limit the fraction digits."""

PARSED_FACTOR = 4
"""Maximum ratio of the estimated size of a batch's objects (`strict_json.parsed_bytes`) to the size of its text."""


def check_limit(count: int, most: int, what: str) -> None:
    """Checks the number of items in a facet.

    Raises:
        ValueError: The count exceeds the limit; the message addresses the event's producer.
    """
    if count > most:
        raise ValueError(f"{count} {what}; at most {most} are accepted, so the facet is ignored: send fewer")
