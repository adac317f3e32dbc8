"""How much one event may say, so that each costs bounded time and memory.

They are far above what is real. dbt names some dozens of inputs, one or two outputs, and one to three symlinks of a
dataset. A table of Redshift has at most 1,600 columns ("CTAS usage notes", Amazon Redshift Database Developer Guide).
"""

from __future__ import annotations

MAX_DATASETS = 2_000
"""Inputs and outputs of an event, together; one with more is rejected, since without some of them lineage is wrong."""

MAX_SYMLINKS = 100
"""Symlinks of one dataset; a facet with more is left out."""

MAX_COLUMNS = 10_000
"""Columns of one dataset, with the fields of nested ones; a schema facet with more is left out."""

MAX_LINKS = 16_000
"""Sources that one facet of lineage names, each with each of its transformations; a facet with more is left out.

Ten for each column of Redshift's widest table.
"""

MAX_LABEL = 1_000
"""Characters of a text that names a kind, a tool, a version or a producer; a facet with a longer one is left out."""

MAX_TIME = 64
"""Characters of a time; RFC 3339 sets no limit on the digits of a second."""

PARSED_FACTOR = 4
"""How many times its text a batch of events may take as objects, about (`strict_json.parsed_bytes`)."""


def bounded(count: int, most: int, what: str) -> None:
    """Checks how much a facet says.

    Raises:
        ValueError: It is too much, in words for whoever made the event.
    """
    if count > most:
        raise ValueError(f"{count} {what}; at most {most} are taken, so the facet is left out: send fewer")
