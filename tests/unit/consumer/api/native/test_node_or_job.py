"""The parameter that takes a dataset or a job."""

from __future__ import annotations

import pytest

from consumer.api.native.endpoints import ENDPOINTS, document_of
from consumer.api.native.node_or_job import means_job, resolve_node_or_job
from consumer.errors import UnknownName
from tests.support.graph.example_graphs import graph, job, table

SOURCE = table("a")
MADE = ("job:dbt", "made")
"""A dataset that is called as its job is where a dataset may be named too."""


def test_job_before_a_name_means_a_job() -> None:
    """Also where a dataset has the same name with that namespace."""
    assert means_job(resolve_node_or_job(graph([job(MADE, SOURCE, name="made")]), "job:dbt/made"))


@pytest.mark.parametrize("text", ["dataset:job:dbt/made", "dataset:made", "made"])
def test_dataset_before_a_name_means_a_dataset(text: str) -> None:
    """The prefix may stand before any name of a dataset, and has to where the namespace begins with `job:`."""
    found = resolve_node_or_job(graph([job(MADE, SOURCE, name="made")]), text)
    assert (found.dataset, means_job(found)) == (MADE, False)


def test_a_namespace_may_begin_with_the_word() -> None:
    """A dataset whose own namespace begins so is meant first."""
    own = ("dataset:lake", "t")
    store = graph([job(own, SOURCE), job(("lake", "t"), SOURCE)])
    assert resolve_node_or_job(store, "dataset:lake/t").dataset == own


def test_an_unknown_dataset_is_refused() -> None:
    """The error has the name without the word before it."""
    with pytest.raises(UnknownName, match="no dataset is called nothing"):
        resolve_node_or_job(graph([job(MADE, SOURCE)]), "dataset:nothing")


@pytest.mark.parametrize(
    ("path", "more", "key"),
    [("/graph", {}, "nodes"), ("/moments", {}, "moments"), ("/changes", {"from": "2000-01-01"}, "records")],
)
@pytest.mark.parametrize("node", ["job:dbt/made", "dataset:job:dbt/made"])
def test_each_query_takes_both(path: str, more: dict[str, str], key: str, node: str) -> None:
    """The answers are about the job, or about the dataset of its name."""
    (endpoint,) = (one for one in ENDPOINTS if one.path == path)
    store = graph([job(MADE, SOURCE, name="made")])
    answer = document_of(endpoint, store, endpoint.parameters.model_validate({"node": node, **more}))
    assert answer[key]
    if path == "/graph":
        assert answer["root"]["namespace"] == "job:dbt"
        assert answer["nodes"][0]["kind"] == node.partition(":")[0]
