"""Links to the page."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from consumer.render.page.page_links import page_link
from schemas.naming import DatasetName


@pytest.mark.parametrize(
    ("namespace", "node"),
    [
        ("s3://bucket", "s3://bucket/a b"),
        ("job:dbt", "dataset:job:dbt/a b"),
        ("dataset:x", "dataset:dataset:x/a b"),
    ],
)
def test_a_dataset_is_not_taken_for_a_job(namespace: str, node: str) -> None:
    """A namespace that begins as the id of a job does has a prefix before it."""
    link = page_link("https://lineage.example/", DatasetName(namespace, "a b"), at="2026-01-01")
    assert parse_qs(urlsplit(link).query) == {"node": [node], "at": ["2026-01-01"]}
