"""Links to the page: a dataset as of a moment, or what changed around it between two."""

from __future__ import annotations

from urllib.parse import urlencode

from schemas.naming import DatasetName

PREFIXES = ("job:", "dataset:")
"""Beginnings of a dataset's namespace that the page reads as the kind of a node, so that `dataset:` precedes them."""


def page_link(page_url: str, dataset: DatasetName, **moment: str) -> str:
    """Returns the URL of a dataset on the page.

    Args:
        page_url: URL of the page.
        dataset: The dataset in the middle.
        moment: `at`, or `from` and `to`, as the address has them.
    """
    node = f"{dataset.namespace}/{dataset.name}"
    if node.startswith(PREFIXES):
        node = f"dataset:{node}"
    return f"{page_url.rstrip('/')}/?{urlencode({'node': node, **moment})}"
