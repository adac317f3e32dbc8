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
    return f"{page_url.rstrip('/')}/?{urlencode({'node': dataset_id(dataset), **moment})}"


def dataset_id(dataset: DatasetName) -> str:
    """Returns the id of a dataset in addresses of the page, which is never taken for a job's."""
    name = f"{dataset.namespace}/{dataset.name}"
    return f"dataset:{name}" if name.startswith(PREFIXES) else name
